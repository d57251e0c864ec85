"""The learning rate's course, over a number of steps or over minutes, whichever ends first.

On a machine shared with others the number of steps that fit an evening is not known beforehand, and a schedule cut short is
worse than a shorter one that ends: so progress may be measured in minutes, and the rate reaches zero when they are over.
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Pace:
    """Share of the run that is done."""

    def __init__(
        self, max_steps: int, minutes: float | None, warmup: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_steps, self._warmup, self._clock = max_steps, warmup, clock
        self._seconds = math.inf if minutes is None else minutes * 60
        self._started_at = clock()

    def elapsed_seconds(self) -> float:
        """Seconds of training so far, those before an interruption included."""
        return self._clock() - self._started_at

    def resume(self, elapsed_seconds: float) -> None:
        """Goes on after an interruption."""
        self._started_at = self._clock() - elapsed_seconds

    def progress(self, step: int) -> float:
        """Share done after `step` steps, in [0, 1]."""
        return min(1.0, max(step / self._max_steps, self.elapsed_seconds() / self._seconds))

    def rate(self, step: int) -> float:
        """Factor of the learning rate: linear warm-up, then half a cosine down to zero."""
        done = self.progress(step)
        if done < self._warmup:
            return max(done, (step + 1) / self._max_steps) / self._warmup
        return 0.5 * (1 + math.cos(math.pi * (done - self._warmup) / (1 - self._warmup)))


class PaceKeeper(TrainerCallback):
    """Stops the trainer when the pace says so, and keeps the time spent beside the checkpoints."""

    def __init__(self, pace: Pace, folder: Path) -> None:
        self._pace = pace
        self._file = folder / "pace.json"

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Takes up the time that an interrupted run had spent."""
        spent = json.loads(self._file.read_text("utf-8")) if state.global_step and self._file.exists() else 0.0
        self._pace.resume(spent)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Writes down the time spent."""
        self._file.write_text(json.dumps(self._pace.elapsed_seconds()), "utf-8")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Ends the run at its end."""
        if self._pace.progress(state.global_step) >= 1:
            control.should_training_stop = control.should_evaluate = control.should_save = True
