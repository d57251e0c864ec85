"""How one range of scores changes what the aggregator remembers, and what follows from it."""

from collections.abc import Iterator

from msgspec import msgpack

from alerting.alerts import Alert
from alerting.counting import Counting
from alerting.eventtime import FOREVER, NEVER
from alerting.flashing import FlashLane
from alerting.spikes import Spike
from alerting.state import AggregateSettings, Closing, State
from alerting.stories import Stories
from alerting.telling import Teller
from alerting.watching import Watcher
from classifier.scores import Columns, ScoreRange
from ingest.instants import HOUR, microseconds

REMEMBERED_ARTIFACTS = 8
ROLLED_BACK = HOUR  # an older model that writes so long after the newer one's last word has taken over again


class Keeper:
    """Changes the state range by range."""

    def __init__(self, settings: AggregateSettings, settings_hash: str, state: State) -> None:
        self.settings = settings
        self.state = state
        self._watcher = Watcher(settings, state, Teller(settings, settings_hash, state))
        self._flashes = FlashLane(settings, settings_hash, state, self._watcher)
        self._stories = Stories(state.stories)
        self._bound = microseconds(settings.windows.out_of_orderness)

    def take(self, columns: Columns, fresh: Columns) -> Iterator[Closing | Alert]:
        """Count what is new of an admitted range, move time on, and yield what follows from it, in order."""
        state, scores = self.state, columns.range
        if scores.artifact == state.artifact:
            state.heard_at = max(state.heard_at, scores.classified_at)
        elif scores.artifact not in state.retired or scores.classified_at > state.heard_at + ROLLED_BACK:
            self._change_artifact(scores)
        known = state.inputs.of(scores)
        if scores.read_at is not None:
            state.clock = max(state.clock or NEVER, scores.read_at)
        state.classified_at = scores.classified_at or None
        self._hear_late(fresh)
        counting = Counting(state, self._stories, fresh, known.watermark)
        yield from counting.count()
        yield from self._flashes.look(fresh)
        known.move(columns, self._bound)
        yield from self._watcher.close(state.inputs.watermark(self.settings.inputs))
        if self.settings.windows.early:
            yield from self._watcher.look_early(counting.touched)

    def _hear_late(self, columns: Columns) -> None:
        """Sources of documents whose bin has closed are heard now."""
        closed_to = self.state.bins.closed_to
        if closed_to is not None and len(columns):
            is_late = columns.rows["event_at"] < closed_to
            for source in set(columns.rows["source"][is_late].tolist()):
                self.state.rhythms.hear_late(columns.sources[source], closed_to)

    def packed(self) -> bytes:
        """The whole state, for a checkpoint."""
        self.state.stories = self._stories.told()
        return msgpack.encode(self.state)

    @property
    def stories_since(self) -> int | None:
        """Event time back to which stories are remembered once there are too many for a day; None until then."""
        return self._stories.oldest()

    @property
    def spikes(self) -> dict[str, Spike]:
        """What each topic's detector says of the present, by subject."""
        return self._watcher.spikes()

    @property
    def alarm_days(self) -> float:
        """The return period from which on a topic without rules of its own alerts."""
        return self.state.budget.alarm_days(self.settings.spikes.budget_per_week, self._watcher.alerting_topics)

    @property
    def finished(self) -> bool:
        """Every input has come to its end, as only a replay's does."""
        return self.state.inputs.watermark(self.settings.inputs) == FOREVER

    def _change_artifact(self, scores: ScoreRange) -> None:
        """Another model, other shares: what is usual has to be learned again. What the one before still writes counts too."""
        self.state.retired = [*self.state.retired, self.state.artifact][-REMEMBERED_ARTIFACTS:]
        self.state.artifact, self.state.topics = scores.artifact, scores.topics
        self.state.heard_at = scores.classified_at
        self.state.detectors.clear()
        self.state.began, self.state.pooled_stories, self.state.pooled_negatives = FOREVER, 0, 0
