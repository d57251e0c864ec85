"""Which documents are copies of a story already seen: of 64-bit signatures, near copies differ in few bits.

A story is the first text that told it. Signatures that differ in at most NEAR bits are looked for among those that share 16
bits with it, in one of four places: so every copy that differs in 3 bits is found, of others most.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ingest.instants import DAY

NEAR = 6  # bits
MOST = 1 << 19  # stories remembered
BANDS, WAYS = 4, 8  # each band remembers the newest WAYS stories that agree in its 16 bits
BLOCK = 192  # documents compared with each other at once
Signatures = NDArray[np.uint64]
Ints = NDArray[np.int64]
_FIRST = np.arange(BANDS, dtype=np.int64) << 16  # of each band, in the table
_WIDTH = (BLOCK * BANDS).bit_length()
_ORDER = np.arange(BLOCK * BANDS)


class Told(Struct, frozen=True):
    """The stories remembered, oldest first. Part of the aggregator's state."""

    signatures: bytes = b""  # uint64 each
    at: bytes = b""  # int64 each: event time at which a story was last told


class Placed(NamedTuple):
    """What became of N documents."""

    stories: Signatures  # [N], the signature of each one's story
    copies: NDArray[np.bool_]  # [N], whether that was told within 24 hours before


class Stories:
    """The stories of the last 24 hours of event time, at most `most`: of more, the first that came are forgotten."""

    def __init__(self, told: Told, most: int = MOST) -> None:
        """Go on from what was told before."""
        self._signatures = np.zeros(most, np.uint64)
        self._at = np.zeros(most, np.int64)
        self._table = np.zeros((BANDS << 16, WAYS), np.uint64)  # [band and bits, WAYS]: signatures of stories
        self._numbers = np.full((BANDS << 16, WAYS), -1, np.int64)  # and which ones they are
        self._cursor = np.zeros(BANDS << 16, np.int64)
        self._many = 0  # stories so far; number n lies at n % most
        signatures, at = np.frombuffer(told.signatures, np.uint64), np.frombuffer(told.at, np.int64)
        for begin in range(0, len(at), BLOCK):
            block = slice(begin, begin + BLOCK)
            self._add(signatures[block], at[block], _slots(signatures[block]))

    def told(self) -> Told:
        """What to go on from."""
        numbers = np.arange(max(self._many - len(self._at), 0), self._many) % len(self._at)
        return Told(self._signatures[numbers].tobytes(), self._at[numbers].tobytes())

    def oldest(self) -> int | None:
        """The event time of the oldest story remembered once there is no room for all; None until then."""
        return int(self._at[self._many % len(self._at)]) if self._many > len(self._at) else None

    def place(self, signatures: Signatures, at: Ints, begins: Sequence[int] = (0,)) -> Placed:
        """Find each document's story, given its signature and event time, in order.

        Those from each of `begins` on are placed when all before them have been, whoever else they come with.
        """
        signatures = np.ascontiguousarray(signatures)
        placed, slots = Placed(signatures.copy(), np.zeros(len(at), np.bool_)), _slots(signatures)
        for first, end in pairwise((*begins, len(at))):
            for begin in range(first, end, BLOCK):
                block = slice(begin, min(begin + BLOCK, end))
                part = Placed(placed.stories[block], placed.copies[block])
                self._find(signatures[block], at[block], slots[block], part)
                new = (~part.copies).nonzero()[0]
                if len(new):
                    self._place_new(new, at[block].take(new), slots[block].take(new, axis=0), part)
        return placed

    def _find(self, signatures: Signatures, at: Ints, slots: Ints, placed: Placed) -> None:
        """Which documents are copies of what is remembered: of several stories, of the nearest one."""
        apart = np.bitwise_count(self._table.take(slots, axis=0) ^ signatures[:, None, None]).reshape(len(at), -1)
        rows = (apart <= NEAR).ravel().nonzero()[0] // (BANDS * WAYS)
        if not len(rows):
            return
        rows = rows[np.append(True, rows[1:] != rows[:-1])]
        apart, numbers = apart[rows], self._numbers.take(slots[rows], axis=0).reshape(len(rows), -1)
        places = numbers % len(self._at)
        is_told = (apart <= NEAR) & (numbers >= max(self._many - len(self._at), 0))
        is_told &= np.abs(self._at.take(places) - at[rows, None]) <= DAY
        best = (np.arange(len(rows)), np.where(is_told, apart, 64).argmin(axis=1))
        is_copy = is_told[best]
        rows, places = rows[is_copy], places[best][is_copy]
        placed.stories[rows], placed.copies[rows] = self._signatures[places], True
        np.maximum.at(self._at, places, at[rows])

    def _place_new(self, new: Ints, when: Ints, slots: Ints, placed: Placed) -> None:
        """Of documents that are near nothing remembered, the first of each story is remembered; the others are its copies."""
        mine: Signatures = placed.stories.take(new)
        rows, earlier = _near(mine)
        is_near = np.abs(when.take(rows) - when.take(earlier)) <= DAY
        rows, earlier = rows[is_near], earlier[is_near]
        if len(rows):
            first = np.arange(len(new))
            first[rows[::-1]] = earlier[::-1]  # of several the last one given stays
            is_copy = first != np.arange(len(new))
            for row in (is_copy & is_copy.take(first)).nonzero()[0].tolist():  # near a copy, which is no story
                leaders = earlier[rows == row]
                leaders = leaders[~is_copy[leaders]]
                is_copy[row], first[row] = len(leaders) > 0, leaders[0] if len(leaders) else row
            copies, leaders = new[is_copy], first[is_copy]
            placed.copies[copies], placed.stories[copies] = True, mine.take(leaders)
            np.maximum.at(when, leaders, when[is_copy])
            mine, when, slots = mine[~is_copy], when[~is_copy], slots[~is_copy]
        self._add(mine, when, slots)

    def _add(self, signatures: Signatures, at: Ints, slots: Ints) -> None:
        numbers = np.arange(self._many, self._many + len(at))
        places = numbers % len(self._at)
        self._signatures[places], self._at[places] = signatures, at
        # By slot, then in order: sooner sorted than indexes are.
        keys = np.sort((slots << _WIDTH).ravel() + _ORDER[: slots.size])
        sorted_slots, which = keys >> _WIDTH, (keys & ((1 << _WIDTH) - 1)) // BANDS
        begins = np.ones(len(keys), np.bool_)
        begins[1:] = sorted_slots[1:] != sorted_slots[:-1]
        turns = self._cursor.take(sorted_slots) + _ORDER[: len(keys)]
        turns -= np.maximum.accumulate(_ORDER[: len(keys)] * begins)
        entries = sorted_slots * WAYS + turns % WAYS
        self._table.reshape(-1)[entries], self._numbers.reshape(-1)[entries] = (
            signatures.take(which),
            numbers.take(which),
        )
        self._cursor[sorted_slots] = turns + 1
        self._many += len(at)


def _near(signatures: Signatures) -> tuple[Ints, Ints]:
    """[P] pairs of near signatures: the later one, which they are sorted by, and the earlier one."""
    halves = signatures.astype(np.uint32)  # the lower ones: nearly all others are told apart by these alone
    pairs = (np.bitwise_count(halves[:, None] ^ halves) <= NEAR).ravel().nonzero()[0]
    rows, earlier = np.divmod(pairs, len(signatures))
    is_near = earlier < rows
    rows, earlier = rows[is_near], earlier[is_near]
    is_near = np.bitwise_count(signatures.take(rows) ^ signatures.take(earlier)) <= NEAR
    return rows[is_near], earlier[is_near]


def _slots(signatures: Signatures) -> Ints:
    """Where each band of a signature stands in the table, [N, BANDS]."""
    slots: Ints = signatures.astype("<u8", copy=False).view("<u2").reshape(-1, BANDS) + _FIRST
    return slots
