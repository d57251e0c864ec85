"""Ranges that are counted together change the same as if each came alone."""

import random
from datetime import timedelta

import pytest
from msgspec import msgpack, structs

from alerting.alerts import Alert
from alerting.counting.cells import Counting
from alerting.state import State
from ingest.instants import SECOND
from tests.alerting.made import DAY, MINUTE, START, ordinary, score_range, scored
from tests.alerting.runs import EARLY_LOOK, Run, in_ranges


def stream():
    """Four quiet days, then busy hours in small ranges: names, near copies, late documents, progress alone, a crisis."""
    documents = ordinary(4)
    first, busy = len(documents), []
    for i in range(6_000):
        at = START + 4 * DAY + i * SECOND
        late = 90 * MINUTE if i % 997 == 0 else 40 * SECOND if i % 13 == 0 else 0
        busy.append(
            scored(
                first + i, at - late, topic=i % 3, negative=i % 7 == 3 or (3_000 < i < 3_900 and i % 3 == 0),
                story=(first + i - i % 4) * 0x9E3779B97F4A7C15 % (1 << 64) ^ (i % 4 == 2),
                names=("Acme",) if i % 9 == 0 else ("Bank", "Acme") if i % 31 == 0 else (),
            )
        )  # fmt: skip
    ranges = in_ranges(documents, 200)
    for each in in_ranges(busy, 11):
        end = each.next
        ranges += [each, score_range((), start=end, next=end)] if end % 5 == 0 else [each]
    return ranges


def any_stream(dice: random.Random):
    """A quiet day, then texts of some pace that come more or less in order in ranges of some size, a crisis, a new model."""
    documents, busy = ordinary(1), []
    pace, jitter = dice.choice([SECOND // 5, SECOND, 20 * SECOND]), dice.choice([0, 5, 40])
    shown, crisis = dice.choice([0.15, 0.5]), dice.randint(500, 1_500)
    late_share, named = dice.choice([0.0, 0.005]), dice.choice([0.1, 0.9])
    for i in range(2_500):
        late = dice.randint(0, jitter) * SECOND * dice.randint(0, 1)
        if dice.random() < late_share:
            late = dice.choice([3, 90, 3_000, 15_000]) * MINUTE
        negative = dice.random() < (0.6 if crisis < i < crisis + 500 else shown)
        names = ("Acme",) if dice.random() < named else ("Bank", "Acme") if dice.random() < 0.05 else ()
        story = (i - i % 4) * 0x9E3779B97F4A7C15 % (1 << 64) ^ (i % 4 == 2)
        place, at = len(documents) + i, START + DAY + i * pace - late
        busy.append(scored(place, at, topic=dice.randrange(3), negative=negative, story=story, names=names))
    ranges, size = in_ranges(documents, 200), dice.choice([3, 11, 50, 150])
    for each in [*in_ranges(busy[:2_000], size), *in_ranges(busy[2_000:], size, artifact="a2")]:
        end, artifact = each.next, each.artifact
        ranges += [each, score_range((), start=end, next=end, artifact=artifact)] if dice.random() < 0.1 else [each]
    return ranges


def state_of(run: Run) -> State:
    """What a checkpoint holds, its windows unpacked, so that the order of sets makes no difference."""
    state = msgpack.decode(run.keeper.packed(), type=State)
    packed = {start: state.bins.of(start) for start in state.bins.packed}
    return structs.replace(state, bins=structs.replace(state.bins, tallies=state.bins.tallies | packed, packed={}))


@pytest.mark.parametrize("poll", [5, 700])
def test_the_same_is_found_however_many_ranges_come_at_once(poll: int):
    ranges = stream()
    alone, together = Run(EARLY_LOOK).take(*ranges), Run(EARLY_LOOK).take(*ranges, poll=poll)
    assert together.found == alone.found
    assert state_of(together) == state_of(alone)
    assert any(isinstance(found, Alert) for found in alone.found)
    assert together.keeper.spikes == alone.keeper.spikes


# Streams in which names are at their caps, bins of one run alternate, documents are weeks late, or alerts open in a later bin.
@pytest.mark.parametrize("seed", [21, 27, 33, 104, 107])
def test_the_same_is_found_of_any_stream(seed: int, monkeypatch: pytest.MonkeyPatch):
    dice, together_in_bins = random.Random(seed), list[int]()
    windows = structs.replace(EARLY_LOOK.windows, out_of_orderness=timedelta(seconds=dice.choice([120, 90, 45])))
    settings, ranges = structs.replace(EARLY_LOOK, windows=windows), any_stream(dice)
    alone, together, poll = Run(settings), Run(settings), dice.choice([4, 20, 128])
    count = Counting.count

    def counted(self: Counting):
        bins = self._gathered.bin_of[self._gathered.first[self._begin] : self._gathered.first[self._end]]
        if self._end > self._begin + 1 and len(bins):
            together_in_bins.append(int(bins.max() - bins.min()) + 1)
        return count(self)

    monkeypatch.setattr(Counting, "count", counted)
    for begin in range(0, len(ranges), poll):
        alone.take(*ranges[begin : begin + poll])
        together.take(*ranges[begin : begin + poll], poll=poll)
        assert together.keeper.state.candidates == alone.keeper.state.candidates
    assert together.found == alone.found
    assert state_of(together) == state_of(alone)
    assert any(isinstance(found, Alert) for found in alone.found)
    assert together_in_bins
