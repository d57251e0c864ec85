"""What is held back for digests, and the bookmark by which a box that starts again finds it in the log.

What is held is known by its offset, whatever the rules are by then, and so is what was told to nobody when its turn came;
both as far as there is room. What is too old for that is held if the rules say so, and it was told in no digest: what was is
known by two numbers for each partition: it was due until `told_until`, and lies below `told_below`. What comes late for its
digest lies above, and goes into the next one.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.destinations.digest import Digest, digest
from alerting.destinations.line import Source, Waiting
from alerting.notices import Notice
from ingest.instants import SECOND
from ingest.logs import Place

GRACE = 30 * SECOND  # so long after a digest is due, what belongs to it has been read
NOTED = 200  # offsets of either kind in a note: Kafka takes 4,096 bytes


class Bookmark(Struct, frozen=True):
    """The note of a committed position: what a box has to know beside it. An empty part is 0."""

    stale: int = 0  # what was appended before this instant is passed over
    told_until: int = 0
    told_below: int = 0
    held_from: int = -1  # the oldest offset that still waits for its turn though it lies below the position; -1: none
    untold: tuple[int, ...] = ()  # what had its turn and was not delivered, newest last
    held: tuple[int, ...] = ()  # what waits for its turn, as `held_from`: the newest of it, in order

    @classmethod
    def parse(cls, note: str) -> "Bookmark":
        """Back from text; whatever is no bookmark is an empty one."""
        try:
            numbers, untold, held = (*note.split("/"), "", "")[:3]
            stale, until, below, held_from = (*map(int, numbers.split(";")), 0, 0, -1)[:4]
            return cls(stale, until, below, held_from, tuple(_numbers(untold)), tuple(accumulate(_numbers(held))))
        except (ValueError, TypeError):
            return cls()

    def __str__(self) -> str:
        if self == Bookmark(self.stale):
            return str(self.stale)
        numbers = f"{self.stale};{self.told_until};{self.told_below};{self.held_from}"
        steps = (offset - before for before, offset in pairwise((0, *self.held)))
        return "/".join((numbers, ",".join(map(str, self.untold)), ",".join(map(str, steps)))).rstrip("/")

    def with_held(self, offsets: Sequence[int]) -> "Bookmark":
        """With `offsets`, in order, as what is held."""
        return replace(self, held_from=offsets[0] if offsets else -1, held=tuple(offsets[-NOTED:]))

    def holds(self, offset: int, due: int | None = None) -> bool:
        """Whether what lies at `offset` was still held. When it is `due` by the rules counts where it is too old to be noted."""
        if self.held and offset >= self.held[0]:
            return offset in self.held
        is_told = due is None or (due <= self.told_until and offset < self.told_below)
        return 0 <= self.held_from <= offset and not is_told


class Holding(Struct, frozen=True, eq=False):
    """One thing that waits for its digest."""

    source: Source
    matter: Alert | Notice
    due: int
    is_behind: bool = False  # another alert stands for its incident: it is told if that one is muted

    @property
    def order(self) -> tuple[int, str, int]:
        """Where it stands in a digest, in whatever order the logs were read."""
        return self.source.record.appended_at, self.source.place.log, self.source.record.offset


class Held:
    """All that one box holds back."""

    def __init__(self) -> None:
        self._holdings: list[Holding] = []
        self._leaving: list[Holding] = []  # in a digest that is in the line
        self._until = 0
        self.told: list[Holding] = []  # of these, what the digest tells
        # And what it does not, with why: somebody muted it. Empty: it was behind something else anyway.
        self.muted: list[tuple[Source, Alert, str]] = []

    def __len__(self) -> int:
        return sum(not holding.is_behind for holding in (*self._holdings, *self._leaving))

    def hold(self, holding: Holding) -> None:
        """It waits for its digest."""
        self._holdings.append(holding)

    def release(self, alert: Alert, at: int) -> None:
        """`alert` is told by itself or in a digest at instant `at`: one that is due later need not tell how it stood before.

        One that was due before tells it, whenever `alert` is read: so a box that starts again makes the same digest.
        """
        self._holdings = [
            holding for holding in self._holdings if not (_is_before(holding.matter, alert) and at < holding.due)
        ]

    def due(self, now: int) -> Waiting | None:
        """The digest whose time has come, to be put into the line; one at a time."""
        if self._leaving or not self._holdings:
            return None
        due = min(holding.due for holding in self._holdings)
        if now < due + GRACE:
            return None
        self._leaving = sorted((each for each in self._holdings if each.due <= due), key=lambda each: each.order)
        self._holdings = [holding for holding in self._holdings if holding.due > due]
        self._until = due
        return Waiting(self._digest(self._leaving), due, [holding.source for holding in self._leaving])

    def choose(self, mute: Callable[[Alert], str], stands_for: Callable[[Place, str], str]) -> Digest:
        """The digest in the line, its turn having come: without what is muted, and what is behind something that is told.

        `mute` says why an alert is muted, if it is; `stands_for`, by what a destination hears of an incident.
        """
        alerts = (each.matter for each in self._leaving if isinstance(each.matter, Alert))
        mutes = {alert.id: why for alert in alerts if (why := mute(alert))}
        self.told, self.muted = [], []
        standing: dict[str, str] = {}  # for each incident, what is told of it
        for holding in self._leaving:
            matter = holding.matter
            if isinstance(matter, Alert):
                if matter.id in mutes:
                    self.muted.append((holding.source, matter, "" if holding.is_behind else mutes[matter.id]))
                    continue
                before = stands_for(holding.source.place, matter.incident) if holding.is_behind else ""
                before = standing.setdefault(matter.incident, matter.id if before in {"", *mutes} else before)
                if holding.is_behind and before != matter.id:
                    continue
            self.told.append(holding)
        return self._digest(self.told)

    def done(self) -> int:
        """The digest in the line is done with; returns until when due things are told now."""
        self._leaving, self.told, self.muted = [], [], []
        return self._until

    def put_back(self) -> None:
        """The digest in the line was dropped: what is still here is due again."""
        self._holdings = [*self._leaving, *self._holdings]
        self._leaving = []

    def drop(self, place: Place) -> None:
        """Forget what is held of `place`: it belongs to another reader now."""
        self._holdings = [holding for holding in self._holdings if holding.source.place != place]
        self._leaving = [holding for holding in self._leaving if holding.source.place != place]

    def detach(self, place: Place) -> None:
        """What is held of `place` came from a log that is gone: it is still told, but no box that starts again finds it."""
        for holding in (*self._leaving, *self._holdings):
            if holding.source.place == place:
                holding.source.record = replace(holding.source.record, offset=-1)

    def offsets(self, place: Place) -> list[int]:
        """What is held of the log of `place`."""
        return [
            holding.source.record.offset
            for holding in (*self._leaving, *self._holdings)
            if holding.source.place == place and holding.source.record.offset >= 0
        ]

    def _digest(self, holdings: Iterable[Holding]) -> Digest:
        told = digest(self._until, [holding.matter for holding in holdings])
        return replace(told, last=self._leaving[-1].matter.key)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")] if text else []


def _is_before(matter: Alert | Notice, alert: Alert) -> bool:
    return isinstance(matter, Alert) and matter.id == alert.id and matter.revision < alert.revision
