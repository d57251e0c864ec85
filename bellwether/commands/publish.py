from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bellwether.settings import Settings
from ingest.times import EPOCH_UNITS

if TYPE_CHECKING:
    from ingest.feeds import FeedSettings

FIELD = "Where a field stands: NAME=KEY, with dots into nested objects; NAME==VALUE for a constant; id==hash makes ids."
ZONE = "Time zone of times without one, such as Asia/Shanghai or UTC; without it they are rejected."
TO = "The log to publish to; else the first [[input]] without fields."


@click.command
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--feed", "feeds", multiple=True, metavar="URL", help="An RSS or Atom feed to follow; can be repeated.")
@click.option("--to", metavar="LOG", help=TO)
@click.option("--field", "fields", multiple=True, metavar="NAME=KEY", help=FIELD)
@click.option("--timezone", metavar="ZONE", help=ZONE)
@click.option("--epoch", type=click.Choice(list(EPOCH_UNITS)), help="The unit of times that are numbers.")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "tsv"]), help="Else told by the name.")
@click.option("--encoding", default="utf-8", show_default=True, metavar="NAME", help="Of files: gb18030, for example.")
@click.option("--from-line", type=click.IntRange(min=1), default=1, metavar="N", help="Leave out the lines before.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Publish at most so many of each file.")
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), help="Else FILE.rejects.jsonl.")
@click.option("--dry-run", is_flag=True, help="Only check; publish nothing.")
@click.option(
    "--every", default="5m", show_default=True, metavar="TIME", help="Ask a feed again after this, 1m or more."
)
@click.option("--once", is_flag=True, help="Visit each feed once, and end.")
@click.pass_obj
def publish(load: Callable[[], Settings], /, files: tuple[str, ...], feeds: tuple[str, ...], **options: Any) -> None:
    """Put documents from files or feeds into a log.

    FILE is JSONL, CSV or TSV, plain or gzipped; - is standard input. What is published are native documents
    (`bellwether schema`), with their id as key. A date without a clock time says so in published_precision.

    A line that is no document is told with its number and kept in FILE.rejects.jsonl; the others are published, and the
    exit code is then 3. Publishing a file twice publishes copies; when it was interrupted, the last line on standard error
    says how to go on: --from-line N.

    A feed is asked politely (only for what has changed, no sooner than it wants) and each of its entries is published once,
    over restarts and crashes too, if one process at a time follows it. Of the fields' options it takes --field source==NAME
    and --timezone; without them the source is the feed's host, and times without zone are read as UTC.

    \b
    Examples:
      bellwether publish news.jsonl
      bellwether publish posts.csv.gz --field published_at=time --field id=post_id --timezone Asia/Shanghai
      bellwether publish --feed https://example.com/markets.rss --every 2m
    """  # noqa: D301 - click's mark
    if bool(files) == bool(feeds):
        raise click.UsageError("name files or feeds: one of the two")
    settings = load()
    done = _publish_feeds(settings, feeds, options) if feeds else _publish_files(settings, files, options)
    click.get_current_context().exit(0 if done else 3)


def _publish_files(settings: Settings, files: tuple[str, ...], options: dict[str, Any]) -> bool:
    """Whether every line could be published."""
    # `--help` need not wait for these.
    from bellwether.opening import logs_with  # noqa: PLC0415
    from bellwether.publishing import (  # noqa: PLC0415
        FileOptions,
        FilePublisher,
        field_options,
        native_input,
    )
    from ingest.decode import field_mapping  # noqa: PLC0415

    to = native_input(settings, options["to"])
    try:
        mapping = field_mapping(field_options(options["fields"]), options["timezone"], options["epoch"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    chosen = {name: options[name] for name in ("form", "encoding", "from_line", "limit", "rejects")}
    if len(files) > 1 and (options["rejects"] or options["from_line"] > 1):
        raise click.UsageError("--rejects and --from-line are for one file at a time")
    if options["dry_run"]:
        return FilePublisher(settings, to, None, FileOptions(mapping, **chosen)).publish_all(files)
    with logs_with(settings, to) as logs, closing(logs.writer()) as writer:
        return FilePublisher(settings, to, writer, FileOptions(mapping, **chosen)).publish_all(files)


def _publish_feeds(settings: Settings, feeds: tuple[str, ...], options: dict[str, Any]) -> bool:
    """Whether every feed could be read when it was last asked."""
    from bellwether.feeding import publish_feeds  # noqa: PLC0415
    from bellwether.logging import start_logging  # noqa: PLC0415
    from bellwether.opening import logs_with  # noqa: PLC0415
    from bellwether.publishing import native_input  # noqa: PLC0415
    from bellwether.stopping import Asked  # noqa: PLC0415

    chosen = _feed_settings(native_input(settings, options["to"]), options)
    _check_addresses(feeds)
    start_logging(settings.logging)
    opened = partial(logs_with, settings, chosen.to)
    with Asked() as stop:
        return publish_feeds(opened, list(feeds), chosen, stop, once=options["once"]) or stop.is_set()


def _check_addresses(feeds: tuple[str, ...]) -> None:
    """Raises `click.UsageError`, which does not repeat the address: there may be a password in it."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from bellwether.kinds import Address  # noqa: PLC0415

    try:
        TypeAdapter(list[Address]).validate_python(feeds)
    except ValidationError as error:
        raise click.UsageError(f"--feed: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def _feed_settings(to: str, options: dict[str, Any]) -> "FeedSettings":
    """What the options say about feeds. Raises `click.UsageError`."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from bellwether.kinds import Duration  # noqa: PLC0415
    from bellwether.publishing import field_options  # noqa: PLC0415
    from ingest.decode import field_mapping  # noqa: PLC0415
    from ingest.feeds import FeedSettings  # noqa: PLC0415

    fields = field_options(options["fields"])
    if set(fields) - {"source"} or not fields.get("source", "=").startswith("="):
        raise click.UsageError("of a feed's fields only the source can be set: --field source==NAME")
    try:
        zone = field_mapping(fields, options["timezone"]).timezone
        every_s = round(TypeAdapter(Duration).validate_python(options["every"]).total_seconds())
    except ValidationError as error:
        raise click.UsageError(f"--every: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if every_s < 60:
        raise click.UsageError("--every: a feed is asked once a minute at most")
    source = fields.get("source", "").removeprefix("=")
    return FeedSettings(to, every_s, source, ZoneInfo(zone) if zone else None)
