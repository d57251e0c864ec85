"""How documents change the windows: each counts under every topic it is labelled with and every name found.

All is counted for (bin, subject) cells, of one range or of several ranges at once whose documents lie in open bins.
"""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from alerting.counting.gathering import LATE, Gathered, Ints
from alerting.counting.late import Balance, LateCount
from alerting.counting.windows import Tally
from alerting.state import Closing, State


class Cell(NamedTuple):
    """What a run of ranges has of one subject in one bin."""

    start: int  # of the bin
    subject: str
    numbers: list[int]  # as `Tally.count` takes them
    sources: list[str]
    stories: list[int]  # of the negative documents, range by range: of those labelled, then of the faint ones
    rows: list[int]  # of these documents
    telling: list[tuple[int, int]]  # of those labelled the positivity and the row, the most negative first


class Counting:
    """The count of the ranges `begin` to `end` of a poll."""

    def __init__(self, state: State, gathered: Gathered, begin: int, end: int) -> None:
        """More than one range may only be counted at once if all their documents lie in open bins."""
        self._state, self._gathered = state, gathered
        self._begin, self._end = begin, end
        self._amended: dict[int, dict[str, Tally]] = {}  # tallies of closed bins

    def count(self) -> Iterator[Closing]:
        """Count the documents; yields the closed windows that they amend, each once."""
        state, gathered = self._state, self._gathered
        rows = slice(gathered.first[self._begin], gathered.first[self._end])
        if rows.start == rows.stop:
            return
        state.newest = gathered.newest(rows.stop)
        self._tell_late(rows)
        by_subject: dict[str, list[Cell]] = {}
        for cell in self._cells():
            if cell.rows:
                by_subject.setdefault(cell.subject, []).append(cell)
            if cell.numbers[0]:
                yield from self._tally(cell)
        for subject, cells in by_subject.items():
            self._hold(subject, cells)
        for start, tallies in self._amended.items():
            state.bins.pack(start, tallies)

    def _tell_late(self, rows: slice) -> None:
        """Which documents are behind their partition's watermark."""
        gathered, closed_to = self._gathered, self._state.bins.closed_to
        bounds = [each.late_before for each in gathered.ranges[self._begin : self._end]]
        if closed_to is not None:
            bounds = [max(bound, closed_to) for bound in bounds]
        late_before = np.array(bounds).take(gathered.range_of[rows] - self._begin)
        gathered.weights[rows, LATE] = gathered.event_at[rows] < late_before

    def _cells(self) -> Iterator[Cell]:
        """The cells, oldest bin first, and in each as subjects first come up: of one range always in the same order."""
        gathered = self._gathered
        mine = slice(gathered.first_member[self._begin], gathered.first_member[self._end])
        if mine.start == mine.stop:
            return
        starts, order, begins = self._sorted(mine)
        members, is_faint = gathered.members[mine].take(order), gathered.is_faint[mine].take(order)
        counted = np.where(is_faint, len(gathered.event_at), members)
        sums = np.add.reduceat(gathered.weights.take(counted, axis=0), begins).tolist()
        subjects = gathered.subject_of[mine].take(order.take(begins)).tolist()
        cell_of = np.zeros(len(members), np.int64)
        cell_of[begins[1:]] = 1
        cell_of = cell_of.cumsum()
        sources, first_source = self._sources(cell_of[~is_faint], members[~is_faint], len(begins))
        is_negative = gathered.negative.take(members)
        bad, bad_cells, is_telling = members[is_negative], cell_of[is_negative], ~is_faint[is_negative]
        stories, bad_rows = gathered.stories.take(bad).tolist(), bad.tolist()
        telling, telling_cells = bad[is_telling], bad_cells[is_telling]
        telling = telling.take(np.lexsort((gathered.positivity.take(telling), telling_cells)))
        first_bad, first_telling = _firsts(bad_cells, len(begins)), _firsts(telling_cells, len(begins))
        pairs = list(zip(gathered.positivity.take(telling).tolist(), telling.tolist(), strict=True))
        for cell in np.lexsort((order.take(begins), np.array(starts))).tolist():
            negative, labelled = slice(*first_bad[cell : cell + 2]), slice(*first_telling[cell : cell + 2])
            heard = sources[first_source[cell] : first_source[cell + 1]]
            subject = gathered.subjects[subjects[cell]]
            yield Cell(starts[cell], subject, sums[cell], heard, stories[negative], bad_rows[negative], pairs[labelled])

    def _sorted(self, mine: slice) -> tuple[list[int], Ints, Ints]:
        """The start of each cell's bin, in which order the members make up cells, and where in that order each begins."""
        gathered, many = self._gathered, len(self._gathered.subjects)
        bins = gathered.bin_of.take(gathered.members[mine])
        first, last = int(bins.min()), int(bins.max())
        keys = gathered.subject_of[mine] + (bins - first) * many
        if (last - first + 1) * many <= 1 << 16:
            keys = keys.astype(np.uint16)  # numbers of 16 bits are sorted several times sooner
        order = np.argsort(keys, kind="stable")
        keys = keys.take(order)
        begins = _changes(keys)
        starts = (keys.take(begins).astype(np.int64) // many + first) * self._state.bins.width
        return starts.tolist(), order, begins

    def _sources(self, cells: Ints, rows: Ints, many: int) -> tuple[list[str], list[int]]:
        """The sources of each cell, each once, one cell after another; and where each of `many` cells begins."""
        gathered = self._gathered
        heard = np.zeros(many * len(gathered.sources), np.bool_)
        heard[cells * len(gathered.sources) + gathered.source_of.take(rows)] = True
        cells, sources = np.divmod(np.flatnonzero(heard), len(gathered.sources))
        return [gathered.sources[source] for source in sources.tolist()], _firsts(cells, many)

    def _tally(self, cell: Cell) -> Iterator[Closing]:
        bins, languages, (start, subject, *_) = self._state.bins, self._gathered.languages, cell
        if not bins.is_closed(start):
            tallies = bins.of(start)
            tally = tallies.get(subject) or tallies.setdefault(subject, Tally())
            tally.count(cell.numbers, languages, cell.sources)
            return
        more = Tally(revision=1)
        more.count(cell.numbers, languages, cell.sources)
        self._credit(cell, more)
        if bins.is_left(start):
            return
        if bins.is_forgotten(start):
            yield Closing(subject, start, more, additive=True)
            return
        if start not in self._amended:
            self._amended[start] = bins.of(start)
        tally = self._amended[start].setdefault(subject, Tally())
        tally.add(more)
        tally.revision += 1
        yield Closing(subject, start, tally)

    def _hold(self, subject: str, cells: Sequence[Cell]) -> None:
        """Hold what tells of an alert: the most telling documents, and which stories have to do with a subject."""
        bins, candidates, gathered = self._state.bins, self._state.candidates, self._gathered
        many = {cell.start: len(cell.rows) for cell in cells}
        if self._end == self._begin + 1 or candidates.takes_in_any_order(subject, many):
            for cell in cells:
                place = (bins.closed_to or cell.start) if bins.is_closed(cell.start) else cell.start
                candidates.relate(subject, place, cell.stories)
                candidates.offer(subject, place, cell.telling, gathered.candidate)
            return
        parts: dict[tuple[int, int], tuple[list[int], list[tuple[int, int]]]] = {}  # by range and bin
        for cell in cells:
            for row, story in zip(cell.rows, cell.stories, strict=True):
                parts.setdefault((gathered.range_of.item(row), cell.start), ([], []))[0].append(story)
            for each in cell.telling:
                parts[gathered.range_of.item(each[1]), cell.start][1].append(each)
        for (_, start), (stories, telling) in sorted(parts.items(), key=itemgetter(0)):
            candidates.relate(subject, start, stories)
            candidates.offer(subject, start, telling, gathered.candidate)

    def _credit(self, cell: Cell, tally: Tally) -> None:
        """For the detector a late document counts where the watermark stands, so that late news still alerts."""
        start = self._state.bins.closed_to
        assert start is not None
        if tally.stories:
            count = self._state.late.setdefault(start, {}).setdefault(cell.subject, LateCount())
            count.add(cell.start, Balance.of(tally))
            self._state.bins.of(start)


def _changes(keys: Ints) -> Ints:
    """Where other keys begin in an array that has equal ones side by side."""
    is_first = np.ones(len(keys), np.bool_)
    is_first[1:] = keys[1:] != keys[:-1]
    return is_first.nonzero()[0]


def _firsts(cells: Ints, many: int) -> list[int]:
    """Where each of `many` cells begins among sorted numbers of cells, and at last where the last one ends."""
    firsts: list[int] = cells.searchsorted(np.arange(many + 1)).tolist()
    return firsts
