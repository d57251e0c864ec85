"""Which subjects an early look has to look at: only those of which some time scale is in its tail can fire.

The statistic of all of them at once, on arrays [subjects, scales]: the same as `Scale.z`, up to rounding.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alerting.scales import Counted
from alerting.spikes import Detector
from ingest.instants import DAY

FEW = 3  # subjects are sooner looked at than screened
ROUNDING = 1e-6


class Screen:
    """Holds what detectors know as arrays, until one of them learns."""

    def __init__(self) -> None:
        self._subjects: tuple[str, ...] = ()
        self._own: NDArray[np.float64] = np.empty((0, 4, 1))
        self._scales: NDArray[np.float64] = np.empty((5, 0, 0))

    def clear(self) -> None:
        """Detectors have learned."""
        self._subjects = ()

    def near(
        self, detectors: Mapping[str, Detector], found: Sequence[Sequence[Counted]], ends: Sequence[int], pooled: float
    ) -> list[bool]:
        """Whether anything may be in its tail at instant `ends[-1]`, of each of the subjects of `detectors`.

        Args:
            detectors: by subject.
            found: of each subject, what came to it; each ends at one of `ends`.
            ends: of all bins, ascending; the last is the present.
            pooled: the negative share over all subjects.
        """
        if len(detectors) <= FEW:
            return [True] * len(detectors)
        if self._subjects != tuple(detectors):
            self._subjects = tuple(detectors)
            self._own = np.array([(each.at, *each.usual(pooled)) for each in detectors.values()])[:, :, None]
            self._scales = np.array(
                [
                    [(s.length, s.documents, s.negatives, s.squares, s.tail.threshold) for s in each.scales]
                    for each in detectors.values()
                ]
            ).transpose(2, 0, 1)
        length, documents, negatives, squares, threshold = self._scales  # [subjects, scales] each
        at, share, per_day, dispersion, beyond, at_once = self._own.transpose(1, 0, 2)  # [subjects, 1] each
        ages: NDArray[np.float64] = np.maximum(ends, at) - ends[-1]  # [subjects, bins], negative
        fade = np.exp(ages[:, :, None] / length[:, None, :])  # [subjects, bins, scales]
        keep = np.exp((at - ends[-1]) / length)
        new = _table(found, ends)  # [2, subjects, 1, bins]
        more, bad = (new @ fade)[:, :, 0]
        documents, negatives = documents * keep + more, negatives * keep + bad
        squares = squares * keep * keep + (new[0] @ (fade * fade))[:, 0]
        unusual = np.maximum(documents - np.maximum(per_day * length / DAY, at_once), 0)
        expected = share * (documents - unusual) + beyond * unusual
        weight = np.divide(squares, documents, out=np.zeros_like(squares), where=documents > 0)
        z = (negatives - expected) / np.sqrt(dispersion * (1 - share) * expected * weight + 1)
        near: list[bool] = (z > threshold - ROUNDING).any(axis=1).tolist()
        return near


def _table(found: Sequence[Sequence[Counted]], ends: Sequence[int]) -> NDArray[np.float64]:
    """Documents and negatives, [2, subjects, 1, bins]."""
    column = {end: index for index, end in enumerate(ends)}
    table = np.zeros((len(found), len(ends), 2))
    rows = [row for row, bins in enumerate(found) for _ in bins]
    columns = [column[counted.at] for bins in found for counted in bins]
    np.add.at(table, (rows, columns), [counted[1:] for bins in found for counted in bins])
    return table.transpose(2, 0, 1)[:, :, None]
