"""One alert computed again, from the detector's inputs that it carries and from the scores that are still kept."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, takewhile
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alerting.alerts import Alert
from alerting.counting.eventtime import counted
from alerting.counting.windows import Tally
from alerting.detection.rarity import days_of
from classifier.scores import Columns
from ingest.instants import instant
from ingest.logs import Record


class Counts(Struct, frozen=True):
    """What lies in the windows that an alert tells of."""

    documents: int
    negatives: int
    sources: int
    languages: dict[str, int]


class Rebuilt(Struct, frozen=True):
    """An alert's numbers once more, and where they differ from those it carries, a sentence each."""

    return_period_days: float
    counts: Counts | None
    uncounted: Literal["", "gone", "late", "flash"]  # why there are no counts, if so
    differences: tuple[str, ...]


def rebuild(alert: Alert, records: Iterable[Record], width: int) -> Rebuilt:
    """Compute an alert again, as it was when it opened or escalated.

    Args:
        alert: a revision that was composed from scores, not one that only closed it.
        records: the scores log from the oldest record that is kept.
        width: of a window, microseconds.
    """
    if alert.kind == "flash":
        return Rebuilt(0.0, None, "flash", ())
    days = days_of(alert.detection)
    differences = list(_differ("return_period_days", alert.return_period_days, round(days, 3)))
    if alert.late:
        return Rebuilt(days, None, "late", tuple(differences))
    counted = _count(alert, records, width)
    if counted is None:
        return Rebuilt(days, None, "gone", tuple(differences))
    # Found when a window closed, or before: only then windows count that begin at that very instant.
    matching = next((counts for counts in counted if counts.documents == alert.documents), counted[0])
    for name in ("documents", "negatives", "sources", "languages"):
        differences.extend(_differ(name, getattr(alert, name), getattr(matching, name)))
    return Rebuilt(days, matching, "", tuple(differences))


def _differ(name: str, told: object, again: object) -> Iterator[str]:
    if told != again:
        yield f"{name}: {told} in the alert, {again} computed again"


def _count(alert: Alert, records: Iterable[Record], width: int) -> tuple[Counts, Counts] | None:
    """Counts of windows before the instant of the finding, and of those up to it; None where scores are gone."""
    at = instant(alert.updated_at)
    before, upto = Tally(), Tally()
    for columns in behind(alert, records):
        if columns is None:
            return None
        starts = columns.rows["event_at"] - columns.rows["event_at"] % width
        is_in = is_about(alert, columns) & (starts >= instant(alert.first_seen_at))
        before.add(_tally(columns, is_in & (starts < at)))
        upto.add(_tally(columns, is_in & (starts <= at)))
    return _counts(before), _counts(upto)


def behind(alert: Alert, records: Iterable[Record]) -> Iterator[Columns | None]:
    """What the alert was computed from, in order; None first where it is not kept. Raises `msgspec.MsgspecError`."""
    kept = iter(records)
    first = next(kept, None)
    if first is None:
        return
    if first.offset > alert.scores_from:
        yield None
    seen = takewhile(lambda record: record.offset < alert.scores_to, chain([first], kept))
    yield from (fresh for fresh, _ in counted(seen))


def is_about(alert: Alert, columns: Columns) -> NDArray[np.bool_]:
    """Which rows are on the alert's subject."""
    subject, topics = alert.subject, columns.range.topics
    table = topics if subject.kind == "topic" else columns.names
    found = np.zeros(len(columns), bool)
    if subject.name in table:
        found[columns.labelled(table.index(subject.name) + (0 if table is topics else len(topics)))] = True
    return found


def _tally(columns: Columns, is_in: NDArray[np.bool_]) -> Tally:
    """The chosen rows of a range."""
    rows = columns.rows[is_in]
    languages = Counter(columns.languages[code] for code in rows["language"].tolist())
    sources = {columns.sources[code] for code in rows["source"].tolist()}
    return Tally(len(rows), int(rows["negative"].sum()), languages=dict(languages), sources=sources)


def _counts(tally: Tally) -> Counts:
    return Counts(tally.documents, tally.negatives, len(tally.sources), dict(sorted(tally.languages.items())))
