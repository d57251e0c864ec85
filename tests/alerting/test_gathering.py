"""Ranges that are counted together change the same as if each came alone."""

import pytest
from msgspec import msgpack, structs

from alerting.alerts import Alert
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
