"""The ranges of one poll side by side: what does not depend on windows is found out for all of their documents at once."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, chain
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerting.composing.evidence import Candidate
from alerting.counting.eventtime import Newest
from alerting.counting.stories import Stories
from classifier.scores import WHOLE, Columns

Ints = NDArray[np.int64]
STORY, STORY_NEGATIVE, LATE, NUMBERS = 3, 4, 5, 6  # columns of `Gathered.weights`; languages come after them


class Admitted(NamedTuple):
    """A range that is to be counted."""

    offset: int  # of its record in the scores log
    columns: Columns  # the range
    fresh: Columns  # what is new of it
    late_before: int  # the watermark of its partition when it came
    watermark: int  # that of all inputs after it


class Gathered:
    """N documents of R ranges, in order. Range r has the rows `first[r]` to `first[r + 1]`.

    A document stands among the members once for each subject that it is labelled with or has faintly to do with; range by
    range, and in each by subject. Those of range r are `first_member[r]` to `first_member[r + 1]`.
    """

    def __init__(self, ranges: Sequence[Admitted], told: Stories, width: int) -> None:
        """Put them together, at least one; the stories of all documents are looked up in `told`.

        `width` is that of a bin, in microseconds.
        """
        self.ranges = ranges
        self._candidates: dict[int, Candidate] = {}  # by row, once it was made
        fresh = [each.fresh for each in ranges]
        self.first = [0, *accumulate(map(len, fresh))]
        self.first_member = [0, *accumulate(len(each.members) for each in fresh)]
        self.event_at: Ints = _all(fresh, "event_at")  # [N]
        self.bin_of = self.event_at // width  # [N], the number of its bin since the epoch
        self.reach = self._reach()
        self.stories, is_copy = told.place(_all(fresh, "story"), self.event_at)  # [N] each
        self.range_of = np.repeat(np.arange(len(ranges)), [len(each) for each in fresh])  # [N]
        self.sources, self.source_of = _coded([each.sources for each in fresh], _all(fresh, "source"), self.range_of)
        self.languages, language_of = _coded([each.languages for each in fresh], _all(fresh, "language"), self.range_of)
        self.negative = _all(fresh, "negative")  # [N]
        mass = np.concatenate([each.rows["sentiment"][:, 0] for each in fresh])
        self.positivity = WHOLE - mass  # [N]
        self.weights = self._weights(mass, ~is_copy, language_of)
        self._subjects(fresh)

    def _weights(self, mass: Ints, own: NDArray[np.bool_], language_of: Ints) -> Ints:
        """What each document adds to a tally, [N + 1, 6 + languages], in the order of `Tally.count`; the last adds nothing.

        Which are late is not known yet.
        """
        weights = np.zeros((len(own) + 1, NUMBERS + len(self.languages)), np.int64)
        mine = weights[:-1]
        mine[:, 0] = 1
        mine[:, 1] = self.negative
        mine[:, 2] = mass
        mine[:, STORY] = own
        mine[:, STORY_NEGATIVE] = own & self.negative
        mine[:, NUMBERS:] = language_of[:, None] == np.arange(len(self.languages))
        return weights

    def _subjects(self, fresh: Sequence[Columns]) -> None:
        """Who has to do with what: of each member its row, its subject, and whether that is only faint."""
        groups = np.fromiter(chain.from_iterable(chain.from_iterable(each.groups for each in fresh)), np.int64)
        groups = groups.reshape(-1, 3)  # [G, 3]
        tables = [_subjects(each.range.topics, each.names) for each in fresh]
        ranges = np.repeat(np.arange(len(fresh)), [len(each.groups) for each in fresh])
        self.subjects, subjects = _coded(tables, groups[:, 0], ranges)  # [S], [G]
        sizes = groups[:, 1:].ravel()
        self.subject_of = np.repeat(np.repeat(subjects, 2), sizes)  # [M]
        self.is_faint = np.repeat(np.tile([False, True], len(groups)), sizes)  # [M]
        begins = np.repeat(self.first[:-1], np.diff(self.first_member))
        self.members: Ints = np.concatenate([each.members for each in fresh]) + begins  # [M], rows

    def _reach(self) -> list[tuple[int, int]]:
        """Event time of the oldest and of the newest document of each range, 0 where there is none."""
        begins = np.array(self.first)
        has_any = begins[1:] > begins[:-1]
        reach = np.zeros((len(has_any), 2), np.int64)
        if has_any.any():
            begins = begins[:-1][has_any]
            reach[has_any, 0] = np.minimum.reduceat(self.event_at, begins)
            reach[has_any, 1] = np.maximum.reduceat(self.event_at, begins)
        return list(zip(*reach.T.tolist(), strict=True))

    def most_negatives(self, begin: int, end: int) -> dict[str, int]:
        """How many negative stories the ranges `begin` to `end` bring to each subject that they are labelled with."""
        rows, subjects = self._labelled(begin, end)
        many = np.bincount(subjects, minlength=len(self.subjects))
        negatives = np.bincount(subjects, self.weights[rows, STORY_NEGATIVE], len(self.subjects))
        return {self.subjects[subject]: int(negatives[subject]) for subject in np.flatnonzero(many).tolist()}

    def numbers(
        self, begin: int, end: int, starts: range, chosen: Sequence[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What the ranges `begin` to `end`, R of them, bring to S chosen subjects in the B bins with these starts.

        Returns:
            [2, R, B, S], how many stories, and how many negative ones, each range and those before it bring.
            [R, S], whether a document of the range is labelled with the subject.
        """
        rows, subjects = self._labelled(begin, end)
        column = dict(zip(chosen, range(len(chosen)), strict=True))
        columns = np.array([column.get(subject, -1) for subject in self.subjects]).take(subjects)
        rows, columns = rows[columns >= 0], columns[columns >= 0]
        shape = end - begin, len(starts), len(chosen)
        places = self.range_of.take(rows) - begin, self.bin_of.take(rows) - starts.start // starts.step, columns
        keys = np.ravel_multi_index(places, shape)
        counts = [np.bincount(keys, self.weights[rows, each], prod(shape)) for each in (STORY, STORY_NEGATIVE)]
        documents = np.bincount(keys, minlength=prod(shape)).reshape(shape).sum(axis=1)
        return np.cumsum(np.reshape(counts, (2, *shape)), axis=1), documents > 0

    def _labelled(self, begin: int, end: int) -> tuple[Ints, Ints]:
        """Of all that documents of these ranges are labelled with: the document's row, and the subject."""
        mine = slice(self.first_member[begin], self.first_member[end])
        is_labelled = ~self.is_faint[mine]
        return self.members[mine][is_labelled], self.subject_of[mine][is_labelled]

    def labelled_in(self, number: int) -> list[str]:
        """The subjects that the documents of a range are labelled with, or names that they mention."""
        mine = slice(self.first_member[number], self.first_member[number + 1])
        return [self.subjects[subject] for subject in set(self.subject_of[mine][~self.is_faint[mine]].tolist())]

    def newest(self, until: int) -> Newest:
        """The last document before the row `until`, of which there is one, and how far its range reaches."""
        number = int(self.range_of[until - 1])
        last = self.ranges[number].fresh.rows[until - 1 - self.first[number]]
        return Newest(self.reach[number][1], int(last["published_at"]), int(last["appended_at"]))

    def candidate(self, row: int) -> Candidate:
        """The document of a row, as evidence."""
        if row not in self._candidates:
            number = self.range_of.item(row)
            fresh, place = self.ranges[number].fresh, row - self.first[number]
            self._candidates[row] = Candidate(
                positivity=self.positivity.item(row),
                event_at=self.event_at.item(row),
                offset=fresh.rows["offset"].item(place),
                story=self.stories.item(row),
                details=fresh.details(place),
            )
        return self._candidates[row]


def _all(fresh: Sequence[Columns], field: str) -> NDArray[Any]:
    """One field of all documents."""
    return np.concatenate([each.rows[field] for each in fresh])


def _coded(tables: Sequence[Sequence[str]], codes: NDArray[Any], table_of: Ints) -> tuple[list[str], Ints]:
    """From indexes into the table of each one's range to indexes into one table, which is returned first."""
    if len(tables) == 1:
        return list(tables[0]), codes.astype(np.int64)
    known: dict[str, int] = {}
    joined = [known.setdefault(value, len(known)) for table in tables for value in table]
    begins = np.array([0, *accumulate(map(len, tables))])
    return list(known), np.array(joined, np.int64).take(begins.take(table_of) + codes)


@lru_cache(maxsize=64)
def _subjects(topics: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """By a group's index."""
    return (*(f"topic/{topic}" for topic in topics), *(f"entity/{name}" for name in names))
