import pytest

from classifier.training.pace import Pace


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_rises_then_falls_to_zero_over_the_steps() -> None:
    pace = Pace(max_steps=100, minutes=None, warmup=0.1)
    rates = [pace.rate(step) for step in range(101)]
    assert rates[0] > 0
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[100] == pytest.approx(0)


def test_minutes_end_the_run_with_the_schedule_complete() -> None:
    clock = Clock()
    pace = Pace(max_steps=10_000, minutes=10, warmup=0.1, clock=clock)
    clock.now = 600
    assert pace.progress(50) == 1
    assert pace.rate(50) == pytest.approx(0)


def test_an_interrupted_run_goes_on_where_it_stopped() -> None:
    clock = Clock()
    clock.now = 5000
    pace = Pace(max_steps=10_000, minutes=10, warmup=0.1, clock=clock)
    pace.resume(300)
    assert pace.progress(1) == pytest.approx(0.5)
