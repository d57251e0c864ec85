from hypothesis import given
from hypothesis import strategies as st

from alerting.destinations.backoff import Backoff, Patience
from ingest.instants import HOUR, SECOND


def waits(count: int, seed: str = "desk") -> list[float]:
    backoff = Backoff(Patience(), seed)
    return [backoff.failed(0, "a1/1", None) for _ in range(count)]


def test_the_same_failures_give_the_same_waits_and_another_destination_others() -> None:
    assert waits(20) == waits(20)
    assert waits(20) != waits(20, seed="other")


def test_waits_are_spread_below_a_bound_that_doubles_up_to_a_minute() -> None:
    bounds = [1, 2, 4, 8, 16, 32, *[60] * 200]
    drawn = waits(len(bounds))
    assert all(0 <= wait <= bound for wait, bound in zip(drawn, bounds, strict=True))
    assert 25 < sum(drawn[6:]) / 200 < 35
    assert min(drawn[6:]) < 5
    assert max(drawn[6:]) > 55


def test_nothing_is_due_before_the_wait_is_over_and_all_is_when_the_destination_has_answered() -> None:
    backoff = Backoff(Patience(), "desk")
    assert backoff.is_due(0)
    wait_s = backoff.failed(HOUR, "a1/1", 10.0)
    assert wait_s == 10.0
    assert not backoff.is_due(HOUR + 10 * SECOND - 1)
    assert backoff.is_due(HOUR + 10 * SECOND)
    backoff.answered()
    assert backoff.is_due(HOUR)


def test_a_clock_that_was_set_back_does_not_prolong_the_wait() -> None:
    backoff = Backoff(Patience(), "desk")
    backoff.failed(HOUR, "a1/1", 10.0)
    assert backoff.is_due(HOUR - 1)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e15)), min_size=1, max_size=200))
def test_whatever_a_destination_asks_for_no_wait_is_longer_than_an_hour(asked: list[float | None]) -> None:
    backoff = Backoff(Patience(), "desk")
    assert all(0 <= backoff.failed(0, "a1/1", retry_after_s) <= 3600 for retry_after_s in asked)
