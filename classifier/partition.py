"""One input partition, as the box that scores it holds it."""

from collections.abc import Iterator

from msgspec import Struct

from classifier.caution import Caution, caution_after
from ingest.logs import Batch, Opened, Place, Position, Record, Skipped
from ingest.steps import Step


class Partition(Struct):
    """How far a partition has been read. All of it changes only when a step is done."""

    place: Place
    log_id: str
    partitions: int
    position: int  # everything below it stands in the scores log
    end: int  # one past the newest record known: asked of the log a second ago at most
    caution: Caution
    until: int | None  # in a replay: where the partition ended when it was opened
    tried: bool = False  # a range has been begun since it was opened

    @classmethod
    def opened(cls, event: Opened, *, replay: bool) -> "Partition":
        """As it is taken over from whoever read it before."""
        committed = event.committed
        return cls(
            place=event.place,
            log_id=event.log_id,
            partitions=event.partitions,
            position=event.start if committed is None else committed.offset,
            end=event.end,
            caution=Caution(first=True) if committed is None else caution_after(committed.note),
            until=event.end if replay else None,
        )

    def skip(self, event: Skipped) -> str:
        """Go to where positions are missing; returns why they are."""
        name = event.place.log
        if event.remade:
            self.log_id, self.partitions, self.caution = event.log_id, event.partitions, Caution(first=True)
            self.position = event.next  # positions of the log that is gone mean nothing in the new one
            return f"{name} was deleted and made again"
        self.position = event.start
        if event.next < event.start:
            return f"{name} has lost its newest records: what follows comes at {event.next} again"
        return f"{name} no longer has positions {event.start} to {event.next}"

    def unread(self, batch: Batch) -> tuple[int, list[Record]]:
        """Where reading ends, and the records before it that are not in the scores yet."""
        end = batch.next if self.until is None else min(batch.next, self.until)
        return end, [record for record in batch.records if self.position <= record.offset < end]

    def begin(self) -> Iterator[Step]:
        """Note that a range is begun, before it can kill anyone; `finish` comes next, also when asked to stop meanwhile."""
        self.tried = True
        if not self.caution.blames:
            self.caution = self.caution.begin()
            yield Step(
                commits={self.place: Position(self.position, self.caution.note)}, is_half=not self.caution.blames
            )

    def finish(self) -> Iterator[Step]:
        """Take the note back: what comes now, publishing, is not the records' doing."""
        if self.caution.begun and not self.caution.blames:
            self.caution = self.caution.end()
            yield Step(commits={self.place: Position(self.position, self.caution.note)})
