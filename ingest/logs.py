"""What a log promises, whoever keeps it: Kafka (`ingest.kafka`) or one SQLite file (`ingest.embedded`).

A log is a named list of records in partitions, each with an offset. Readers of one group share the partitions out among
themselves; a reader's position is what it committed. The loop of every box is poll, step, publish, commit
(`ingest.steps`), and nothing is committed that has not been durably published.

Errors are of three kinds: `LogAway` (the world is away: try again), `LogUnfit` (a setting or a right is wrong: stop, with
one sentence that says what to do), and a bad record, which is the reader's to name.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct


class LogError(Exception):
    """A log did not do what was asked; the message is one sentence for the operator."""


class LogAway(LogError):  # noqa: N818 - a state of the world
    """The log cannot be reached or cannot take more at present (broker down, disk full): retry with backoff."""


class LogUnfit(LogError):  # noqa: N818
    """The log is missing, wrongly made, or refuses us: a person has to act."""


class LogMissing(LogUnfit):
    """There is no log of this name: it has not been made, or is gone."""


class RecordTooLarge(LogUnfit):
    """The log takes no record of this size."""


class LogReplaced(LogUnfit):
    """What was opened is not what is there now: whoever starts again finds that."""


class Place(NamedTuple):
    """One partition of one log."""

    log: str
    partition: int


class Record(Struct, frozen=True):
    """One record as it lies in a log."""

    offset: int
    appended_at: int  # instant
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Position(NamedTuple):
    """Where a group goes on reading, and a short note kept with it (Kafka's commit metadata)."""

    offset: int
    note: str = ""


class Opened(Struct, frozen=True):
    """A partition became this reader's. No `Batch` of it comes from the same poll, so a seek can be made first."""

    place: Place
    log_id: str  # changes when a log is deleted and made again under its name
    partitions: int  # how many the log has
    committed: Position | None  # None: this group never committed here, or what it committed has expired
    start: int  # the oldest offset that is still kept
    end: int  # one past the newest


class Batch(Struct, frozen=True):
    """A contiguous stretch of one partition: every record there is in [start, next)."""

    place: Place
    start: int
    next: int  # the position after it; offsets in between that have no record hold none (compaction, markers)
    end: int  # one past the newest record known when it was read
    records: tuple[Record, ...]


class Skipped(Struct, frozen=True):
    """The log no longer has what lies in [start, next): reading goes on at `next`.

    `remade` is set when the log was deleted and made again; `next` is then a position in the new one, whose id is `log_id`.
    """

    place: Place
    start: int
    next: int
    log_id: str
    partitions: int
    remade: bool = False


class Closed(Struct, frozen=True):
    """A partition is no longer this reader's; what it read there and has not committed belongs to the next one."""

    place: Place


class Ended(Struct, frozen=True):
    """How far a partition reaches, asked of the log now: once a second, for boxes that want it (`ingest.steps`).

    What lies below `position` has been delivered: with `position == end`, all that was appended before `asked_at` is read.
    """

    place: Place
    position: int  # where the reader goes on
    end: int  # one past the newest record
    asked_at: int  # instant, taken just before the log was asked


Event = Opened | Batch | Skipped | Closed | Ended


class Message(Struct, frozen=True):
    """A record to be. With `partition` None the key decides, or the log."""

    log: str
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None
    created_at: int | None = None  # instant; None: when the log takes it


class Kept(Struct, frozen=True):
    """How a log is made: what `ensure` creates or checks."""

    log: str
    partitions: int | None = None  # None: as the log's owner likes (Kafka: the broker's default)
    retention_s: int | None = None  # None: as the log's owner likes; -1: for ever
    cleanup: str = "delete"  # "delete", "compact" or "compact,delete"
    own_clock: bool = False  # the log itself says when a record came, not the clock of who writes it


def span(seconds: int) -> str:
    """How long a log is kept, in words."""
    if seconds < 0:
        return "for ever"
    return f"{seconds // 86_400} days" if seconds and seconds % 86_400 == 0 else f"{seconds} s"


class Reader(Protocol):
    """One member of a reading group. Not thread-safe: it belongs to one loop."""

    def poll(self, timeout_s: float) -> list[Event]:
        """What has come since the last poll, waiting at most `timeout_s` for a first event; [] if nothing.

        Reads at most the reader's `limit` of records. Raises `LogAway` (poll again later) or `LogUnfit`.
        """

    def commit(self, positions: Mapping[Place, Position]) -> None:
        """Keep exactly these positions for the group, and return when they are kept.

        A place that this reader no longer holds is passed over without an error: its next reader reads again.
        Raises `LogAway`.
        """

    def seek(self, place: Place, offset: int) -> None:
        """Go on at `offset` with the next poll; a position that is no longer kept comes back as `Skipped`."""

    def pause(self, places: Sequence[Place]) -> None:
        """Deliver no records of these places until `resume`; polling goes on and keeps the membership alive."""

    def resume(self, places: Sequence[Place]) -> None:
        """Undo `pause`."""

    def ends(self) -> dict[Place, int]:
        """One past the newest record of each place held, asked of the log now. Raises `LogAway`."""

    def close(self) -> None:
        """Leave the group. Nothing is committed."""


class Writer(Protocol):
    """Puts messages into logs, in order for each partition. Not thread-safe."""

    def publish(self, message: Message) -> None:
        """Hand over; durable only after `flush`. Raises `LogAway` or `LogUnfit`."""

    def flush(self) -> None:
        """Return when everything handed over is durable (Kafka: acknowledged by all in-sync replicas).

        Raises `LogAway` or `LogUnfit` when something is not: then nothing that depends on it may be committed.
        """

    def close(self) -> None:
        """Flush is not implied: what was not flushed may be lost."""


class Logs(Protocol):
    """A place where logs are kept."""

    def reader(self, group: str, logs: Sequence[str], *, limit: int = 500) -> Reader:
        """A new member of `group`, reading `logs`; at most `limit` records a poll. Raises `LogAway` or `LogUnfit`."""

    def writer(self) -> Writer:
        """A new writer."""

    def scan(self, log: str, *, partition: int = 0, start: int | None = None) -> Iterator[Record]:
        """Every record from `start` (None: the oldest) to the end as it is now; no group, no commit.

        A `start` that is no longer kept means the oldest. Raises `LogAway` or `LogUnfit`.
        """

    def partitions(self, log: str) -> int:
        """How many partitions `log` has. Raises `LogAway`; `LogUnfit` if there is no such log."""

    def ensure(self, kept: Sequence[Kept]) -> list[str]:
        """Make each log that is missing and check those that exist; one sentence for each thing done, or better done by a person.

        Raises `LogUnfit` naming every misfit at once, `LogAway` if the log cannot be asked.
        """

    def close(self) -> None:
        """Let go of connections."""
