"""Bootstrap intervals: how far a figure would move if other texts had been drawn."""

from collections.abc import Callable

import numpy as np

_ROUNDS = 500
_SEED = 11


def interval(figure: Callable[[np.ndarray], float], rows: int, rounds: int = _ROUNDS) -> tuple[float, float]:
    """The middle 95 % of a figure over samples of `rows` rows drawn with replacement.

    Args:
        figure: from row numbers, int [rows], to the figure; what is not finite is left out.
        rows: how many there are.
        rounds: samples to draw.
    """
    rng = np.random.default_rng(_SEED)
    drawn = np.array([figure(rng.integers(rows, size=rows)) for _ in range(rounds)])
    low, high = np.percentile(drawn[np.isfinite(drawn)], [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)
