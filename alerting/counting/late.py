"""Late stories of one subject: they belong to a bin that is closed, and count for the detector where the watermark stands."""

from msgspec import Struct

from alerting.counting.windows import Tally


class Balance(Struct, array_like=True):
    """Of one bin: what belongs there, less what was counted there instead."""

    stories: int = 0
    negatives: int = 0  # of them
    copies: int = 0  # that came with stories
    negative_copies: int = 0
    languages: dict[str, int] = {}  # documents in each
    sources: dict[str, int] = {}  # tallies that have each: late ones of one bin make up one

    @classmethod
    def of(cls, tally: Tally) -> "Balance":
        """All of a tally belongs there."""
        copies, negative_copies = tally.documents - tally.stories, tally.negatives - tally.story_negatives
        sources = dict.fromkeys(tally.sources, 1)
        return cls(tally.stories, tally.story_negatives, copies, negative_copies, dict(tally.languages), sources)

    def add(self, more: "Balance", times: int = 1) -> None:
        """Count so many `times` what `more` has; what is balanced is not kept."""
        self.stories += times * more.stories
        self.negatives += times * more.negatives
        self.copies += times * more.copies
        self.negative_copies += times * more.negative_copies
        for mine, theirs in ((self.languages, more.languages), (self.sources, more.sources)):
            for name, many in theirs.items():
                mine[name] = mine.get(name, 0) + times * many
                if not mine[name]:
                    del mine[name]

    def tally(self) -> Tally:
        """What it comes to, as windows count."""
        return Tally(
            documents=self.stories + self.copies,
            negatives=self.negatives + self.negative_copies,
            stories=self.stories,
            story_negatives=self.negatives,
            languages=dict(self.languages),
            sources=set(self.sources),
        )


class LateCount(Struct):
    """How many there are, how many of them are negative, and where they belong."""

    stories: int = 0
    negatives: int = 0
    # By the start of a bin. Up to an instant the balances come to what belongs before it and was counted from it on, which is
    # what windows from that instant on do not have.
    bins: dict[int, Balance] = {}

    def add(self, start: int, more: Balance) -> None:
        """So many more belong to the bin from `start`."""
        self.stories += more.stories
        self.negatives += more.negatives
        self._put(start, more)

    def take_up(self, late: "LateCount", start: int) -> None:
        """Take over what was counted in the bin from `start`."""
        for belongs, balance in late.bins.items():
            self.add(belongs, balance)
            self._put(start, balance, -1)

    def across(self, instant: int) -> Tally:
        """What belongs before `instant` and was counted from it on, or is yet to be."""
        return self._before(instant).tally()

    def is_since(self, instant: int) -> bool:
        """Whether any belong to bins from `instant` on, or were counted there."""
        return self._before(instant).stories > 0 or any(start >= instant for start in self.bins)

    def fold(self, instant: int) -> None:
        """Nobody will ask for an earlier instant than this one."""
        before = self._before(instant)
        self.bins = {start: balance for start, balance in self.bins.items() if start >= instant}
        self._put(instant - 1, before)

    def _before(self, instant: int) -> Balance:
        whole = Balance()
        for start, balance in self.bins.items():
            if start < instant:
                whole.add(balance)
        return whole

    def _put(self, start: int, more: Balance, times: int = 1) -> None:
        self.bins.setdefault(start, Balance()).add(more, times)
