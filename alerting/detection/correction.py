"""The share of negatives with the classifier's known errors taken out.

Of texts that are negative the classifier says so of a share s, of the others of a share f; so a share q that was said stands for
`(q - f) / (s - f)` (Rogan and Gladen, "Estimating prevalence from the results of a screening test", 1978). The interval takes
in that s and f were themselves measured on so many texts (Lang and Reiczigel, "Confidence limits for prevalence of disease
adjusted for estimated sensitivity and specificity", 2014).
"""

import math

from msgspec import Struct

from alerting.alerts import Corrected

SIGMAS = 1.96  # of a 95 % interval
LEAST_DIFFERENCE = 0.2  # between s and f; below it the classifier says next to nothing


class Errors(Struct, frozen=True):
    """How often an artifact errs about negative texts, on texts that it was not trained on."""

    artifact: str  # its hash
    negatives: int  # texts that are negative
    found: int  # of them, those it calls negative
    others: int  # texts that are not
    mistaken: int  # of them, those it calls negative

    @property
    def sensitivity(self) -> float:
        """How often what is negative is called so."""
        return self.found / self.negatives

    @property
    def false_rate(self) -> float:
        """How often what is not is called so."""
        return self.mistaken / self.others


def errors_of(artifact: str, confusion: tuple[tuple[int, int, int], ...]) -> Errors | None:
    """From counts of what holds (rows) and what was said (columns), negative first; None if they say too little."""
    if len(confusion) != 3 or not sum(confusion[0]) or not sum(map(sum, confusion[1:])):
        return None
    mistaken = sum(row[0] for row in confusion[1:])
    errors = Errors(artifact, sum(confusion[0]), confusion[0][0], sum(map(sum, confusion[1:])), mistaken)
    return errors if errors.sensitivity - errors.false_rate >= LEAST_DIFFERENCE else None


def correct(negatives: int, stories: int, usual_share: float, errors: Errors) -> Corrected:
    """The corrected share of so many negative ones among `stories`, at least one; `usual_share` is corrected alike.

    Of copies the classifier says the same, right or wrong: they say nothing more.
    """
    s, f, said = errors.sensitivity, errors.false_rate, negatives / stories
    share, usual = (_within((each - f) / (s - f)) for each in (said, usual_share))
    low, high = _interval(said, stories, errors)
    return Corrected(
        share=round(share, 4),
        low=round(min(low, share), 4),
        high=round(max(high, share), 4),
        within_error=low <= usual <= high,
    )


def _interval(said: float, stories: int, errors: Errors) -> tuple[float, float]:
    """Lang and Reiczigel's: each of the three shares is drawn towards a half, as by a few more observations."""
    squared = SIGMAS * SIGMAS
    n, of_s, of_f = stories + squared, errors.negatives + 2, errors.others + 2
    q, s, f = (said * stories + squared / 2) / n, (errors.found + 1) / of_s, (errors.mistaken + 1) / of_f
    share = (q - f) / (s - f)
    chance, in_s, in_f = q * (1 - q) / n, s * (1 - s) / of_s, f * (1 - f) / of_f
    middle = share + 2 * squared * (share * in_s - (1 - share) * in_f)
    spread = SIGMAS * math.sqrt(chance + share**2 * in_s + (1 - share) ** 2 * in_f) / (s - f)
    return _within(middle - spread), _within(middle + spread)


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0)
