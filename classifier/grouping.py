"""The documents of a range by subject, so that whoever counts need not search for them."""

from collections.abc import Iterable
from typing import NamedTuple


class Group(NamedTuple):
    """How many documents of a range have to do with one subject."""

    subject: int  # a topic's index, or after those a name's
    labelled: int  # with the topic, or mentioning the name
    faint: int  # negative ones that have only faintly to do with it


def grouped(labelled: Iterable[Iterable[int]], faint: Iterable[Iterable[int]]) -> tuple[tuple[Group, ...], list[int]]:
    """From the subjects of each document to groups, in the order of subjects, and the rows of each group.

    Args:
        labelled: of each document, the subjects that it is labelled with.
        faint: of each document, those that it has only faintly to do with.

    Returns:
        The groups, and the members of all of them one after another: of each those labelled, then the faint ones.
    """
    near, far = _rows(labelled), _rows(faint)
    both = [(subject, near.get(subject, []), far.get(subject, [])) for subject in sorted(near.keys() | far.keys())]
    groups = tuple(Group(subject, len(mine), len(others)) for subject, mine, others in both)
    return groups, [row for _, mine, others in both for row in (*mine, *others)]


def _rows(subjects: Iterable[Iterable[int]]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, of_document in enumerate(subjects):
        for subject in of_document:
            rows.setdefault(subject, []).append(row)
    return rows
