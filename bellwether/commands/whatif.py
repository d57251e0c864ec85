from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bellwether.commands.replay import FROM, PERIOD, TO, scores_outcome, tell_unheard
from bellwether.settings import Settings

if TYPE_CHECKING:
    from alerting.alerts import Alert

KEPT = "Take the scores that `bellwether replay --keep` has left (its replay.db), instead of those in the service's own logs."


@click.command
@click.option("--budget", required=True, type=click.FloatRange(0, 10_000, min_open=True), metavar="PER_WEEK",
              help="Alerts a week, all topics together, to compare with the settings.")  # fmt: skip
@click.option("--scores", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="DB", help=KEPT)
@click.option("--from", "start", type=PERIOD, metavar="DATE", help=FROM)
@click.option("--to", "end", type=PERIOD, metavar="DATE", help=TO)
@click.pass_obj
def whatif(load: Callable[[], Settings], budget: float, scores: Path | None, start: object, end: object) -> None:
    """Which alerts would appear, and which would vanish, with another budget?

    The scores that are kept are watched twice, once with the settings in force and once with the other budget. Nothing is
    written, and no text is scored again.

    \b
    Examples:
      bellwether whatif --budget 3
      bellwether whatif --budget 10 --scores found/replay.db --from 2020-03-01
    """  # noqa: D301 - click's mark
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    settings = load()
    other = settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"budget_per_week": budget})})
    with TemporaryDirectory(prefix="bellwether-whatif-") as folder:
        runs = [
            scores_outcome(each, Path(folder) / str(number), scores, (start, end))
            for number, each in enumerate((settings, other))
        ]
    now_alerts, then_alerts = (run.alerts for run in runs)
    weeks = runs[0].weeks
    appear = [alert for alert in then_alerts if not _has_like(now_alerts, alert)]
    vanish = [alert for alert in now_alerts if not _has_like(then_alerts, alert)]
    _show("would appear", appear)
    _show("would vanish", vanish)
    for name, alerts in ((settings.alerts.budget_per_week, now_alerts), (budget, then_alerts)):
        incidents = len({alert.incident for alert in alerts})
        click.echo(f"budget {name:g}: {len(alerts)} alerts, {incidents} incidents ({incidents / weeks:.1f} a week)")
    tell_unheard(runs[0])


def _has_like(alerts: "list[Alert]", sought: "Alert") -> bool:
    """Whether one of them is about the same subject at the same time: another budget may open it sooner or later."""
    return any(
        alert.subject == sought.subject
        and (alert.closed_at is None or alert.closed_at >= sought.opened_at)
        and (sought.closed_at is None or sought.closed_at >= alert.opened_at)
        for alert in alerts
    )


def _show(title: str, alerts: "list[Alert]") -> None:
    click.echo(f"{title}: {len(alerts)}")
    for alert in alerts:
        opened = alert.opened_at.strftime("%Y-%m-%d %H:%M")
        counts = f"{alert.negatives} of {alert.documents} negative"
        click.echo(f"  {opened}  {alert.subject.name}  once in {alert.return_period_days:.0f} days  {counts}")
