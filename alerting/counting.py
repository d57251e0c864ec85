"""How documents change the windows: each counts under every topic it is labelled with and every name found.

All is counted for (bin, subject) cells, of one range or of several ranges at once whose documents lie in one open bin.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from alerting.gathering import LATE, Gathered, Ints
from alerting.state import Closing, LateCount, State
from alerting.windows import Tally


class Cell(NamedTuple):
    """What a run of ranges has of one subject in one bin."""

    start: int  # of the bin
    subject: str
    numbers: list[int]  # as `Tally.count` takes them
    sources: list[str]
    stories: list[int]  # of the negative documents, range by range: of those labelled, then of the faint ones
    rows: list[int]  # of these documents
    telling: list[tuple[int, int]]  # of those labelled the positivity and the row, in the same order


class Counting:
    """The count of the ranges `begin` to `end` of a poll."""

    def __init__(self, state: State, gathered: Gathered, begin: int, end: int) -> None:
        """More than one range may only be counted at once if all their documents lie in one open bin."""
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
        for cell in self._cells(rows):
            self._hold(cell)
            if cell.numbers[0]:
                yield from self._tally(cell)
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

    def _cells(self, rows: slice) -> Iterator[Cell]:
        """The cells: of one range by bin and subject, of several ranges as they first come up."""
        gathered = self._gathered
        mine = slice(gathered.first_member[self._begin], gathered.first_member[self._end])
        if mine.start == mine.stop:
            return
        starts, order, begins = self._sorted(rows, mine)
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
        stories, bad_rows, telling = gathered.stories.take(bad).tolist(), bad.tolist(), bad[is_telling]
        first_bad, first_telling = _firsts(bad_cells, len(begins)), _firsts(bad_cells[is_telling], len(begins))
        pairs = list(zip(gathered.positivity.take(telling).tolist(), telling.tolist(), strict=True))
        turns = range(len(begins)) if self._end == self._begin + 1 else np.argsort(order.take(begins)).tolist()
        for cell in turns:
            negative, labelled = slice(*first_bad[cell : cell + 2]), slice(*first_telling[cell : cell + 2])
            heard = sources[first_source[cell] : first_source[cell + 1]]
            subject = gathered.subjects[subjects[cell]]
            yield Cell(starts[cell], subject, sums[cell], heard, stories[negative], bad_rows[negative], pairs[labelled])

    def _sorted(self, rows: slice, mine: slice) -> tuple[list[int], Ints, Ints]:
        """The start of each cell's bin, in which order the members make up cells, and where in that order each begins."""
        gathered, width = self._gathered, self._state.bins.width
        event_at, subjects = gathered.event_at[rows], gathered.subject_of[mine]
        first, last = int(event_at.min()) // width, int(event_at.max()) // width
        order = np.arange(len(subjects))
        if self._end > self._begin + 1:
            few = len(gathered.subjects) <= 1 << 16  # numbers of 16 bits are sorted several times sooner
            order = np.argsort(subjects.astype(np.uint16) if few else subjects, kind="stable")
            begins = _changes(subjects.take(order))
        elif first == last:
            begins = _changes(subjects)
        else:
            bins = event_at.take(gathered.members[mine] - rows.start) // width
            order = np.argsort(bins, kind="stable")
            bins = bins.take(order)
            begins = _changes(subjects.take(order) + len(gathered.subjects) * (bins - first))
            return (bins.take(begins) * width).tolist(), order, begins
        return [first * width] * len(begins), order, begins

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

    def _hold(self, cell: Cell) -> None:
        """Hold what tells of an alert: the most telling documents, and which stories have to do with a subject."""
        if not cell.rows:
            return
        bins, candidates, gathered = self._state.bins, self._state.candidates, self._gathered
        place = (bins.closed_to or cell.start) if bins.is_closed(cell.start) else cell.start
        if candidates.takes_in_any_order(cell.subject, place, len(cell.rows)):
            candidates.relate(cell.subject, place, cell.stories)
            candidates.offer(cell.subject, place, sorted(cell.telling), gathered.candidate)
            return
        by_row = zip(cell.rows, cell.stories, strict=True)
        for _, part in groupby(by_row, key=lambda each: gathered.range_of[each[0]]):
            candidates.relate(cell.subject, place, [story for _, story in part])
        candidates.offer(cell.subject, place, cell.telling, gathered.candidate)

    def _credit(self, subject: str, tally: Tally) -> None:
        """For the detector a late document counts where the watermark stands, so that late news still alerts."""
        start = self._state.bins.closed_to
        assert start is not None
        if tally.stories:
            count = self._state.late.setdefault(start, {}).setdefault(subject, LateCount())
            count.stories += tally.stories
            count.negatives += tally.story_negatives
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
