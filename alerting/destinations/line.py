"""The line of what waits for one destination, and which positions may be committed as it moves on."""

from collections import deque
from collections.abc import Iterator, Sequence

from msgspec import Struct

from alerting.destinations.answers import Matter
from ingest.logs import Place, Record


class Source(Struct, eq=False):
    """A record that something in the line is about."""

    place: Place
    record: Record


class Waiting(Struct, eq=False):
    """Something to deliver, in the line."""

    matter: Matter | None  # None: its record could not be decoded
    since: int  # instant from which its deadline counts
    sources: Sequence[Source]  # one; of a digest, all it is made of
    after: int | None = None  # the position to commit once it is done with; None: nothing to commit
    is_undecided: bool = False  # what becomes of it hangs on what stands before it
    is_begun: bool = False  # one message of several was taken

    @property
    def key(self) -> str:
        """Its idempotency key, as far as it is known."""
        if self.matter is not None:
            return self.matter.key
        return (self.sources[0].record.key or b"").decode("utf-8", "replace")


class Line:
    """First in, first out. A record that needs no delivery stands in nobody's way: it only moves positions on."""

    def __init__(self) -> None:
        self._line: deque[Waiting] = deque()
        self._last: dict[Place, Waiting] = {}
        self._done: dict[Place, int] = {}

    def __len__(self) -> int:
        return len(self._line)

    @property
    def head(self) -> Waiting:
        """The next to be delivered."""
        return self._line[0]

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._line)

    def join(self, place: Place, record: Record, matter: Matter | None, *, is_undecided: bool = False) -> None:
        """The record at the end of what was read of `place` waits for its turn."""
        waiting = Waiting(matter, record.appended_at, (Source(place, record),), record.offset + 1, is_undecided)
        self._line.append(waiting)
        self._last[place] = waiting

    def add(self, waiting: Waiting) -> None:
        """Something waits for its turn that is no record of its own."""
        self._line.append(waiting)

    def pass_over(self, place: Place, position: int) -> None:
        """There is nothing to wait for in `place` below `position`, but what is in the line already."""
        if place in self._last:
            self._last[place].after = position
        else:
            self._done[place] = position

    def keep(self, place: Place, position: int) -> None:
        """Commit `position` of `place` once more, if nothing newer is to be: its note has changed."""
        self._done.setdefault(place, position)

    def leave(self) -> Waiting:
        """The head is done with."""
        head = self._line.popleft()
        place = head.sources[0].place
        if self._last.get(place) is head:
            del self._last[place]
        if head.after is not None:
            self._done[place] = head.after
        return head

    def commits(self) -> dict[Place, int]:
        """What may be committed since this was last asked."""
        done, self._done = self._done, {}
        return done

    def offsets(self, place: Place) -> list[int]:
        """What waits here of the log of `place`, but what stands in a digest."""
        return [
            waiting.sources[0].record.offset
            for waiting in self._line
            if waiting.after is not None and waiting.sources[0].place == place
        ]

    def drop(self, place: Place) -> list[Waiting]:
        """Forget what waits of `place`: it belongs to another reader now. A digest goes if anything in it is from there."""
        dropped = [waiting for waiting in self._line if any(source.place == place for source in waiting.sources)]
        self._line = deque(waiting for waiting in self._line if waiting not in dropped)
        self._last.pop(place, None)
        self._done.pop(place, None)
        return dropped

    def detach(self, place: Place) -> None:
        """What waits of `place` came from a log that is gone: it is still delivered, but there is nothing to commit."""
        for waiting in self._line:
            if waiting.sources[0].place == place:
                waiting.after = None
        self._last.pop(place, None)
        self._done.pop(place, None)
