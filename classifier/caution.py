"""A text that kills the process is found by the processes that come after it.

Before its first range a process notes, in the commit at the same position, how many records it dares to take and that it has
begun. The note is taken back when the scores are there. A process that finds the note still standing knows that the one
before it died over these records, takes fewer, and at a single record gives up after a few deaths: that record is to blame.
"""

from msgspec import DecodeError, Struct, json, structs

MOST_RECORDS = 256  # in a range, while nothing goes wrong
MOST_DEATHS = 3  # over a single record
_SMALLER = 8  # each death makes the next range smaller by this; each success doubles it


class Caution(Struct, frozen=True, omit_defaults=True):
    """What a position's note says."""

    limit: int = MOST_RECORDS  # records the next range may have
    begun: int = 0  # processes in a row that began such a range here, the one at work too, and did not come to its end
    first: bool = False  # no range of this partition has been published yet

    @property
    def note(self) -> str:
        """For `Position.note`; empty when there is nothing to say."""
        return "" if self == _NONE else json.encode(self).decode()

    @property
    def blames(self) -> bool:
        """Whether the next record has killed its process often enough. The process that asks has begun, and is not dead."""
        return self.limit == 1 and self.begun > MOST_DEATHS

    def begin(self) -> "Caution":
        """To be committed before a range is scored."""
        return structs.replace(self, begun=self.begun + 1)

    def end(self) -> "Caution":
        """The process has lived through it, or was asked to stop."""
        return structs.replace(self, begun=0)

    def after(self, *, moved: bool, scored: bool) -> "Caution":
        """Once a range is published: if it `moved` the position, that is a new one; if records were scored, take more."""
        return Caution(
            limit=min(2 * self.limit, MOST_RECORDS) if scored else self.limit, begun=0 if moved else self.begun
        )


_NONE = Caution()


def caution_after(note: str) -> Caution:
    """How careful to be where `note` was committed; with a note that is not ours, not at all."""
    try:
        before = json.decode(note, type=Caution) if note else _NONE
    except DecodeError:
        before = _NONE
    if not before.begun or before.limit <= 1:
        return structs.replace(before, limit=max(1, min(before.limit, MOST_RECORDS)))
    return Caution(limit=max(1, before.limit // _SMALLER), first=before.first)
