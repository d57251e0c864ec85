from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bellwether.settings import Settings

WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


@click.command
@click.option("--from", "start", required=True, type=WHEN, help="The first day, or an instant of it.")
@click.option("--to", "end", required=True, type=WHEN, help="The day after the last one, or an instant: not included.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html")
@click.pass_obj
def report(load: Callable[[], Settings], /, start: datetime, end: datetime, language: str, out: Path) -> None:
    """Write the incidents of some days as one HTML page.

    Days are those of console.timezone. The page needs no other file; print it from a browser for a PDF.

    \b
    Example:
      bellwether report --from 2026-03-23 --to 2026-03-30 --language zh --out week.html
    """  # noqa: D301 - click's mark
    if start >= end:
        raise click.UsageError("--from must lie before --to")
    settings = load()
    # `--help` need not wait for these.
    from alerting.cases import FEEDBACK  # noqa: PLC0415
    from alerting.console.incidents import Deadlines  # noqa: PLC0415
    from alerting.console.report import Span  # noqa: PLC0415
    from alerting.console.report import report as written  # noqa: PLC0415
    from bellwether.clock import now  # noqa: PLC0415
    from bellwether.opening import logs_there  # noqa: PLC0415
    from bellwether.writing import whole_file  # noqa: PLC0415

    section = settings.console
    zone = ZoneInfo(section.timezone)
    span = Span(start.replace(tzinfo=zone), end.replace(tzinfo=zone), "zh" if language == "zh" else "en", zone)
    deadlines = Deadlines(section.acknowledge_critical, section.acknowledge_warning)
    with logs_there(settings, FEEDBACK.log) as logs:
        page, incidents = written(logs, span, deadlines, now())
    with whole_file(out) as file:
        file.write(page)
    click.echo(f"{incidents} incidents in {out}")
