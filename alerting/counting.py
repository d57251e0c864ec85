"""How the documents of a range change the windows: each counts under every topic it is labelled with and every name found.

All is counted for (bin, subject) cells: a range brings its documents by subject, and nearly always all of one bin.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerting.eventtime import Newest
from alerting.evidence import Candidate
from alerting.state import Closing, LateCount, State
from alerting.stories import Stories
from alerting.windows import Tally
from classifier.scores import WHOLE, Columns

Ints = NDArray[np.int64]


class Cell(NamedTuple):
    """How many documents of a range have to do with one subject in one bin."""

    start: int  # of the bin
    subject: str
    labelled: int
    faint: int  # negative ones that have only faintly to do with it


class Counting:
    """The count of one range. Afterwards `touched` are the subjects that got documents."""

    def __init__(self, state: State, told: Stories, columns: Columns, watermark: int) -> None:
        """Begin with what is new in a range of a partition whose watermark stands there."""
        self.touched: set[str] = set()
        self._state, self._told, self._columns, self._watermark = state, told, columns, watermark
        self._stories: list[int] = []  # of each document
        self._positivity: list[int] = []
        self._candidates: dict[int, Candidate] = {}  # by row, once it was made
        self._amended: dict[int, dict[str, Tally]] = {}  # tallies of closed bins

    def count(self) -> Iterator[Closing]:
        """Count the documents; yields the closed windows that they amend, each once."""
        state, rows = self._state, self._columns.rows
        if not len(rows):
            return
        placed = self._told.place(rows["story"], rows["event_at"])
        self._stories = placed.stories.tolist()
        self._positivity = (WHOLE - rows["sentiment"][:, 0]).tolist()
        last = rows[-1]
        state.newest = Newest(int(last["event_at"]), int(last["published_at"]), int(last["appended_at"]))
        cells, members = self._cells()
        sizes = [size for cell in cells for size in (cell.labelled, cell.faint) if size]
        weights = self._weights(~placed.copies).take(members, axis=0)
        sums = iter(np.add.reduceat(weights, [0, *accumulate(sizes)][:-1]).tolist())  # of the labelled, then the faint
        sources = [self._columns.sources[source] for source in rows["source"].take(members).tolist()]
        negative = members[rows["negative"].take(members)].tolist()
        begin = at = 0
        for cell in cells:
            numbers = next(sums) if cell.labelled else [0, 0]
            if cell.faint:
                next(sums)
            middle, end = at + numbers[1], at + numbers[1] + cell.faint
            self._hold(cell, negative[at:middle], negative[middle:end])
            if cell.labelled:
                yield from self._tally(cell, numbers, sources[begin : begin + cell.labelled])
            begin, at = begin + cell.labelled + cell.faint, end
        for start, tallies in self._amended.items():
            state.bins.pack(start, tallies)

    def _cells(self) -> tuple[list[Cell], NDArray[np.uint32]]:
        """The cells, and the rows of each one after another: those labelled, then the faint ones."""
        columns, width = self._columns, self._state.bins.width
        subjects, event_at = _subjects(columns.range.topics, columns.names), columns.rows["event_at"]
        start = int(event_at[0]) // width * width
        if start <= event_at.min() and event_at.max() < start + width:
            return [Cell(start, subjects[group], *sizes) for group, *sizes in columns.groups], columns.members
        kinds = np.repeat(
            [2 * group.subject + faint for group in columns.groups for faint in (0, 1)],
            [size for group in columns.groups for size in group[1:]],
        )
        starts, bins = np.unique(event_at // width * width, return_inverse=True)
        keys = bins.take(columns.members) * (2 * len(subjects)) + kinds
        order = np.argsort(keys, kind="stable")
        found, many = np.unique(keys, return_counts=True)
        sizes: dict[int, list[int]] = {}
        for key, size in zip(found.tolist(), many.tolist(), strict=True):
            sizes.setdefault(key // 2, [0, 0])[key % 2] = size
        known, names = starts.tolist(), len(subjects)
        cells = [Cell(known[key // names], subjects[key % names], *size) for key, size in sizes.items()]
        return cells, columns.members[order]

    def _weights(self, own: NDArray[np.bool_]) -> Ints:
        """What each document adds to a tally, [N, 6 + languages], in the order of `Tally.count`."""
        rows, languages = self._columns.rows, len(self._columns.languages)
        negative, closed_to = rows["negative"], self._state.bins.closed_to
        weights = np.empty((len(rows), 6 + languages), np.int64)
        weights[:, 0] = 1
        weights[:, 1] = negative
        weights[:, 2] = rows["sentiment"][:, 0]
        weights[:, 3] = own
        weights[:, 4] = own & negative
        weights[:, 5] = rows["event_at"] < max(self._watermark, self._watermark if closed_to is None else closed_to)
        weights[:, 6:] = rows["language"][:, None] == np.arange(languages)
        return weights

    def _tally(self, cell: Cell, numbers: Sequence[int], sources: Sequence[str]) -> Iterator[Closing]:
        bins, languages, (start, subject, *_) = self._state.bins, self._columns.languages, cell
        self.touched.add(subject)
        if not bins.is_closed(start):
            tallies = bins.of(start)
            tally = tallies.get(subject) or tallies.setdefault(subject, Tally())
            tally.count(numbers, languages, sources)
            return
        more = Tally(revision=1)
        more.count(numbers, languages, sources)
        self._credit(subject, more)
        if bins.is_forgotten(start):
            yield Closing(subject, start, more, additive=True)
            return
        if start not in self._amended:
            self._amended[start] = bins.of(start)
        tally = self._amended[start].setdefault(subject, Tally())
        tally.add(more)
        tally.revision += 1
        yield Closing(subject, start, tally)

    def _hold(self, cell: Cell, labelled: Sequence[int], faint: Sequence[int]) -> None:
        """Hold what tells of an alert: the most telling documents, and which stories have to do with a subject."""
        if not labelled and not faint:
            return
        bins, candidates, (start, subject, *_) = self._state.bins, self._state.candidates, cell
        place = (bins.closed_to or start) if bins.is_closed(start) else start
        candidates.relate(subject, place, [self._stories[row] for row in (*labelled, *faint)])
        bar = candidates.bar(subject, place)
        for row in labelled:
            if self._positivity[row] <= bar:
                if row not in self._candidates:
                    self._candidates[row] = Candidate.of(self._columns, row, self._stories[row])
                candidates.offer(subject, place, self._candidates[row])
                bar = candidates.bar(subject, place)

    def _credit(self, subject: str, tally: Tally) -> None:
        """For the detector a late document counts where the watermark stands, so that late news still alerts."""
        start = self._state.bins.closed_to
        assert start is not None
        if tally.stories:
            count = self._state.late.setdefault(start, {}).setdefault(subject, LateCount())
            count.stories += tally.stories
            count.negatives += tally.story_negatives
            self._state.bins.of(start)


@lru_cache(maxsize=64)
def _subjects(topics: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """By a group's index."""
    return (*(f"topic/{topic}" for topic in topics), *(f"entity/{name}" for name in names))
