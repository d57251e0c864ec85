"""Which documents are copies of a story already seen: of 64-bit signatures, near copies differ in few bits.

A story is the first text that told it. Signatures that differ in at most NEAR bits are looked for among those that share 16
bits with it, in one of four places: so every copy that differs in 3 bits is found, of others most.

Each document is placed after all before it, so its place does not depend on whom it came with. That loop is compiled, by
`prepare` or when the first `Stories` is made, which takes some seconds.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from msgspec import Struct
from numba import njit
from numpy.typing import NDArray

from ingest.instants import DAY

NEAR = 6  # bits
MOST = 1 << 19  # stories remembered
BANDS, WAYS = 4, 8  # each band remembers the newest WAYS stories that agree in its 16 bits
CACHE_LINE = 64  # bytes
AHEAD = 16  # documents whose stories are fetched from memory at once
Signatures = NDArray[np.uint64]
Ints = NDArray[np.int64]
F = TypeVar("F", bound=Callable[..., Any])


class Told(Struct, frozen=True):
    """The stories remembered, oldest first. Part of the aggregator's state."""

    signatures: bytes = b""  # uint64 each
    at: bytes = b""  # int64 each: event time at which a story was last told


class Placed(NamedTuple):
    """What became of N documents."""

    stories: Signatures  # [N], the signature of each one's story
    copies: NDArray[np.bool_]  # [N], whether that was told within 24 hours before


class _Memory(NamedTuple):
    """Story number n lies at n % M of the arrays [M]."""

    signatures: Signatures  # [M]
    at: Ints  # [M], event time at which each was last told
    # [BANDS << 16, 2 * WAYS], by band and bits there: the other half of such signatures; after these one more than where
    # they lie, or did: others may be there now; 0: none
    table: NDArray[np.uint32]
    turns: NDArray[np.uint8]  # [BANDS << 16], which of the WAYS is the next


class Stories:
    """The stories of the last 24 hours of event time, at most `most`: of more, the first that came are forgotten."""

    def __init__(self, told: Told, most: int = MOST) -> None:
        """Go on from what was told before."""
        slots = BANDS << 16
        self._memory = _Memory(
            signatures=np.zeros(most, np.uint64),
            at=np.zeros(most, np.int64),
            table=_table(slots),
            turns=np.zeros(slots, np.uint8),
        )
        signatures, at = np.array(np.frombuffer(told.signatures, np.uint64)), np.array(np.frombuffer(told.at, np.int64))
        self._many = len(at)  # stories so far
        _recall(self._memory, signatures, at)
        self.place(signatures[:0], at[:0])  # compiles

    def told(self) -> Told:
        """What to go on from."""
        most = len(self._memory.at)
        places = np.arange(max(self._many - most, 0), self._many) % most
        return Told(self._memory.signatures[places].tobytes(), self._memory.at[places].tobytes())

    def oldest(self) -> int | None:
        """The event time of the oldest story remembered once there is no room for all; None until then."""
        most = len(self._memory.at)
        return int(self._memory.at[self._many % most]) if self._many > most else None

    def place(self, signatures: Signatures, at: Ints) -> Placed:
        """Find each document's story, given its signature and event time, in order."""
        placed = Placed(signatures.copy(), np.zeros(len(at), np.bool_))
        self._many, _ = _place(self._memory, self._many, signatures, at, placed.stories, placed.copies)
        return placed


def prepare() -> None:
    """Compile the loop now, not when the first documents wait."""
    Stories(Told(), most=1)


def _table(slots: int) -> NDArray[np.uint32]:
    """Zeros, [slots, 2 * WAYS], where each row is one line of the processor's caches: across two it takes twice as long."""
    row = 2 * WAYS
    zeros = np.zeros((slots + 1) * row, np.uint32)
    first = -zeros.ctypes.data % CACHE_LINE // zeros.itemsize
    return zeros[first : first + slots * row].reshape(slots, row)


def _compiled(function: F) -> F:
    return cast("F", njit(function))


@_compiled
def _place(
    memory: _Memory, many: int, signatures: Signatures, at: Ints, stories: Signatures, copies: NDArray[np.bool_]
) -> tuple[int, Any]:
    """Fills in `Placed`; returns how many stories there are then, and a value that means nothing."""
    fetched = np.uint32(0)
    for row in range(len(at)):
        if row % AHEAD == 0:
            fetched ^= _fetch(memory, signatures, row, min(row + AHEAD, len(at)))
        place = _nearest(memory, many, signatures[row], at[row])
        if place >= 0:
            stories[row], copies[row] = memory.signatures[place], True
            memory.at[place] = max(memory.at[place], at[row])
        else:
            _remember(memory, many, signatures[row], at[row])
            many += 1
    return many, fetched


@_compiled
def _fetch(memory: _Memory, signatures: Signatures, begin: int, end: int) -> Any:
    """Has the processor fetch what these will be held against: at once, where one by one would wait for memory each time.

    Returns a value that means nothing: the compiler leaves out what comes to nothing.
    """
    fetched = np.uint32(0)
    for row in range(begin, end):
        for band in range(BANDS):
            fetched ^= memory.table[_slot(signatures[row], band), 0]
    return fetched


@_compiled
def _nearest(memory: _Memory, many: int, signature: np.uint64, at: np.int64) -> Any:
    """Where the nearest of so many stories lies that was told within a day of instant `at`; -1: none is near.

    Of those as near as each other it is the oldest: how they stand in the table hangs on stories that are forgotten.
    """
    best: Any = NEAR + 1
    nearest: Any = -1
    oldest: Any = len(memory.at)  # how many came after it
    for band in range(BANDS):
        slot, half, least = _slot(signature, band), _half(signature, band), 64
        for way in range(WAYS):  # without a branch, so that all are compared at once
            least = min(least, _bits(memory.table[slot, way] ^ half))
        for way in range(WAYS if least <= NEAR else 0):
            if _bits(memory.table[slot, way] ^ half) <= NEAR:
                place = np.int64(memory.table[slot, WAYS + way]) - 1
                story = memory.signatures[place]
                apart, after = _bits(story ^ signature), (many - 1 - place) % len(memory.at)
                if place < 0 or _half(story, band) != memory.table[slot, way] or _slot(story, band) != slot:
                    continue  # forgotten: another lies there now
                if (apart < best or (apart == best and after > oldest)) and abs(memory.at[place] - at) <= DAY:
                    best, nearest, oldest = apart, place, after
        if best == 0:
            break
    return nearest


@_compiled
def _recall(memory: _Memory, signatures: Signatures, at: Ints) -> None:
    """Adds the first stories."""
    for row in range(len(at)):
        _remember(memory, row, signatures[row], at[row])


@_compiled
def _remember(memory: _Memory, many: int, signature: np.uint64, at: np.int64) -> None:
    """Adds a story to so many."""
    place = many % len(memory.at)
    memory.signatures[place], memory.at[place] = signature, at
    for band in range(BANDS):
        slot = _slot(signature, band)
        way = memory.turns[slot]
        memory.table[slot, way], memory.table[slot, WAYS + way] = _half(signature, band), place + 1
        memory.turns[slot] = (way + 1) % WAYS


@_compiled
def _slot(signature: np.uint64, band: int) -> Any:
    """Where a band of a signature stands in the table."""
    return (band << 16) + np.int64((signature >> np.uint64(16 * band)) & np.uint64(0xFFFF))


@_compiled
def _half(signature: np.uint64, band: int) -> np.uint32:
    """The half of a signature that a band does not lie in."""
    return np.uint32((signature >> np.uint64(0 if band >= BANDS // 2 else 32)) & np.uint64(0xFFFFFFFF))


@_compiled
def _bits(value: np.uint64 | np.uint32) -> Any:
    """How many bits are set (Warren, "Hacker's Delight", 2002, figure 5-2): compilers know it as one instruction."""
    value = np.uint64(value)
    value -= (value >> np.uint64(1)) & np.uint64(0x5555555555555555)
    value = (value & np.uint64(0x3333333333333333)) + ((value >> np.uint64(2)) & np.uint64(0x3333333333333333))
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * np.uint64(0x0101010101010101)) >> np.uint64(56))
