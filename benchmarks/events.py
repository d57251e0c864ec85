"""Documented incidents in real streams: which are alerted, how soon, and how many alerts there are besides.

    python -m benchmarks.events --data DIR [--streams NAME ...] [--watch FILE] [--budget 5] [--cache DIR] [--out FILE]

DIR holds `events.json` and the streams it names (`*.jsonl.gz`: id, text, time, source, entities). Each stream goes through
`bellwether replay`'s own code, with a watch list of ordinary names; scores are kept in the cache, by artifact and watch list,
so that a run that was stopped goes on with the stream it was at.

An incident *shows* when, within its window, three times its usual number of matching texts of a day have come within 24 hours,
and at least three. It is found by an alert in its window, at most a day after the end of that day where the stream has dates
only, at most two hours after where it has times, on

- `evidence`: any subject, if its name matches the incident or at least half of the texts that the alert shows do;
- `subject`: the topic named for the incident, or a matching name, whatever the texts.

A page is an alert that is not part of an incident already told.
"""

import argparse
import gzip
import json
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from alerting.alerts import Alert
from bellwether.publishing import FileOptions
from bellwether.replaying import LOG_FILE, Outcome, Replay
from bellwether.sections.alerts import AlertsSection, SourcesSection
from bellwether.sections.scoring import ClassifierSection, WatchSection
from bellwether.settings import Settings
from benchmarks.machine import machine
from classifier.artifact import SHIPPED, read_artifact
from ingest.decode import field_mapping

DAY = timedelta(days=1)
TRUSTED = ("Reuters*",)  # sources of which one severe text about a watched name is enough
WATCHED = Path(__file__).parent / "watchlist.toml"


class Text(Struct, frozen=True):
    """A text of a stream, and when it counts."""

    at: datetime
    text: str
    dated: bool  # only its day is known


def texts_of(path: Path) -> list[Text]:
    """All texts of a stream, in its order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Text(datetime.fromisoformat(row["time"]).replace(tzinfo=UTC), row["text"], len(row["time"]) == 10)
        for row in rows
    ]


def replayed(stream: Path, settings: Settings, cache: Path) -> Outcome:
    """What a replay finds in a stream; its scores are computed once for each artifact and watch list."""
    artifact = read_artifact(settings.classifier.artifact or SHIPPED).id
    name = stream.name.removesuffix(".jsonl.gz")
    kept = cache / f"{artifact}-{settings.watch.list.hash}" / name
    if not (kept / LOG_FILE).exists():
        options = FileOptions(field_mapping({"published_at": "time"}, "UTC"))
        Replay(settings, kept, keep=True).of_files([str(stream)], options)
    return Replay(settings, kept / "again", keep=False).of_scores(kept / LOG_FILE)


def shows_at(matching: Sequence[Text], usual_per_day: float) -> datetime:
    """When an incident shows in its window's matching texts; with the last of them if it never does."""
    need = max(3.0, 3 * usual_per_day)
    for number, text in enumerate(matching):
        if sum(text.at - DAY < earlier.at <= text.at for earlier in matching[: number + 1]) >= need:
            return text.at
    return matching[-1].at


def judged(event: dict[str, Any], texts: Sequence[Text], alerts: Sequence[Alert]) -> tuple[dict[str, Any], set[str]]:
    """What became of one incident, and the ids of all alerts in its window."""
    pattern = re.compile(event["match"], re.IGNORECASE)
    start, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in event["window"])
    end = last + DAY
    matching = [text for text in texts if start <= text.at < end and pattern.search(text.text)]
    shown = shows_at(matching, event["baseline_14_days_before_mean"] or 0.0)
    deadline = shown + (2 * DAY if matching[0].dated else timedelta(hours=2))
    inside = [alert for alert in alerts if start <= alert.opened_at <= end]
    about = [alert for alert in inside if is_about(alert, pattern)]
    by_subject = [
        each for each in inside if each.subject.name == event["expected_topic"] or pattern.search(each.subject.name)
    ]
    first = min(about, key=lambda alert: alert.opened_at, default=None)
    return {
        "event": event["id"],
        "shows_at": shown.isoformat(),
        "first_at": first.opened_at.isoformat() if first else None,
        "on": str(first.subject) if first else None,
        "return_period_days": first.return_period_days if first else None,
        "evidence": any(alert.opened_at <= deadline for alert in about),
        "subject": any(alert.opened_at <= deadline for alert in by_subject),
        "in_window": bool(about or by_subject),
        "pages": sum(not alert.joined for alert in about),
        "incidents": len({alert.incident for alert in about}),
    }, {alert.id for alert in inside}


def is_about(alert: Alert, pattern: re.Pattern[str]) -> bool:
    """Whether an alert is about what `pattern` matches, by its name or its texts."""
    telling = sum(bool(pattern.search(document.text)) for document in alert.top_documents)
    return bool(pattern.search(alert.subject.name)) or 2 * telling >= max(len(alert.top_documents), 1)


def measured(data: Path, settings: Settings, cache: Path, names: Collection[str]) -> dict[str, Any]:
    """All figures of the streams of these names; of all, if there are none."""
    events = json.loads((data / "events.json").read_text("utf-8"))
    events = [event for event in events if not names or event["stream"] in names]
    rows, streams = [], []
    for name in sorted({event["stream"] for event in events}):
        path = data / f"{name}.jsonl.gz"
        outcome, texts, inside = replayed(path, settings, cache), texts_of(path), set[str]()
        for event in events:
            if event["stream"] == name:
                row, ids = judged(event, texts, outcome.alerts)
                rows.append(row)
                inside |= ids
        outside = [alert for alert in outcome.alerts if alert.id not in inside]
        pages = sum(not alert.joined for alert in outcome.alerts)
        streams.append(
            {
                "stream": name,
                "weeks": round(outcome.weeks, 1),
                "alerts": len(outcome.alerts),
                "on_names": sum(alert.subject.kind == "entity" for alert in outcome.alerts),
                "flashes": sum(alert.kind == "flash" for alert in outcome.alerts),
                "outside_a_week": round(len(outside) / outcome.weeks, 2),
                "pages_outside_a_week": round(sum(not alert.joined for alert in outside) / outcome.weeks, 2),
                "pages_an_incident": round(pages / max(len({alert.incident for alert in outcome.alerts}), 1), 2),
            }
        )
    found = {way: sum(row[way] for row in rows) for way in ("evidence", "subject", "in_window")}
    return {
        "budget": settings.alerts.budget_per_week,
        "found": found,
        "of": len(rows),
        "events": rows,
        "streams": streams,
    }


def main() -> None:
    """Print the tables and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with events.json and the streams")
    parser.add_argument("--streams", nargs="+", default=(), help="only these; all unless given")
    parser.add_argument("--watch", type=Path, default=WATCHED, help="watch list")
    parser.add_argument("--budget", type=float, default=5.0, help="alerts a week")
    parser.add_argument("--model", type=Path, help="folder of the artifact; the shipped one unless given")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--cache", type=Path, default=Path(".data/scores"), help="folder for scores")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    settings = Settings(
        classifier=ClassifierSection(artifact=arguments.model, threads=arguments.threads),
        watch=WatchSection(file=arguments.watch.absolute()),
        alerts=AlertsSection(budget_per_week=arguments.budget),
        sources=SourcesSection(tier_1=TRUSTED),
    )
    figures = measured(arguments.data, settings, arguments.cache, arguments.streams)
    for row in figures["events"]:
        marks = "".join("x" if row[way] else "-" for way in ("evidence", "subject", "in_window"))
        first = (row["first_at"] or "never")[:16]
        print(f"{marks} {row['event']:34} shows {row['shows_at'][:16]}  first {first:16} {row['on'] or '':28} "
              f"{row['return_period_days'] or 0:7.0f} days, {row['pages']} pages of {row['incidents']} incidents")  # fmt: skip
    for stream in figures["streams"]:
        print("  ".join(f"{name} {value}" for name, value in stream.items()))
    print(f"found {figures['found']} of {figures['of']}")
    if arguments.out:
        arguments.out.write_text(json.dumps({"machine": machine(), **figures}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
