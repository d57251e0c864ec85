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

KEPT_EVERY = 300.0
"""Seconds of training after which it is kept, so that no more is lost when it is interrupted."""


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
    """Stops the trainer when the pace says so, asks for checkpoints in time, and keeps the time spent beside them."""

    def __init__(self, pace: Pace, folder: Path) -> None:
        self._pace = pace
        self._kept_at = 0.0
        self._file = folder / "pace.json"

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Takes up the time that an interrupted run had spent."""
        self._kept_at = self._spent() if state.global_step else 0.0
        self._pace.resume(self._kept_at)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Writes down the time spent."""
        self._kept_at = self._pace.elapsed_seconds()
        partial = self._file.with_name(f"partial.{self._file.name}")
        partial.write_text(json.dumps(self._kept_at), "utf-8")
        partial.replace(self._file)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Ends the run at its end, and asks for a checkpoint when the last is `KEPT_EVERY` ago."""
        if self._pace.progress(state.global_step) >= 1:
            control.should_training_stop = control.should_evaluate = control.should_save = True
        elif self._pace.elapsed_seconds() >= self._kept_at + KEPT_EVERY:
            control.should_save = True

    def _spent(self) -> float:
        """What was written down; nothing where that cannot be read."""
        try:
            return float(json.loads(self._file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return 0.0
