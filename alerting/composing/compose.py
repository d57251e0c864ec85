"""Composing an alert: the numbers, the documents and the circumstances of what a detector found."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from alerting.alerts import Alert, Corrected, Detection, Handled, Severity, Silent, Subject
from alerting.composing.book import Change
from alerting.composing.evidence import Candidate, evidence
from alerting.counting.eventtime import Newest
from alerting.counting.late import LateCount
from alerting.counting.windows import Bins, Tally, total
from alerting.detection.correction import Errors, correct
from alerting.detection.daytime import usual_between
from alerting.detection.spikes import LONGEST, Detector, Spike
from ingest.instants import DAY, SECOND, instant, moment


class Counts(Struct, frozen=True):
    """What an alert counts over a stretch of event time, under the names of its fields."""

    first_seen_at: datetime
    documents: int
    negatives: int
    share: float
    usual_documents: float
    stories: int
    story_negatives: int
    sources: int
    languages: dict[str, int]
    copies: int


class Circumstances(Struct, frozen=True):
    """Where and when something was found."""

    at: int  # event time of the finding
    until: int  # windows that start before it were looked at
    came_since: tuple[Tally, ...]  # what the windows do not have: it belongs to earlier ones, and came since
    late: bool  # documents that came late took part
    offset: int  # of the scores record that is being read
    artifact: str
    settings: str
    incident: str
    joined: bool
    historical: bool
    newest: Newest | None = None  # the document that was counted last; None in a replay
    classified_at: int | None = None
    errors: Errors | None = None  # of the classifier
    silent: Silent | None = None  # usual sources of the subject


def first_bin(change: Change, spike: Spike, bins: Bins, at: int) -> int:
    """The start of the first bin that an alert counts: as it opens at least one of the scale that spoke back, at most three.

    When it escalates it goes on from there. What is no longer held cannot be told of.
    """
    scale = int(speaking_scale(spike))
    since = max(bins.start_of(at - 3 * scale), min(change.excess.since, bins.start_of(at - scale)))
    if change.before:
        since = min(since, instant(change.before.first_seen_at))
    return bins.held_since(since)


def speaking_scale(spike: Spike) -> float:
    """The time scale that spoke, in microseconds."""
    return SECOND * spike.detection.scale_s


def alert_id(subject: str, at: int) -> str:
    """The id of an alert on `subject` that opens at event time `at`: the same in every run over the same log."""
    return blake2b(f"{subject}@{at}".encode(), digest_size=8).hexdigest()


def revised(subject: str, before: Alert | None, at: int) -> tuple[str, int]:
    """Id and revision of an alert as it is told next at event time `at`; `before` is what was told of it, if it was."""
    return (before.id, before.revision + 1) if before else (alert_id(subject, at), 1)


def count(
    subject: str, bins: Bins, since: int, until: int, came_since: Iterable[Tally], usual_per_day: float
) -> Counts:
    """What lies in windows that start in [since, until), and what belongs to earlier ones and `came_since`."""
    found = total([*bins.between(subject, since, until), *came_since])
    return Counts(
        first_seen_at=moment(since),
        documents=found.documents,
        negatives=found.negatives,
        share=round(found.story_negatives / max(found.stories, 1), 4),
        usual_documents=round(usual_per_day * (until - since) / DAY, 2),
        stories=found.stories,
        story_negatives=found.story_negatives,
        sources=len(found.sources),
        languages=dict(sorted(found.languages.items())),
        copies=found.documents - found.stories,
    )


def compose(
    subject: str, spike: Spike, change: Change, around: Circumstances, bins: Bins, telling: Sequence[Candidate]
) -> Alert:
    """The alert at its next revision; `telling` are the documents to show."""
    before = change.before
    mine, revision = revised(subject, before, around.at)
    since = first_bin(change, spike, bins, around.at)
    counts = count(subject, bins, since, around.until, around.came_since, spike.usual_per_day)
    usual_share = spike.usual_share(since, around.at)
    return Alert(
        id=mine,
        revision=revision,
        incident=around.incident,
        joined=around.joined,
        subject=Subject.parse(subject),
        state="open",
        change=change.kind,
        severity=_severity(spike),
        opened_at=before.opened_at if before else moment(around.at),
        updated_at=moment(around.at),
        closed_at=None,
        return_period_days=round(min(spike.days, LONGEST), 3),
        usual_share=round(usual_share, 4),
        kind=_kind(counts, usual_share, spike.detection),
        top_documents=tuple(evidence(candidate) for candidate in telling),
        detection=spike.detection,
        ready=spike.ready,
        late=around.late,
        historical=around.historical,
        scores_from=bins.read_from(since, around.offset),
        scores_to=around.offset + 1,
        artifact=around.artifact,
        settings=around.settings,
        handled=_handled(around),
        corrected=_corrected(counts, usual_share, around.artifact, around.errors),
        silent=around.silent,
        **asdict(counts),
    )


def recounted(
    alert: Alert, until: int, bins: Bins, late: LateCount, detector: Detector | None, errors: Errors | None
) -> Alert:
    """The alert with the numbers of its whole event up to event time `until`, of which `late` came late.

    As it is, where of that event less is still held than was told; where its `detector` is gone, what is usual is as it was told.
    """
    since = bins.held_since(instant(alert.first_seen_at))
    if detector:
        per_day, wave = detector.usual(0).per_day, (detector.cosine, detector.sine)
        usual_share = usual_between(alert.detection.usual_share, wave, since, until)
    else:
        per_day, usual_share = _usual_per_day(alert), alert.usual_share
    counts = count(str(alert.subject), bins, since, until, [late.across(since)], per_day)
    if since >= until or counts.stories < alert.stories:
        return alert
    return replace(
        alert, usual_share=round(usual_share, 4), corrected=_corrected(counts, usual_share, alert.artifact, errors),
        late=alert.late or late.is_since(since), **asdict(counts),
    )  # fmt: skip


def _usual_per_day(alert: Alert) -> float:
    """How many stories a day were usual when the alert was told."""
    span = max(alert.updated_at - alert.first_seen_at, timedelta.resolution)
    return alert.usual_documents * (timedelta(days=1) / span)


def _corrected(counts: Counts, usual_share: float, artifact: str, errors: Errors | None) -> Corrected | None:
    if errors is None or errors.artifact != artifact or not counts.stories:
        return None
    return correct(counts.story_negatives, counts.stories, usual_share, errors)


def _severity(spike: Spike) -> Severity:
    return "critical" if spike.critical else "warning"


def _kind(counts: Counts, usual_share: float, seen: Detection) -> Literal["share", "volume", "both"]:
    """What is unusual, copies apart: what is usual was learnt without them.

    The detector spoke of less than is counted: where neither is plain here, it is what is further off there.
    """
    more_negative = counts.story_negatives >= 1.3 * usual_share * counts.stories
    more_stories = counts.stories >= 2 * counts.usual_documents
    if more_negative and more_stories:
        return "both"
    if more_negative == more_stories:
        more_negative = seen.negatives / seen.documents / seen.usual_share >= seen.documents / seen.usual_documents
    return "share" if more_negative else "volume"


def _handled(around: Circumstances) -> Handled | None:
    if around.newest is None:
        return None
    classified_at = moment(around.classified_at) if around.classified_at else None
    return Handled(moment(around.newest.published_at), moment(around.newest.appended_at), classified_at)
