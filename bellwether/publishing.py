"""Publishes files of documents: reads, checks as a decoder would, writes native documents, keeps apart what cannot be one."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click
import msgspec
from msgspec import Struct
from pydantic import ValidationError

from bellwether.clock import now
from bellwether.progress import Advance, progress_bar
from bellwether.sections.logs import InputSection
from bellwether.settings import Settings
from bellwether.stopping import Stop
from bellwether.writing import is_read, private
from ingest.decode import BadDocument, Decoder, FieldMapping
from ingest.files import DocumentFile
from ingest.instants import microseconds
from ingest.lines import BadLine, BrokenFile, Line
from ingest.logs import LogAway, LogUnfit, Message, Writer

FLUSH = 1_000  # documents between two flushes: what a stop can leave unsaid
TOLD = 10  # rejected lines that are told one by one
HINTS = {
    "missing_field": "--field id=KEY reads a field from another key, --field id==hash makes ids, --field source==NAME sets one",
    "bad_time": "--timezone ZONE is for times without a zone, --epoch UNIT for numbers, --field published_at=KEY for another key",
    "not_utf8": "--encoding gb18030, for example, reads another encoding",
}


class FileOptions(Struct, frozen=True):
    """How a file is read and published."""

    mapping: FieldMapping
    form: str | None = None  # None: told by the name
    encoding: str = "utf-8"
    from_line: int = 1
    limit: int | None = None
    rejects: Path | None = None
    history: bool = False  # for a replay: records are dated as their documents, and nobody goes on with --from-line


class Count(Struct):
    """What became of a file's lines."""

    published: int = 0
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    safe: int = 0  # all lines up to this one are durable, or rejected


class FilePublisher:
    """Publishes files to one log. `writer` None: only checks them."""

    def __init__(self, settings: Settings, to: str, writer: Writer | None, options: FileOptions) -> None:
        self._to = to
        self._writer = writer
        self._options = options
        self._stop = Stop()
        self._decoder = Decoder(
            options.mapping, bound_us=microseconds(settings.windows.out_of_orderness), replay=settings.replay
        )

    def publish_all(self, names: Sequence[str]) -> bool:
        """Publish these files; says whether every line could be. Raises as `publish` does, and `click.UsageError`."""
        spare(names, [self._rejects(name) for name in names], "--rejects, for one file at a time")
        counts = [self.publish(name) for name in names]
        return not any(count.rejected for count in counts)

    def publish(self, name: str) -> Count:
        """Publish one file; says what was rejected. Raises `LogAway`, `LogUnfit` or `BrokenFile` saying how far it came."""
        count = Count(safe=self._options.from_line - 1)
        file = DocumentFile(name, self._options.form, self._options.encoding)
        try:
            with (
                progress_bar(Path(file.name).name, file.size or None) as advance,
                _Rejects(self._rejects(name), goes_on=self._options.from_line > 1) as rejects,
                Stop() as self._stop,
            ):
                self._lines(file, count, rejects, advance)
        except (LogAway, LogUnfit) as error:
            raise type(error)(f"{error}; {self._so_far(file.name, count)}") from error
        except BrokenFile as error:
            raise BrokenFile(f"{error}; {self._so_far(file.name, count)}") from None
        except KeyboardInterrupt:
            click.echo(self._so_far(file.name, count), err=True)
            raise
        finally:
            file.close()
        self._tell(file.name, count)
        return count

    def _lines(self, file: DocumentFile, count: Count, rejects: "_Rejects", advance: Advance) -> None:
        last = 0

        def flush() -> None:
            with self._stop.later():
                self._flush(count, last)

        try:
            for line in file.lines(flush):
                if count.published == self._options.limit:
                    break
                if line.number >= self._options.from_line:
                    with self._stop.later():
                        self._line(file.name, line, count, rejects)
                        last = line.number
                        if count.published % FLUSH == 0:
                            self._flush(count, last)
                if (count.published + count.rejected.total()) % 100 == 0:
                    advance(file.done, f"{count.published:,} documents")
        except (BrokenFile, KeyboardInterrupt):
            with suppress(LogAway):  # it is the first error that is told
                self._flush(count, last)
            raise
        self._flush(count, last)

    def _line(self, name: str, line: Line | BadLine, count: Count, rejects: "_Rejects") -> None:
        bad = line if isinstance(line, BadLine) else None
        if isinstance(line, Line):
            try:
                native, document = self._decoder.decode_fields(line.fields, now())
                value = self._decoder.encode(native)
            except BadDocument as error:
                bad = BadLine(line.number, error.reason, error.sentence, line.text)
        if bad is None:
            count.published += 1
            if self._writer is not None:
                dated = document.event_at if self._options.history else None
                key = document.id.encode("utf-8", "replace")
                self._writer.publish(Message(self._to, value, key=key, created_at=dated))
            return
        rejects.write(bad)
        if count.rejected.total() < TOLD:
            click.echo(f"{name}:{bad.number}: {bad.sentence}", err=True)
        count.rejected[bad.reason] += 1

    def _flush(self, count: Count, last: int) -> None:
        if self._writer is not None:
            self._writer.flush()
        count.safe = max(count.safe, last)

    def _rejects(self, name: str) -> Path:
        if self._options.rejects is not None:
            return self._options.rejects
        return Path("standard-input.rejects.jsonl" if name == "-" else f"{name}.rejects.jsonl")

    def _so_far(self, name: str, count: Count) -> str:
        if self._options.history:
            return f"{name} was read to line {count.safe:,}"
        if self._writer is None:
            return f"{name} was checked to line {count.safe:,}"
        return f"{name} is in {self._to} to line {count.safe}: go on with --from-line {count.safe + 1}"

    def _tell(self, name: str, count: Count) -> None:
        did = "could be published" if self._writer is None else "published"
        done = "read" if self._options.history else f"{did} to {self._to}"
        click.echo(f"{name}: {count.published:,} documents {done}", err=True)
        if not count.rejected:
            return
        reasons = ", ".join(f"{reason} {times:,}" for reason, times in count.rejected.most_common())
        where = self._rejects("-" if name == "standard input" else name)
        click.echo(f"{name}: {count.rejected.total():,} lines rejected ({reasons}), kept in {where}", err=True)
        for reason in HINTS.keys() & count.rejected.keys():
            click.echo(f"  {HINTS[reason]}", err=True)


class _Rejects:
    """The file of rejected lines, made with the first: each with its number, the reason and its text.

    Who goes on with a file adds to those of the lines before.
    """

    def __init__(self, path: Path, *, goes_on: bool) -> None:
        self._path, self._mode = path, "ab" if goes_on else "wb"
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "_Rejects":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with self._told():
                self._file.close()

    def write(self, bad: BadLine) -> None:
        """Keep one. Raises `BrokenFile` if there is no place for it: nothing is dropped in silence."""
        line = {"line": bad.number, "reason": bad.reason, "sentence": bad.sentence, "text": bad.text}
        with self._told():
            if self._file is None:
                self._file = open(self._path, self._mode, opener=private)  # noqa: SIM115 - a path's own takes no opener
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BrokenFile(
                f"rejected lines cannot be kept in {self._path} ({error.strerror}): name another place with --rejects"
            ) from None


def spare(names: Sequence[str], rejects: Sequence[Path], option: str) -> None:
    """See that the rejected lines of one file go over none of those to be read. Raises `click.UsageError`."""
    for kept in rejects:
        if any(is_read(kept, name) for name in names):
            raise click.UsageError(f"rejected lines would go over {kept}, which is to be read: name another {option}")


def native_input(settings: Settings, to: str | None) -> str:
    """The log to publish to: `to`, else the first input that reads native documents. Raises `click.UsageError`."""
    mapped = {each.kafka_topic for each in settings.input if each.fields}
    if to in mapped:
        raise click.UsageError(
            f"{to} holds documents in a format of its own ([input.fields]); publish to another input"
        )
    if to is not None:
        try:
            InputSection(kafka_topic=to)
        except ValidationError as error:
            raise click.UsageError(f"--to {to}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
        if to not in {each.kafka_topic for each in settings.input}:
            click.echo(f"note: no [[input]] names {to}: `init` does not make it, `run` does not read it", err=True)
        return to
    for each in settings.input:
        if not each.fields:
            return each.kafka_topic
    raise click.UsageError("every [[input]] has a format of its own; add one without `fields`, and publish to that")


def field_options(fields: tuple[str, ...]) -> Mapping[str, str]:
    """`("published_at=time",)` as a mapping. Raises `click.UsageError`."""
    pairs = dict(field.partition("=")[::2] for field in fields)
    if wrong := [field for field in fields if "=" not in field]:
        raise click.UsageError(f"--field {wrong[0]} has no `=`: write NAME=KEY, or NAME==VALUE for a constant")
    return pairs
