from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from classifier.training.pace import KEPT_EVERY, Pace, PaceKeeper


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


class Run:
    """A training that calls back."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.clock = Clock()
        self.pace = Pace(max_steps=10_000, minutes=60, warmup=0.1, clock=self.clock)
        self._keeper = PaceKeeper(self.pace, folder)
        self._arguments, self._state = TrainingArguments(str(folder)), TrainerState(global_step=step)
        self._keeper.on_train_begin(self._arguments, self._state, TrainerControl())

    def is_kept(self, seconds: float) -> bool:
        """Whether a step that ends at `seconds` is kept."""
        self.clock.now = seconds
        control = TrainerControl()
        self._keeper.on_step_end(self._arguments, self._state, control)
        if control.should_save:
            self._keeper.on_save(self._arguments, self._state, control)
        return control.should_save


def test_a_run_is_kept_every_few_minutes(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert [run.is_kept(KEPT_EVERY * share) for share in (0.9, 1.1, 2.0, 2.2)] == [False, True, False, True]
    again = Run(tmp_path, step=7)
    assert again.pace.elapsed_seconds() == pytest.approx(2.2 * KEPT_EVERY)
    assert [again.is_kept(KEPT_EVERY * share) for share in (0.9, 1.1)] == [False, True]


@pytest.mark.parametrize("content", ["", "[", "null", "[1]", "{}"])
def test_a_time_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "pace.json").write_text(content)
    assert Run(tmp_path, step=7).pace.elapsed_seconds() == 0


def test_a_time_that_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.is_kept(2 * KEPT_EVERY)
    (tmp_path / "partial.pace.json").mkdir()  # as a full disk would, it lets nothing be written
    with pytest.raises(OSError, match=r"partial\.pace\.json"):
        run.is_kept(4 * KEPT_EVERY)
    assert Run(tmp_path, step=7).pace.elapsed_seconds() == 2 * KEPT_EVERY
