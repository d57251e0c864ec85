"""Late stories of one subject: they belong to a bin that is closed, and count for the detector where the watermark stands."""

from msgspec import Struct


class LateCount(Struct):
    """How many there are, how many of them are negative, and where they belong."""

    stories: int = 0
    negatives: int = 0
    # Both by the start of a bin: what belongs there, less what was counted there instead. Up to an instant that comes to what
    # belongs before it and was counted from it on, which is what windows from that instant on do not have.
    bins: dict[int, tuple[int, int]] = {}

    def add(self, start: int, stories: int, negatives: int) -> None:
        """So many more belong to the bin from `start`."""
        self.stories += stories
        self.negatives += negatives
        self._put(start, stories, negatives)

    def take_up(self, late: "LateCount", start: int) -> None:
        """Take over what was counted in the bin from `start`."""
        for belongs, (stories, negatives) in late.bins.items():
            self.add(belongs, stories, negatives)
            self._put(start, -stories, -negatives)

    def across(self, instant: int) -> tuple[int, int]:
        """How many belong before `instant` and were counted from it on, or are yet to be; and how many negative ones."""
        before = [counts for start, counts in self.bins.items() if start < instant]
        return sum([stories for stories, _ in before]), sum([negatives for _, negatives in before])

    def is_since(self, instant: int) -> bool:
        """Whether any belong to bins from `instant` on, or were counted there."""
        return self.across(instant)[0] > 0 or any(start >= instant for start in self.bins)

    def fold(self, instant: int) -> None:
        """Nobody will ask for an earlier instant than this one."""
        stories, negatives = self.across(instant)
        self.bins = {start: counts for start, counts in self.bins.items() if start >= instant}
        self._put(instant - 1, stories, negatives)

    def _put(self, start: int, stories: int, negatives: int) -> None:
        had = self.bins.get(start, (0, 0))
        self.bins[start] = had[0] + stories, had[1] + negatives
