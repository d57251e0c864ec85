"""Charts for a terminal: each subject's share of negatives over time in one line, what is usual below, and its alerts."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from alerting.alerts import Alert
from alerting.counting.windows import Window
from alerting.detection.spikes import PRIOR_DOCUMENTS, PRIOR_SHARE
from ingest.instants import instant

BLOCKS = " ▁▂▃▄▅▆▇█"
ALERT, CRITICAL = "▲", "◆"
FEWEST = 3  # documents in a column: a share of less says nothing


class Column(Struct):
    """What came to a subject in one stretch of time."""

    documents: int = 0
    negatives: int = 0
    mark: str = " "


class Past(Struct):
    """What came to a subject before an instant, each story counting the less the older it is."""

    documents: float = 0.0
    negatives: float = 0.0

    @property
    def share(self) -> float:
        """The usual share of negatives; the prior where nothing came."""
        return (self.negatives + PRIOR_DOCUMENTS * PRIOR_SHARE) / (self.documents + PRIOR_DOCUMENTS)


class Chart(Struct, frozen=True):
    """The lines of one subject, all equally wide."""

    subject: str
    documents: int
    alerts: int
    volume: str  # documents, the highest column full
    share: str  # of negatives, a full block is all of them
    usual: str  # the slow share before each column, in the same unit
    marks: str


def charts(
    windows: Iterable[Window], alerts: Sequence[Alert], start: int, end: int, half_life: int, width: int = 72
) -> list[Chart]:
    """A chart for each subject, those with alerts first, then the busiest.

    Args:
        windows: the newest revision of each, additive ones beside it; any order.
        alerts: those to be marked.
        start: of the first column, microseconds; windows that end before it are past, and only what is usual goes by them.
        end: of the last one, which takes in what is later: an alert opens after the text that it is told of.
        half_life: in which the usual share forgets, microseconds.
        width: how many columns.
    """
    length = max(end - start, width) / width
    columns: dict[str, list[Column]] = {}
    pasts: dict[str, Past] = {}

    def column(subject: str, at: int) -> Column:
        place = min(max(int((at - start) / length), 0), width - 1)
        return columns.setdefault(subject, [Column() for _ in range(width)])[place]

    for window in windows:
        subject, age = str(window.subject), start - instant(window.end)
        if age < 0:
            found = column(subject, instant(window.start))
            found.documents += window.stories
            found.negatives += window.story_negatives
        else:
            past, weight = pasts.setdefault(subject, Past()), 0.5 ** (age / half_life)
            past.documents += weight * window.stories
            past.negatives += weight * window.story_negatives
    told: dict[str, int] = {}
    for alert in alerts:
        found = column(str(alert.subject), instant(alert.opened_at))
        told[str(alert.subject)] = told.get(str(alert.subject), 0) + 1
        found.mark = CRITICAL if alert.severity == "critical" else found.mark.strip() or ALERT
    fade = 0.5 ** (length / half_life)
    made = [
        _chart(subject, mine, pasts.get(subject, Past()), told.get(subject, 0), fade)
        for subject, mine in columns.items()
    ]
    return sorted(made, key=lambda chart: (-chart.alerts, -chart.documents, chart.subject))


def _chart(subject: str, columns: Sequence[Column], past: Past, alerts: int, fade: float) -> Chart:
    busiest = max(column.documents for column in columns) or 1
    usual = ""
    for column in columns:
        usual += _block(past.share)
        past = Past(past.documents * fade + column.documents, past.negatives * fade + column.negatives)
    return Chart(
        subject=subject,
        documents=sum(column.documents for column in columns),
        alerts=alerts,
        volume="".join(_block(column.documents / busiest) for column in columns),
        share="".join(
            _block(column.negatives / column.documents) if column.documents >= FEWEST else " " for column in columns
        ),
        usual=usual,
        marks="".join(column.mark for column in columns),
    )


def _block(part: float) -> str:
    """A block that is so full; something is never drawn as nothing."""
    return BLOCKS[0] if part <= 0 else BLOCKS[max(1, round(part * (len(BLOCKS) - 1)))]
