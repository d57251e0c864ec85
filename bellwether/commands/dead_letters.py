import base64
import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bellwether.settings import Settings
from ingest.deadletters import DEAD_LETTERS, REASONS

if TYPE_CHECKING:
    from ingest.deadletters import Letter
    from ingest.logs import Logs

Load = Callable[[], Settings]
REASON = click.option("--reason", type=click.Choice(list(REASONS)), help="Only those with this reason.")
MEANINGS = "\b\nReasons:\n" + "\n".join(f"  {reason:<14} {meaning}" for reason, meaning in REASONS.items())


@click.group("dead-letters", epilog=MEANINGS)
def dead_letters() -> None:
    """Look at what could not be read, and put it back repaired.

    \b
      bellwether dead-letters list
      bellwether dead-letters export letters.jsonl     then repair each "value" there, and
      bellwether dead-letters replay letters.jsonl

    If it was a setting that was wrong, set it right and put the letters back as they are: replay --reason bad_time.
    Each letter is put back once, however often it is asked for.
    """  # noqa: D301 - click's mark


@dead_letters.command("list")
@REASON
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest so many.")
@click.option(
    "--bytes", "shown", type=click.IntRange(min=0), default=0, metavar="N", help="Show the first N bytes too."
)
@click.pass_obj
def list_letters(load: Load, reason: str | None, limit: int | None, shown: int) -> None:
    """List the letters, oldest first: when, where from, why.

    The text itself is not shown unless asked for with --bytes: it may be private.
    """
    from collections import deque  # noqa: PLC0415

    from bellwether.opening import logs_there  # noqa: PLC0415
    from ingest.deadletters import letters  # noqa: PLC0415

    with logs_there(load(), DEAD_LETTERS.log) as logs:
        done = _done(logs)
        found = Counter[str]()
        chosen: deque[Letter] = deque(maxlen=limit)
        for letter in letters(logs):
            if reason in {None, letter.reason}:
                found[letter.reason] += 1
                if limit is None:
                    _show(letter, done, shown)
                else:
                    chosen.append(letter)
        for letter in chosen:
            _show(letter, done, shown)
    told = ", ".join(f"{name} {count:,}" for name, count in found.most_common())
    click.echo(f"{found.total():,} dead letters{f': {told}' if told else ''}", err=True)


def _done(logs: "Logs") -> set[str]:
    """Names of the letters that were put back."""
    from ingest.deadletters import marks  # noqa: PLC0415

    return {name for name, mark in marks(logs).items() if mark == "done"}


def _show(letter: "Letter", done: set[str], shown: int) -> None:
    place = f"{letter.place.log}/{letter.place.partition}/{letter.offset}"
    back = "  (put back)" if letter.name in done else ""
    click.echo(f"{letter.dead_at}  {letter.reason:<13}  {place}  {_printable(letter.sentence)}{back}")
    if shown and letter.value is not None:
        more = " ..." if letter.size > shown else ""
        click.echo(f"    {_printable(letter.value[:shown].decode('utf-8', 'replace'))}{more}")


def _printable(text: str) -> str:
    """Nothing that a terminal would take for a command."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in text)


@dead_letters.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@REASON
@click.pass_obj
def export_letters(load: Load, file: Path, reason: str | None) -> None:
    """Write letters to FILE, a line of JSON each, for repair: "value" is the record as it was, to be put right there.

    Letters that were put back are left out. A record that is not UTF-8 stands under "value_base64" instead; a "value" put
    beside it counts. The file holds the texts themselves: only you may read it. One that is there already is left alone.
    """
    from bellwether.opening import logs_there  # noqa: PLC0415
    from bellwether.writing import whole_file  # noqa: PLC0415
    from ingest.deadletters import letters  # noqa: PLC0415

    if os.path.isfile(file):  # noqa: PTH113 - a path's own may raise
        raise click.UsageError(f"{file} is there already, and may hold repairs: name another file")
    count = 0
    with logs_there(load(), DEAD_LETTERS.log) as logs:
        done = _done(logs)
        with whole_file(file, is_private=True) as out:
            for letter in letters(logs):
                if letter.name not in done and reason in {None, letter.reason}:
                    out.write(json.dumps(_line(letter), ensure_ascii=False) + "\n")
                    count += 1
    click.echo(f"{count:,} dead letters written to {file}", err=True)


def _line(letter: "Letter") -> dict[str, Any]:
    line = {"letter": letter.name, "reason": letter.reason, "sentence": letter.sentence, "dead_at": letter.dead_at}
    if letter.cut:
        line["cut"] = f"only the first {len(letter.value or b''):,} of {letter.size:,} bytes are here"
    try:
        return {**line, "value": None if letter.value is None else letter.value.decode()}
    except UnicodeDecodeError:
        return {**line, "value_base64": base64.b64encode(letter.value or b"").decode()}


@dead_letters.command("replay")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@REASON
@click.option("--all", "everything", is_flag=True, help="All letters, as they are.")
@click.pass_obj
def replay_letters(load: Load, file: Path | None, reason: str | None, everything: bool) -> None:
    """Put letters back into the logs they came from: those in FILE as repaired there, or as they are (--reason, --all).

    What would be refused again under the settings in force, or came from a log that is gone, stays dead and is told; the exit
    code is then 3. Nothing is put back twice: marks in the log of dead letters see to that, also when this command was killed
    on its way. Run one at a time: of two at once each may put back the same.
    """
    from bellwether.clock import now  # noqa: PLC0415
    from bellwether.opening import logs_there  # noqa: PLC0415
    from bellwether.repairs import as_they_are, repaired, sound  # noqa: PLC0415
    from ingest.deadletters import letters, put_back  # noqa: PLC0415

    if (file is not None) + (reason is not None) + everything != 1:
        raise click.UsageError("name a FILE of repaired letters, or --reason REASON, or --all")
    settings = load()
    refused: list[str] = []
    with logs_there(settings, DEAD_LETTERS.log) as logs, closing(logs.writer()) as writer:
        chosen = as_they_are(letters(logs), reason) if file is None else repaired(letters(logs), file, refused)
        done = _done(logs)
        put = put_back(logs, writer, sound(chosen, settings, logs, done, refused), now())
    for sentence in refused:
        click.echo(sentence, err=True)
    told = f"{put.back:,} dead letters put back"
    told += f", {put.before:,} had been before" if put.before else ""
    click.echo(f"{told}, {len(refused):,} stay dead" if refused else told, err=True)
    click.get_current_context().exit(3 if refused else 0)
