"""What came out of the demo, in words."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from alerting.alerts import Alert, Evidence
from deploy.demo.scenario import LAUNCH, RUN, STAGES, START
from deploy.demo.wording import VICTIM

SHOWN = 4  # documents of an alert


def report(console: Console, revisions: Sequence[Alert]) -> bool:
    """Print every alert and what it means for the demo; whether the bank run was found."""
    alerts = ended(revisions)
    run = [each for each in alerts if about_the_run(each)]
    others = [each for each in alerts if not about_the_run(each)]
    console.print()
    for number, alert in enumerate(run):
        console.print(panel(alert, SHOWN if number == 0 else 2))
    console.print(verdict(run, others))
    return bool(run)


def ended(revisions: Iterable[Alert]) -> list[Alert]:
    """Each alert once, at its gravest, in the order they opened."""
    gravest: dict[str, Alert] = {}
    for alert in revisions:
        if alert.id not in gravest or alert.return_period_days > gravest[alert.id].return_period_days:
            gravest[alert.id] = alert
    return sorted(gravest.values(), key=lambda alert: alert.opened_at)


def about_the_run(alert: Alert) -> bool:
    """It opened during the run, and a good part of its evidence names the bank."""
    named = sum(any(name in document.text for name in VICTIM.values()) for document in alert.top_documents)
    return RUN[0] <= alert.opened_at < RUN[1] and named * 3 >= len(alert.top_documents) > 0


def panel(alert: Alert, documents: int) -> Panel:
    """One alert with its evidence."""
    lines = [
        Text.assemble(
            ("opened ", "dim"), f"{alert.opened_at:%A %d %B, %H:%M} UTC", ("  severity ", "dim"), alert.severity
        ),
        Text.assemble("Rare for this topic: ", (f"about once in {period(alert.return_period_days)}", "bold"), "."),
        Text(
            f"Counted since {alert.first_seen_at:%H:%M}: {alert.stories} stories, usually {alert.usual_documents:.0f}. "
            f"{alert.story_negatives} of them negative, {alert.share:.0%} where {alert.usual_share:.0%} is usual; "
            f"{alert.documents} texts with copies, {alert.sources} sources, "
            + ", ".join(f"{count} {language}" for language, count in sorted(alert.languages.items()))
            + "."
        ),
        Text(""),
        *(evidence(document) for document in alert.top_documents[:documents]),
    ]
    return Panel(Text("\n").join(lines), title=f"[bold red]ALERT[/] {alert.subject.name}", title_align="left")


def evidence(document: Evidence) -> Text:
    """The text with the words that drew the model's attention marked."""
    text = Text(document.text)
    for start, end, _ in document.spans:
        text.stylize("bold yellow", start, end)
    when = f"{document.published_at:%H:%M} {document.source}, {document.negative:.0%} negative: "
    return Text.assemble("  ", (when, "dim"), Text(" – ").join(text.split("\n")))


def period(days: float) -> str:
    """A return period in words."""
    if days < 60:
        return f"{days:.0f} days"
    return f"{days / 30.4:.0f} months" if days < 730 else f"{days / 365:.0f} years"


def verdict(run: Sequence[Alert], others: Sequence[Alert]) -> Text:
    """What was found, what was not, and what was found besides."""
    queues = STAGES[1][1]
    if run:
        first = run[0].opened_at
        after = f"{minutes(first - RUN[0])} after the first rumour, {minutes(first - queues)} after the first queue"
        if first < queues:
            after = f"{minutes(first - RUN[0])} after the first rumour, before the first queue"
        incidents = len({each.incident for each in run})
        lines = [f"The bank run was found {after} (event time): topics {len(run)}, incidents {incidents}."]
    else:
        lines = ["The bank run was NOT found: no alert opened on it."]
    lines.append(
        f"The launch of a handset on {LAUNCH[0]:%d %B}, many texts and few bad ones, "
        + ("was wrongly alerted about." if any(within(each, LAUNCH) for each in others) else "woke nobody.")
    )
    weeks = (RUN[0] - START) / timedelta(weeks=1)
    lines.append(
        f"Other alerts in these {weeks:.1f} weeks: {len(others)} (5 a week are the budget, unless set otherwise)."
    )
    lines += [
        f"  {each.opened_at:%d %B %H:%M} {each.subject.name}, once in {period(each.return_period_days)}"
        for each in others
    ]
    return Text("\n".join(lines))


def minutes(duration: timedelta) -> str:
    """`66 minutes`."""
    return f"{duration / timedelta(minutes=1):.0f} minutes"


def within(alert: Alert, interval: tuple[datetime, datetime]) -> bool:
    """Whether the alert opened in the interval or in the hour after it."""
    return interval[0] <= alert.opened_at < interval[1] + timedelta(hours=1)
