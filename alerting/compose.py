"""Composing an alert: the numbers, the documents and the circumstances of what a detector found."""

from hashlib import blake2b
from typing import Literal

from msgspec import Struct

from alerting.alerts import Alert, Corrected, Handled, Severity, Silent, Subject
from alerting.book import Change
from alerting.correction import Errors, correct
from alerting.eventtime import Newest
from alerting.evidence import Candidates, evidence
from alerting.spikes import LONGEST, Spike
from alerting.windows import Bins, total
from ingest.instants import DAY, SECOND, moment


class Circumstances(Struct, frozen=True):
    """Where and when something was found."""

    at: int  # event time of the finding
    until: int  # windows that start before it were looked at
    late_stories: int  # which the windows do not have: they belong to earlier ones, and came since
    late_negatives: int
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
    """The start of the first bin that an alert tells of: at least one of the scales that spoke back, at most three.

    What is no longer held cannot be told of.
    """
    scale = int(SECOND * spike.detection.scale_s)
    since = max(bins.start_of(at - 3 * scale), min(change.excess.since, bins.start_of(at - scale)))
    return bins.held_since(since)


def alert_id(subject: str, at: int) -> str:
    """The id of an alert on `subject` that opens at event time `at`: the same in every run over the same log."""
    return blake2b(f"{subject}@{at}".encode(), digest_size=8).hexdigest()


def compose(subject: str, spike: Spike, change: Change, around: Circumstances, bins: Bins, held: Candidates) -> Alert:
    """The alert at its next revision."""
    before = change.before
    since = first_bin(change, spike, bins, around.at)
    counts = total(bins.between(subject, since, around.until))
    documents, negatives = counts.documents + around.late_stories, counts.negatives + around.late_negatives
    stories, story_negatives = counts.stories + around.late_stories, counts.story_negatives + around.late_negatives
    usual_stories = spike.usual_per_day * (around.at - since) / DAY
    return Alert(
        id=before.id if before else alert_id(subject, around.at),
        revision=before.revision + 1 if before else 1,
        incident=around.incident,
        joined=around.joined,
        subject=Subject.parse(subject),
        state="open",
        change=change.kind,
        severity=_severity(spike),
        opened_at=before.opened_at if before else moment(around.at),
        updated_at=moment(around.at),
        closed_at=None,
        first_seen_at=moment(since),
        return_period_days=round(min(spike.days, LONGEST), 3),
        documents=documents,
        negatives=negatives,
        share=round(negatives / max(documents, 1), 4),
        usual_share=round(spike.usual_share, 4),
        usual_documents=round(usual_stories, 2),
        kind=_kind(stories, story_negatives, spike.usual_share, usual_stories),
        stories=stories,
        sources=len(counts.sources),
        languages=dict(sorted(counts.languages.items())),
        top_documents=tuple(evidence(candidate) for candidate in held.best(subject, since, around.until)),
        detection=spike.detection,
        ready=spike.ready,
        late=around.late,
        historical=around.historical,
        scores_from=change.excess.scores_from,
        scores_to=around.offset + 1,
        artifact=around.artifact,
        settings=around.settings,
        handled=_handled(around),
        corrected=_corrected(documents, negatives, stories, spike.usual_share, around),
        copies=counts.documents - counts.stories,
        silent=around.silent,
    )


def _corrected(
    documents: int, negatives: int, stories: int, usual_share: float, around: Circumstances
) -> Corrected | None:
    errors = around.errors
    if errors is None or errors.artifact != around.artifact or not documents:
        return None
    return correct(negatives, documents, stories, usual_share, errors)


def _severity(spike: Spike) -> Severity:
    return "critical" if spike.critical else "warning"


def _kind(stories: int, negatives: int, usual_share: float, usual_stories: float) -> Literal["share", "volume", "both"]:
    """What is unusual, copies apart: what is usual was learnt without them."""
    more_negative = negatives >= 1.3 * usual_share * stories
    more_stories = stories >= 2 * usual_stories
    if more_negative and more_stories:
        return "both"
    return "share" if more_negative else "volume"


def _handled(around: Circumstances) -> Handled | None:
    if around.newest is None:
        return None
    classified_at = moment(around.classified_at) if around.classified_at else None
    return Handled(moment(around.newest.published_at), moment(around.newest.appended_at), classified_at)
