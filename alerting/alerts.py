"""An alert: one event on one subject, told in revisions, with everything needed to believe or dismiss it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, json
from msgspec.structs import replace

from ingest.logs import Kept, Message
from ingest.records import decoded

ALERTS = Kept("bellwether.alerts", partitions=1, retention_s=2 * 365 * 86_400)

Severity = Literal["warning", "critical"]
Action = Literal["page", "notify", "digest"]


class Subject(Struct, frozen=True, order=True):
    """What is watched: a topic of the artifact, or a name."""

    kind: Literal["topic", "entity"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Subject":
        """Back from `kind/name`."""
        kind, _, name = text.partition("/")
        return cls("entity" if kind == "entity" else "topic", name)


class Evidence(Struct, frozen=True):
    """One document behind an alert. `spans` are [start, end, weight] in code points of `text`, weights in [0, 1]."""

    id: str
    source: str
    published_at: datetime
    language: str
    text: str
    negative: float  # probability in [0, 1]
    url: str = ""
    spans: tuple[tuple[int, int, float], ...] = ()


class Detection(Struct, frozen=True):
    """What the detector saw and knew when it spoke: enough to compute `return_period_days` again."""

    scale_s: float  # the time scale that spoke, seconds
    statistic: float  # standardised excess of negatives
    usual_share: float  # the topic's own slow share
    threshold: float  # above it an excess belongs to the tail
    mean_excess: float  # of the tail, in units of the statistic
    clusters_per_day: float
    scales: int  # how many scales were looked at
    alarm_days: float  # the return period from which on it fires
    documents: float = 0.0  # fading sums on that scale, copies apart
    negatives: float = 0.0
    squares: float = 0.0  # sum of squared weights: what the variance goes by
    usual_documents: float = 0.0  # as many are usual on that scale
    dispersion: float = 1.0  # how much more the share scatters than chance alone would have it
    beyond_share: float = 0.0  # of negatives, expected of documents beyond the usual number


class Corrected(Struct, frozen=True):
    """The share of negatives with the classifier's known errors taken out, and its 95 % interval; each in [0, 1]."""

    share: float
    low: float
    high: float
    within_error: bool  # the usual share lies within the interval: the excess may be the classifier's own error


class Silent(Struct, frozen=True):
    """Usual sources of a subject that have fallen silent, each by its own rhythm: what they would say is not counted."""

    sources: tuple[str, ...]  # those with most volume first, eight at most
    missing: float  # share of the subject's usual volume that is theirs, in [0, 1]; from 0.5 on the subject is unknown


class Flash(Struct, frozen=True):
    """Why one text was enough for an alert."""

    topics: tuple[str, ...]  # severe ones that it has
    words: tuple[str, ...]  # the combination of words found in it, if one was
    source: str
    source_tier: int
    negative: float  # probability in [0, 1]
    over_budget: bool  # the day's budget of flashes was spent: it is told in the digest


class Handled(Struct, frozen=True):
    """When each stage had the last document in hand that was counted before the alert was told, whatever it is about.

    Wall clock; None in a replay.
    """

    published_at: datetime
    appended_at: datetime
    classified_at: datetime | None


class Alert(Struct, frozen=True):
    """The whole state of an alert at one revision. Instants are RFC 3339 in JSON; event time unless said otherwise."""

    id: str
    revision: int
    incident: str  # the id of the alert that began the event this one is about; its own id if that is itself
    joined: bool  # it belongs to an incident already told, and is no rarer, worse or louder: kept and shown, not told
    subject: Subject
    state: Literal["open", "closed"]
    change: Literal["opened", "escalated", "caught_up", "closed"]
    severity: Severity
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    first_seen_at: datetime  # start of the first window that is counted, of those that are still held
    return_period_days: float  # how rare this is for this subject: once in so many days
    documents: int  # since first_seen_at; of one that is over, up to the last instant of the excess
    negatives: int
    share: float  # of stories, story_negatives / stories: the usual one, too, is learnt without copies
    usual_share: float
    usual_documents: float  # as many stories are usual in the same time: what is usual is learnt without copies
    kind: Literal["share", "volume", "both", "flash"]  # flash: one text was enough
    stories: int
    sources: int
    languages: dict[str, int]
    top_documents: tuple[Evidence, ...]
    detection: Detection
    ready: bool  # False: the baseline is still young, so rarity is a first guess
    late: bool  # documents that came late took part
    historical: bool  # older than the bound when found: kept, not delivered
    scores_from: int  # offsets [scores_from, scores_to) of the scores log that it was computed from
    scores_to: int
    artifact: str  # hash of the model
    settings: str  # hash of the settings that decide about alerts
    handled: Handled | None = None
    action: Action = "page"  # how loudly it is to be told
    policy: str = ""  # version of the severity table that chose the action
    corrected: Corrected | None = None  # None: the artifact does not say how often it errs
    flash: Flash | None = None  # of a flash: why. `detection` is what the name's detector saw: it had no part in it
    copies: int = 0  # documents since first_seen_at that are copies of a story: how much it was amplified
    silent: Silent | None = None  # None: no usual source of the subject is missing
    story_negatives: int = 0  # 0: told by an older version, whose share is that of documents

    @property
    def key(self) -> str:
        """The idempotency key of this revision."""
        return f"{self.id}/{self.revision}"

    @property
    def is_told(self) -> bool:
        """Whether destinations are to hear of this revision: it is neither a part of what was told already nor long over."""
        return not (self.joined or self.historical)

    @property
    def share_of(self) -> tuple[int, int]:
        """How many of how many `share` is: of stories, or of documents in an alert of an older version."""
        return (self.story_negatives, self.stories) if self.story_negatives else (self.negatives, self.documents)


_encoder = json.Encoder()
_decoder = json.Decoder(Alert)


def closed(alert: Alert, at: datetime, *, was_told: bool) -> Alert:
    """The end of an alert. Whoever was told of its beginning is told of it."""
    return replace(
        alert, revision=alert.revision + 1, state="closed", change="closed", updated_at=at, closed_at=at,
        joined=alert.joined and not was_told, historical=alert.historical and not was_told,
    )  # fmt: skip


def alert_message(alert: Alert) -> Message:
    """The alert as a record of the alerts log, keyed by id and revision."""
    return Message(ALERTS.log, _encoder.encode(alert), key=alert.key.encode())


def decode_alert(value: bytes) -> Alert:
    """An alert from the alerts log. Raises `msgspec.MsgspecError` on anything else."""
    return decoded(_decoder, value)
