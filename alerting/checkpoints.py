"""State and position in one value, written in parts under epoch and owner into two slots in turn.

A checkpoint counts when all its parts are there; of those the one with the highest epoch and turn is the newest. Whoever
takes over writes under a higher epoch, so what a zombie still writes never counts; older epochs are removed only after the
first checkpoint of one's own is complete. Any complete checkpoint is a right one, since the rest is read from the scores log.
"""

from collections.abc import Iterable

import zstandard
from msgspec import MsgspecError, Struct, msgpack

from ingest.logs import Kept, LogUnfit, Message, Record
from ingest.records import decoded

CHECKPOINTS = Kept("bellwether.checkpoints", partitions=1, cleanup="compact")
FORMAT = 1
PART_BYTES = 512 * 1024
ANEW = "start anew from the scores that are kept: `bellwether init --forget-checkpoints`"


class Part(Struct, frozen=True, array_like=True):
    """One part of one checkpoint."""

    format: int
    epoch: int
    owner: str
    turn: int  # counts the checkpoints of this owner; its slot is turn % 2
    part: int
    parts: int
    data: bytes


_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Part)


class Checkpoints:
    """Writes the checkpoints of one owner, having read everybody's."""

    def __init__(self, owner: str, records: Iterable[Record]) -> None:
        """Read `records`, the whole checkpoints log. Raises `LogUnfit` if they are of a format unknown here."""
        standing = _standing(records)
        kept = {key: _decode(value) for key, value in standing.items() if value is not None}
        self.owner = owner
        self.epoch = max((part.epoch for part in kept.values()), default=0) + 1
        self.newest: bytes | None = _newest(kept.values())
        self.is_forgotten = self.newest is None and None in standing.values()  # there were some
        self._turn = 0
        self._older = list(kept)

    def messages(self, state: bytes) -> list[Message]:
        """The records that make `state` durable, once they are all flushed."""
        packed = zstandard.compress(state, 1)
        chunks = [packed[i : i + PART_BYTES] for i in range(0, len(packed), PART_BYTES)]
        messages = [
            Message(
                CHECKPOINTS.log,
                _encoder.encode(Part(FORMAT, self.epoch, self.owner, self._turn, number, len(chunks), chunk)),
                key=f"{self.epoch}/{self.owner}/{self._turn % 2}/{number}".encode(),
            )
            for number, chunk in enumerate(chunks)
        ]
        self._turn += 1
        return messages

    def removals(self) -> list[Message]:
        """Tombstones for all that was there before; to be published after one's own first checkpoint, once."""
        older, self._older = self._older, []
        return [Message(CHECKPOINTS.log, None, key=key) for key in older]


def forgetting(records: Iterable[Record]) -> list[Message]:
    """Tombstones for every checkpoint in `records`, the whole log, also for those that cannot be read here."""
    return [Message(CHECKPOINTS.log, None, key=key) for key, value in _standing(records).items() if value is not None]


def _standing(records: Iterable[Record]) -> dict[bytes, bytes | None]:
    """What compaction will leave, by key; None: removed. What was replaced or removed need not be readable."""
    standing: dict[bytes, bytes | None] = {}
    for record in records:
        key = record.key or b""
        standing.pop(key, None)
        standing[key] = record.value
    return standing


def _decode(value: bytes) -> Part:
    try:
        part = decoded(_decoder, value)
    except MsgspecError as error:
        raise LogUnfit(
            f"A record of {CHECKPOINTS.log} is not a checkpoint ({error}); give the log back, or {ANEW}"
        ) from error
    if part.format != FORMAT:
        raise LogUnfit(
            f"{CHECKPOINTS.log} holds a checkpoint of format {part.format}, this version reads {FORMAT}: "
            f"run the version that wrote it, or {ANEW}"
        )
    return part


def _newest(parts: Iterable[Part]) -> bytes | None:
    """The state of the newest complete checkpoint."""
    groups: dict[tuple[int, int, str], dict[int, Part]] = {}
    for part in parts:
        groups.setdefault((part.epoch, part.turn, part.owner), {})[part.part] = part
    for _, group in sorted(groups.items(), reverse=True):
        if len(group) == next(iter(group.values())).parts:
            return zstandard.decompress(b"".join(group[number].data for number in range(len(group))))
    return None
