from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from bellwether.commands.replay import PERIOD
from bellwether.settings import Settings

if TYPE_CHECKING:
    from alerting.audit import Entry

Load = Callable[[], Settings]


@click.group
def audit() -> None:
    """Check and read the audit log: who did what, and what was sent to whom.

    \b
      bellwether audit verify
      bellwether audit export audit.jsonl --from 2026-03-01 --to 2026-04-01
    """  # noqa: D301 - click's mark


@audit.command
@click.option("--newest", metavar="HASHES", help="What was printed earlier: all of it must still be there.")
@click.pass_obj
@click.pass_context
def verify(context: click.Context, load: Load, newest: str | None) -> None:
    """Walk through the whole log and tell whether an entry was changed or taken out.

    Prints the hash of each entry that no other names yet, with commas between them. Written down elsewhere and given back
    later with --newest, they show that nothing that was there is gone. Ends with 0 if all holds, else 1.
    """
    from alerting.audit import AUDIT  # noqa: PLC0415
    from alerting.audit import verify as walk  # noqa: PLC0415
    from bellwether.opening import logs_there  # noqa: PLC0415

    with logs_there(load(), AUDIT.log) as logs:
        verdict = walk(logs.scan(AUDIT.log), newest)
    for fault in verdict.faults:
        click.echo(fault, err=True)
    click.echo(f"{verdict.entries:,} entries of {verdict.writers} writers, {len(verdict.faults)} faults", err=True)
    if verdict.newest:
        click.echo(verdict.newest)
    context.exit(1 if verdict.faults else 0)


@audit.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, writable=True))
@click.option(
    "--from", "start", type=PERIOD, metavar="DATE", help="Leave out what is older: 2026-03-01, or 2026-03-01T09:30."
)
@click.option("--to", "end", type=PERIOD, metavar="DATE", help="Leave out this and what is newer.")
@click.pass_obj
def export(load: Load, file: Path, start: datetime | None, end: datetime | None) -> None:
    """Write entries to FILE (- for standard output), a line of JSON each, oldest first.

    Dates are UTC; an entry's own time decides. One whose time somebody has made unreadable is always written.
    """
    from alerting.audit import AUDIT, entries  # noqa: PLC0415
    from bellwether.opening import logs_there  # noqa: PLC0415

    first, last = (None if at is None else at.replace(tzinfo=UTC) for at in (start, end))
    count = 0
    with logs_there(load(), AUDIT.log) as logs, _written(file) as out:
        for entry in entries(logs.scan(AUDIT.log)):
            if _is_within(entry.at, first, last):
                out.write(_line(entry))
                count += 1
    click.echo(f"{count:,} entries", err=True)


def _is_within(at: str, first: datetime | None, last: datetime | None) -> bool:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return True
    if moment.tzinfo is None:
        return True
    return (first is None or moment >= first) and (last is None or moment < last)


@contextmanager
def _written(file: Path) -> Iterator[IO[str]]:
    """FILE, to be written. Raises `click.UsageError` where that cannot be done."""
    from bellwether.writing import standard_output, whole_file  # noqa: PLC0415

    if str(file) != "-":
        with whole_file(file) as out:
            yield out
        return
    try:
        standard_output()
        with click.open_file("-", "w", encoding="utf-8") as out:
            yield out
            out.flush()
    except BrokenPipeError:  # who reads it has left
        raise
    except OSError as error:
        raise click.UsageError(f"standard output cannot be written: {error.strerror}") from None


def _line(entry: "Entry") -> str:
    from msgspec import json  # noqa: PLC0415

    return json.encode(entry).decode() + "\n"
