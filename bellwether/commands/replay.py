import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from bellwether.commands.publish import FIELD, ZONE
from bellwether.commands.score import MODEL
from bellwether.sections.scoring import WatchSection
from bellwether.settings import Settings, WrongSettings
from ingest.times import EPOCH_UNITS

if TYPE_CHECKING:
    from bellwether.publishing import FileOptions
    from bellwether.replaying import Outcome, Period

BUDGET = "Alerts a week, all topics together; else as in the settings."
SCORES = "Take the scores that a replay with --keep has left (its replay.db), and no files: no text is scored again."
WATCH = "A watch list (.toml, .csv) instead of the one in the settings."
FROM = "Leave out alerts that open before this (UTC); what lies before is read all the same, for the baselines."
TO = "Read nothing from this instant on (UTC)."
KEPT = "Take the scores that the service's own logs still keep, as the settings name them, and no files."
ALERT = "Compute this alert again from what it carries and from the scores still kept, and compare."
PERIOD = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ"])
SHOWN = 60  # characters of a text in the table
SUBJECTS = 24  # charts drawn


@click.command
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="The folder for alerts.jsonl.")  # fmt: skip
@click.option("--from", "start", type=PERIOD, metavar="DATE", help=FROM)
@click.option("--to", "end", type=PERIOD, metavar="DATE", help=TO)
@click.option("--budget", type=click.FloatRange(0, 10_000, min_open=True), metavar="PER_WEEK", help=BUDGET)
@click.option("--watch", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help=WATCH)
@click.option("--field", "fields", multiple=True, metavar="NAME=KEY", help=FIELD)
@click.option("--timezone", metavar="ZONE", help=ZONE)
@click.option("--epoch", type=click.Choice(list(EPOCH_UNITS)), help="The unit of times that are numbers.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "tsv"]), help="Else told by the name.")
@click.option("--encoding", default="utf-8", show_default=True, metavar="NAME", help="Of files: gb18030, for example.")
@click.option("--model", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help=MODEL)
@click.option("--threads", type=click.IntRange(min=0), metavar="N", help="0: as many as there are cores, at most 8.")
@click.option("--keep", is_flag=True, help="Leave the logs in DIR/replay.db.")
@click.option("--scores", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="DB", help=SCORES)
@click.option("--kept", is_flag=True, help=KEPT)
@click.option("--chart", is_flag=True, help="Draw each subject's share, what is usual, and its alerts.")
@click.option("--alert", metavar="ID", help=ALERT)
@click.pass_obj
def replay(load: Callable[[], Settings], /, files: tuple[str, ...], out: Path | None, **options: Any) -> None:
    """Run history through it all, and list the alerts there would have been.

    FILE is read as `bellwether publish` reads it. The documents go, in the order of their times, through the same code that
    `bellwether run` runs, with their own time instead of the clock's; no broker is needed, and nothing is delivered.
    DIR/alerts.jsonl has a line for each alert as it ended.

    A line that is no document is told and kept in DIR/FILE.rejects.jsonl; the exit code is then 3.

    \b
    Examples:
      bellwether replay 2019.jsonl.gz --out found --field published_at=time --timezone UTC --keep
      bellwether replay --scores found/replay.db --out found-2 --budget 2 --chart
      bellwether replay --kept --out lately --from 2026-03-01
      bellwether replay --alert 5f0c3a9be1d24477
    """  # noqa: D301 - click's mark
    if options["alert"]:
        _rebuild(load(), options["alert"], options["scores"])
        return
    if out is None:
        raise click.UsageError("say where the alerts go: --out DIR")
    if bool(files) + bool(options["scores"]) + options["kept"] != 1:
        raise click.UsageError("name files, or --scores, or --kept: one of the three")
    if options["watch"] and not files:
        raise click.UsageError("names were found when the texts were scored: --watch goes with files")
    settings = _settings(load(), options)
    period = (options["start"], options["end"])
    if files:
        from bellwether.replaying import Replay  # noqa: PLC0415 - `--help` need not wait for it

        told = _file_options(options)
        outcome = Replay(settings, out, keep=options["keep"], period=_period(*period)).of_files(files, told)
    else:
        outcome = scores_outcome(settings, out, options["scores"], period, keep=options["keep"])
    _show(outcome, out)
    if options["chart"]:
        _draw(outcome, settings)
    click.get_current_context().exit(3 if outcome.refused else 0)


def scores_outcome(
    settings: Settings, out: Path, kept: Path | None, period: tuple[Any, Any], *, keep: bool = False
) -> "Outcome":
    """Watch kept scores again: those of a replay, or (None) those in the service's own logs.

    Raises `LogUnfit`, `LogAway`, `KeyboardInterrupt`, or what aggregate dies of.
    """
    from bellwether.opening import logs_there  # noqa: PLC0415
    from bellwether.replaying import Replay  # noqa: PLC0415
    from classifier.scores import SCORES as SCORES_LOG  # noqa: PLC0415

    run = Replay(settings, out, keep=keep, period=_period(*period))
    if kept is not None:
        return run.of_scores(kept)
    with logs_there(settings, SCORES_LOG.log) as logs:
        return run.of_logs(logs, [each.kafka_topic for each in settings.input])


def _period(start: Any, end: Any) -> "Period":
    """Raises `click.UsageError` where it is empty."""
    from datetime import UTC  # noqa: PLC0415

    from bellwether.replaying import Period  # noqa: PLC0415
    from ingest.instants import instant  # noqa: PLC0415

    if start is not None and end is not None and start >= end:
        raise click.UsageError("--from must be before --to: nothing lies between them")
    bounds = {"start": start, "end": end}
    return Period(**{name: instant(at.replace(tzinfo=UTC)) for name, at in bounds.items() if at is not None})


def _rebuild(settings: Settings, alert: str, kept: Path | None) -> None:
    """Print each revision's numbers beside those computed again; ends with 1 if they differ."""
    from bellwether.rebuilding import compare  # noqa: PLC0415

    lines, same = compare(settings, alert, kept)
    for line in lines:
        click.echo(line)
    click.get_current_context().exit(0 if same else 1)


def _settings(settings: Settings, options: dict[str, Any]) -> Settings:
    """Those in force, with what the call says otherwise."""
    model, threads, budget = options["model"], options["threads"], options["budget"]
    classifier = {"artifact": model and model.absolute(), "threads": threads}
    alerts = {"budget_per_week": budget}
    return settings.model_copy(
        update={
            "classifier": settings.classifier.model_copy(update=_given(classifier)),
            "alerts": settings.alerts.model_copy(update=_given(alerts)),
            "watch": settings.watch if options["watch"] is None else _watch(options["watch"]),
        }
    )


def _watch(file: Path) -> WatchSection:
    """The watch list of this call. Raises `WrongSettings`."""
    try:
        return WatchSection(file=file.absolute())
    except ValidationError as error:
        raise WrongSettings(
            [f"--watch: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()]
        ) from None


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _file_options(options: dict[str, Any]) -> "FileOptions":
    """How the files are read. Raises `click.UsageError`."""
    from bellwether.publishing import FileOptions, field_options  # noqa: PLC0415
    from ingest.decode import field_mapping  # noqa: PLC0415

    try:
        mapping = field_mapping(field_options(options["fields"]), options["timezone"], options["epoch"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return FileOptions(mapping, options["form"], options["encoding"])


def _show(outcome: "Outcome", out: Path) -> None:
    """A table of the alerts, and how much went through."""
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("opened (UTC)", "about", "severity"):
        table.add_column(name, no_wrap=True)
    for name in ("once in days", "negative", "of", "stories"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("most telling", no_wrap=True, overflow="ellipsis", max_width=SHOWN)
    for alert in outcome.alerts:
        telling = alert.top_documents[0].text.replace("\n", " ") if alert.top_documents else ""
        opened = alert.opened_at.strftime("%Y-%m-%d %H:%M")
        days, counts = f"{alert.return_period_days:.0f}", (alert.negatives, alert.documents, alert.stories)
        table.add_row(opened, alert.subject.name, alert.severity, days, *map(str, counts), telling)
    if outcome.alerts:
        # Where nobody looks, lines are as long as they have to be; what stands in a text is no command to the terminal.
        width = None if sys.stdout.isatty() else 160
        Console(width=width, markup=False, emoji=False, highlight=False).print(table)
    speed = f", {outcome.read / max(outcome.seconds, 1e-9):,.0f} texts/s" if outcome.scored else ""
    click.echo(f"{outcome.documents:,} documents in {outcome.weeks:.1f} weeks{speed}; {outcome.windows:,} windows")
    incidents = len({alert.incident for alert in outcome.alerts})
    told = f"alerts: {len(outcome.alerts)}, incidents: {incidents} ({incidents / outcome.weeks:.1f} a week)"
    click.echo(f"{told}, in {out / 'alerts.jsonl'}")
    if outcome.refused:
        click.echo(f"{outcome.refused:,} lines or records were no documents")
    tell_unheard(outcome)


def tell_unheard(outcome: "Outcome") -> None:
    """Say which inputs took no part."""
    if outcome.unheard:
        click.echo(f"note: no scores of {', '.join(outcome.unheard)} are kept, so it went on without", err=True)


def _draw(outcome: "Outcome", settings: Settings) -> None:
    """A chart for each subject, one line of blocks each for volume, share and what is usual."""
    from bellwether.roles import aggregate_settings  # noqa: PLC0415
    from bellwether.terminal_chart import charts  # noqa: PLC0415
    from ingest.instants import microseconds, moment  # noqa: PLC0415

    half_life = microseconds(aggregate_settings(settings).spikes.slow_half_life)
    made = charts(outcome.history, outcome.alerts, outcome.first_at, outcome.last_at, half_life)
    click.echo(f"\n{moment(outcome.first_at):%Y-%m-%d} to {moment(outcome.last_at):%Y-%m-%d}; ▲ warning, ◆ critical")
    for chart in made[:SUBJECTS]:
        click.echo(f"\n{chart.subject}: {chart.documents:,} stories, {chart.alerts} alerts")
        for name in ("marks", "share", "usual", "volume"):
            click.echo(f"  {name:>6} {getattr(chart, name).rstrip()}")
