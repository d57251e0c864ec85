"""Copies are recognised, near ones too, for a day and within a stated number of stories."""

from itertools import pairwise

import numpy as np
import pytest

from alerting.counting.stories import BANDS, MOST, NEAR, WAYS, Stories, Told
from ingest.instants import DAY
from tests.alerting.made import START

DICE = np.random.default_rng(7)


def signatures(many: int) -> np.ndarray:
    return DICE.integers(0, 1 << 64, many, np.uint64, endpoint=False)


def times(many: int, at: int = START) -> np.ndarray:
    return np.full(many, at, np.int64)


def flipped(signature: np.ndarray, bits: list[int]) -> np.ndarray:
    return signature ^ np.uint64(sum(1 << bit for bit in bits))


def test_a_copy_is_known_in_its_own_range_and_in_later_ones():
    stories, first = Stories(Told()), signatures(300)
    assert not stories.place(first, times(300)).copies.any()
    again = stories.place(np.concatenate([first, first[:5], signatures(1)]), times(306))
    assert again.copies.tolist() == [True] * 305 + [False]
    twice = np.repeat(signatures(200), 2)
    placed = stories.place(twice, times(400))
    assert placed.copies.tolist() == [False, True] * 200
    assert (placed.stories == twice).all()


@pytest.mark.parametrize("bits", [[3], [3, 20], [3, 20, 40], [0, 1, 2, 3, 4, 5]])
def test_a_near_copy_belongs_to_the_story_that_came_first(bits: list[int]):
    stories, first = Stories(Told()), signatures(200)
    stories.place(first, times(200))
    placed = stories.place(flipped(first, bits), times(200))
    assert placed.copies.all()
    assert (placed.stories == first).all()
    both = signatures(50)
    placed = stories.place(np.concatenate([both, flipped(both, bits)]), times(100))
    assert placed.copies.tolist() == [False] * 50 + [True] * 50
    assert (placed.stories[50:] == both).all()


def test_what_is_near_a_copy_only_is_a_story_of_its_own():
    stories, first = Stories(Told()), signatures(1)
    second, third = flipped(first, [1, 2, 3, 4, 5]), flipped(first, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert stories.place(np.concatenate([first, second, third]), times(3)).copies.tolist() == [False, True, False]


def test_after_a_day_of_silence_it_is_news_again_and_each_copy_prolongs_the_day():
    stories, first = Stories(Told()), signatures(1)
    told = [stories.place(first, times(1, START + days * DAY)).copies[0] for days in (0, 1, 2, 4)]
    assert told == [False, True, True, False]
    assert Stories(Told()).place(np.repeat(first, 2), np.array([START, START + 2 * DAY])).copies.tolist() == [
        False,
        False,
    ]


def test_going_on_from_a_checkpoint_finds_the_same_also_when_there_is_no_room_for_all():
    straight, broken = Stories(Told(), most=500), Stories(Told(), most=500)
    pool = signatures(700)
    for turn in range(60):
        chosen = pool[DICE.integers(0, 700, 40)]
        at = times(40, START + turn)
        one, other = straight.place(chosen, at), broken.place(chosen, at)
        assert (one.copies == other.copies).all()
        assert (one.stories == other.stories).all()
        broken = Stories(broken.told(), most=500)
    assert straight.oldest() is not None


def test_of_stories_as_near_as_each_other_the_older_one_is_meant_also_after_a_restart_without_room_for_all():
    dice, most, at = np.random.default_rng(3), 40, START
    between = signatures(6)  # each lies 4 bits from 4 stories, which lie 8 bits from one another
    around = np.array([flipped(between, [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]) for n in range(4)])
    straight, broken = Stories(Told(), most), Stories(Told(), most)
    for _ in range(300):
        chosen = np.concatenate([dice.choice(around.ravel(), 4), dice.choice(between, 2), signatures(6)])
        at += 20
        one, other = straight.place(chosen, times(12, at)), broken.place(chosen, times(12, at))
        assert one.stories.tolist() == other.stories.tolist()
        assert one.copies.tolist() == other.copies.tolist()
        broken = Stories(broken.told(), most)
    told, old = Stories(Told()), around[[3, 1, 0, 2], 0]
    told.place(old, times(4))
    assert told.place(between[:1], times(1)).stories.tolist() == [old[0]]


def test_how_far_back_it_goes_is_told_once_there_is_no_room_for_all():
    stories = Stories(Told(), most=256)
    for turn in range(4):
        assert stories.oldest() == (None if turn < 3 else START)
        stories.place(signatures(100), times(100, START + turn * DAY))
    assert len(stories.told().at) == 8 * 256
    assert MOST >= 500_000


def plainly(signatures: np.ndarray, at: np.ndarray, most: int) -> list[tuple[int, bool]]:
    """The same one by one in plain Python: the story of each, and whether it is a copy."""
    told: dict[int, tuple[int, int]] = {}  # by number: a story's signature, and when it was last told
    slots: dict[tuple[int, int], list[int]] = {}  # by band and its bits: numbers
    many, placed = 0, []
    for signature, when in zip(signatures.tolist(), at.tolist(), strict=True):
        bands = [(band, signature >> 16 * band & 0xFFFF) for band in range(BANDS)]
        numbers = {number for band in bands for number in slots.get(band, [])[-WAYS:] if number >= many - most}
        recent = [number for number in numbers if abs(told[number][1] - when) <= DAY]
        near = min(recent, key=lambda number: ((told[number][0] ^ signature).bit_count(), number), default=None)
        if near is not None and (told[near][0] ^ signature).bit_count() <= NEAR:
            told[near] = told[near][0], max(told[near][1], when)
            placed.append((told[near][0], True))
            continue
        told[many] = signature, when
        for band in bands:
            slots.setdefault(band, []).append(many)
        many += 1
        placed.append((signature, False))
    return placed


def test_the_compiled_loop_does_what_a_plain_one_does_in_whatever_portions_it_comes():
    dice, most = np.random.default_rng(11), 300
    pool = signatures(400)
    pool[200:] = pool[:200] ^ np.uint64(1 << 40)  # each next to another
    chosen = pool[dice.integers(0, 400, 4000)]
    noise = np.zeros(4000, np.uint64)
    for _ in range(4):
        noise |= np.uint64(1) << dice.integers(0, 64, 4000).astype(np.uint64)
    chosen ^= np.where(dice.random(4000) < 0.5, noise, 0).astype(np.uint64)
    at = START + np.arange(4000) * (DAY // 900) - dice.integers(0, DAY // 2, 4000)
    stories, found = Stories(Told(), most), []
    cuts = [0, *sorted(dice.integers(0, 4000, 40).tolist()), 4000]
    for begin, end in pairwise(cuts):
        placed = stories.place(chosen[begin:end], at[begin:end])
        found += list(zip(placed.stories.tolist(), placed.copies.tolist(), strict=True))
    assert found == plainly(chosen, at, most)
    assert 500 < sum(copy for _, copy in found) < 3500
