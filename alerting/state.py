"""Everything the aggregator remembers, as one value.

From here on all is a function of the scores log: no clock is read, and the same records give the same windows and alerts. How
late they are found, only whoever takes over can say: what was found before stays as late as it was.
"""

from datetime import timedelta

from msgspec import Struct, field

from alerting.composing.book import AlertBook
from alerting.composing.evidence import Candidates
from alerting.composing.flash import Flashes, FlashSettings
from alerting.composing.incidents import Incidents
from alerting.counting.eventtime import FOREVER, Inputs, Newest
from alerting.counting.late import LateCount
from alerting.counting.rhythms import Rhythms
from alerting.counting.stories import Told
from alerting.counting.windows import Bins, Tally, WindowSettings, width_of
from alerting.detection.budget import Budget
from alerting.detection.correction import Errors
from alerting.detection.rules import SpikeSettings
from alerting.detection.spikes import PRIOR_SHARE, Detector
from alerting.policy import Policy
from alerting.sources import Sources
from ingest.instants import microseconds


class AggregateSettings(Struct, frozen=True):
    """Everything that decides what an aggregator finds. Its hash stands in each alert."""

    inputs: tuple[str, ...]  # the input logs; the watermark waits for every partition of each
    windows: WindowSettings = WindowSettings()
    spikes: SpikeSettings = SpikeSettings()
    errors: Errors | None = None  # how often the artifact errs, if it says
    historical_after: timedelta = timedelta(hours=1)
    watch: str = ""  # hash of the watch list; empty: no names are watched
    tiers: dict[str, int] = {}  # of watched names
    sources: Sources = Sources()
    policy: Policy = Policy()
    flash: FlashSettings = FlashSettings()


class State(Struct):
    """The aggregator's memory; a checkpoint is this and nothing else."""

    bins: Bins
    position: int = 0  # in the scores log: the first record not yet counted
    scores_id: str = ""  # of that log: another one of the same name has other positions
    inputs: Inputs = field(default_factory=Inputs)
    stories: Told = Told()  # as the newest checkpoint has them
    candidates: Candidates = field(default_factory=Candidates)
    detectors: dict[str, Detector] = {}  # by subject; a name's once it was heard of
    listed: dict[str, int] | None = None  # since when each name is watched, event time; None: not known
    book: AlertBook = field(default_factory=AlertBook)
    incidents: Incidents = field(default_factory=Incidents)
    budget: Budget = field(default_factory=Budget)
    flashes: Flashes = field(default_factory=Flashes)
    rhythms: Rhythms = field(default_factory=Rhythms)
    late: dict[int, dict[str, LateCount]] = {}  # by the start of the bin that counts them, and subject
    pooled_stories: int = 0
    pooled_negatives: int = 0
    artifact: str = ""  # the newest one heard of
    heard_at: int = 0  # when it last classified something
    retired: list[str] = []  # those before it
    topics: tuple[str, ...] = ()  # of the newest
    began: int = FOREVER  # start of the first bin that was closed
    clock: int | None = None  # the newest instant of reading; None in a replay
    found: dict[str, bool] = {}  # whether an alert is historical, by key, where it is in its log and in no checkpoint
    alerts_from: int = 0  # in the alerts log: the first that whoever has this memory can have found
    newest: Newest | None = None
    classified_at: int | None = None
    is_settled: bool = True  # False: alerts may be open in their log that nothing here knows of

    @classmethod
    def fresh(cls, settings: WindowSettings) -> "State":
        """Nothing known."""
        return cls(Bins(width_of(settings)))

    def pooled_share(self) -> float:
        """The negative share over all subjects."""
        return (self.pooled_negatives + 20 * PRIOR_SHARE) / (self.pooled_stories + 20)

    def is_historical(self, at: int, after: timedelta, key: str = "") -> bool:
        """Whether event time `at` is longer ago than `after`, by the clock of reading: too long to page anyone about.

        The alert with this key is what it was when it was found first.
        """
        if key in self.found:
            return self.found[key]
        return self.clock is not None and self.clock - at > microseconds(after)


class Closing(Struct, frozen=True):
    """A window that has closed, or a closed one that was amended."""

    subject: str
    start: int
    tally: Tally
    additive: bool = False
