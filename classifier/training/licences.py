"""What a network was trained on: source, licence and number of rows, handed on from one training to the next."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from classifier.training.data import Example

Entry = dict[str, Any]
"""`source`, `licence` and `rows`."""


def licences_of(learnt: Iterable[Example]) -> tuple[Entry, ...]:
    """The rows of a training by source and licence."""
    counts = Counter((e.source, e.licence) for e in learnt)
    return tuple({"source": s, "licence": licence, "rows": rows} for (s, licence), rows in sorted(counts.items()))


def joined(licences: Iterable[Entry]) -> tuple[Entry, ...]:
    """One entry a source and licence: rows that are learnt again are the same rows."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in licences:
        key = entry["source"], entry["licence"]
        found[key] = max(entry, found.get(key, entry), key=lambda each: each["rows"])
    return tuple(found[key] for key in sorted(found))
