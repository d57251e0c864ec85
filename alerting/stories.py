"""Which documents are copies of a story already seen: of 64-bit signatures, near copies differ in few bits.

A story is the first text that told it. Signatures that differ in at most NEAR bits are looked for among those that share 16
bits with it, in one of four places: so every copy that differs in 3 bits is found, of others most.
"""

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
Instants = NDArray[np.int64]
_FIRST = np.arange(BANDS, dtype=np.int64) << 16  # of each band, in the table


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
            self._add(signatures[begin : begin + BLOCK], at[begin : begin + BLOCK])

    def told(self) -> Told:
        """What to go on from."""
        numbers = np.arange(max(self._many - len(self._at), 0), self._many) % len(self._at)
        return Told(self._signatures[numbers].tobytes(), self._at[numbers].tobytes())

    def oldest(self) -> int | None:
        """The event time of the oldest story remembered once there is no room for all; None until then."""
        return int(self._at[self._many % len(self._at)]) if self._many > len(self._at) else None

    def place(self, signatures: Signatures, at: Instants) -> Placed:
        """Find each document's story, given its signature and event time, in order."""
        signatures, at = np.ascontiguousarray(signatures), np.ascontiguousarray(at)
        parts = [
            self._place(signatures[begin : begin + BLOCK], at[begin : begin + BLOCK])
            for begin in range(0, len(at), BLOCK)
        ]
        return Placed(np.concatenate([part.stories for part in parts]), np.concatenate([part.copies for part in parts]))

    def _place(self, signatures: Signatures, at: Instants) -> Placed:
        slots = _slots(signatures)
        apart = np.bitwise_count(self._table.take(slots, axis=0) ^ signatures[:, None, None]).reshape(len(at), -1)
        found, copies = signatures.copy(), np.zeros(len(at), np.bool_)
        rows = np.flatnonzero(apart.min(axis=1) <= NEAR)
        if len(rows):
            apart, numbers = apart[rows], self._numbers.take(slots[rows], axis=0).reshape(len(rows), -1)
            places = numbers % len(self._at)
            is_told = (apart <= NEAR) & (numbers >= max(self._many - len(self._at), 0))
            is_told &= np.abs(self._at.take(places) - at[rows, None]) <= DAY
            best = (np.arange(len(rows)), np.where(is_told, apart, 64).argmin(axis=1))
            is_copy = is_told[best]
            rows, places = rows[is_copy], places[best][is_copy]
            found[rows], copies[rows] = self._signatures[places], True
            np.maximum.at(self._at, places, at[rows])
        new = np.flatnonzero(~copies)
        if len(new):
            self._place_new(signatures, at, new, Placed(found, copies))
        return Placed(found, copies)

    def _place_new(self, signatures: Signatures, at: Instants, new: NDArray[np.int64], placed: Placed) -> None:
        """Of documents that are near nothing remembered, the first of each story is remembered; the others are its copies."""
        mine, when = signatures.take(new), at.take(new)
        near = np.bitwise_count(mine[:, None] ^ mine) <= NEAR
        rows, earlier = np.divmod(np.flatnonzero(near), len(new))  # [P] pairs
        is_near = (earlier < rows) & (np.abs(when[rows] - when[earlier]) <= DAY)
        rows, earlier = rows[is_near], earlier[is_near]
        first = np.arange(len(new))
        first[rows[::-1]] = earlier[::-1]  # of several the last one given stays
        is_copy = first != np.arange(len(new))
        for row in np.flatnonzero(is_copy & is_copy[first]).tolist():  # near a copy, which is no story
            leaders = earlier[rows == row]
            leaders = leaders[~is_copy[leaders]]
            is_copy[row], first[row] = len(leaders) > 0, leaders[0] if len(leaders) else row
        copies, leaders = new[is_copy], first[is_copy]
        placed.copies[copies], placed.stories[copies] = True, mine[leaders]
        np.maximum.at(when, leaders, at[copies])
        self._add(mine[~is_copy], when[~is_copy])

    def _add(self, signatures: Signatures, at: Instants) -> None:
        numbers = np.arange(self._many, self._many + len(at))
        self._signatures[numbers % len(self._at)] = signatures
        self._at[numbers % len(self._at)] = at
        slots = _slots(signatures).ravel()
        positions = np.arange(len(slots))
        keys = np.sort(slots * len(slots) + positions)  # by slot, then in order: sooner sorted than indexes are
        slots, which = np.divmod(keys, len(slots))
        begins = np.ones(len(slots), np.bool_)
        begins[1:] = slots[1:] != slots[:-1]
        turns = self._cursor[slots] + positions - np.maximum.accumulate(np.where(begins, positions, 0))
        entries, which = slots * WAYS + turns % WAYS, which // BANDS
        self._table.reshape(-1)[entries], self._numbers.reshape(-1)[entries] = signatures[which], numbers[which]
        self._cursor[slots] = turns + 1
        self._many += len(at)


def _slots(signatures: Signatures) -> NDArray[np.int64]:
    """Where each band of a signature stands in the table, [N, BANDS]."""
    slots: NDArray[np.int64] = signatures.astype("<u8", copy=False).view("<u2").reshape(-1, BANDS) + _FIRST
    return slots
