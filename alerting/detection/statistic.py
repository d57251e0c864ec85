"""The statistic of the detector: the standardised excess of negatives, `z = (n - E) / sqrt(phi (1 - p) E + 1)`.

E is how many of the N documents are negative as usual: `p N`, as long as there are as many documents as usual.
"""

import math
from typing import NamedTuple

MOST_USUAL = 0.5  # share of negatives expected of documents beyond the usual number, at most


class Sums(NamedTuple):
    """Exponentially fading sums on one time scale."""

    documents: float
    negatives: float
    squares: float  # of the weights: what the variance goes by


def expected_negatives(documents: float, usual_share: float, usual_documents: float, beyond_share: float) -> float:
    """How many of so many documents on a scale are negative as usual; `beyond_share` of those beyond the usual number.

    Of a topic that is nearly always negative, as bank runs are, the share never rises, and it is the number of its negatives
    that tells: at most every second one beyond the usual number is expected. A name of which hardly anything is heard is in
    the news for a reason: of a name, fewer.
    """
    if documents <= usual_documents:
        return usual_share * documents
    return usual_share * usual_documents + beyond_share * (documents - usual_documents)


def standardised(sums: Sums, expected: float, usual_share: float, dispersion: float) -> float:
    """The statistic z of sums of which so many negatives are expected."""
    if not sums.documents:
        return 0.0
    variance = dispersion * (1 - usual_share) * expected * sums.squares / sums.documents
    return (sums.negatives - expected) / math.sqrt(variance + 1)
