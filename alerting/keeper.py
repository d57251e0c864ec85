"""How ranges of scores change what the aggregator remembers, and what follows from it."""

from collections.abc import Container, Iterator, Mapping, Sequence

from msgspec import msgpack
from msgspec.structs import replace

from alerting.alerts import Alert, closed
from alerting.composing.flashing import FlashLane
from alerting.composing.telling import Teller
from alerting.counting.cells import Counting
from alerting.counting.eventtime import FOREVER, NEVER
from alerting.counting.gathering import Admitted, Gathered
from alerting.counting.stories import Stories
from alerting.detection.screening import first_near
from alerting.detection.spikes import Spike
from alerting.state import AggregateSettings, Closing, State
from alerting.watching import Watcher
from classifier.scores import Columns, ScoreRange
from ingest.instants import HOUR, instant, microseconds, moment

REMEMBERED_ARTIFACTS = 8
AT_ONCE = 128  # ranges gathered
BINS_AT_ONCE = 4  # that ranges counted together lie in
LONGEST_PAUSE = 31  # ranges
ROLLED_BACK = HOUR  # an older model that writes so long after the newer one's last word has taken over again


class Keeper:
    """Changes the state range by range, or several at once where that makes no difference."""

    def __init__(self, settings: AggregateSettings, settings_hash: str, state: State) -> None:
        self.settings = settings
        self.state = state
        self._watcher = Watcher(settings, state, Teller(settings, settings_hash, state))
        self._flashes = FlashLane(settings, settings_hash, state, self._watcher)
        self._stories = Stories(state.stories)
        self._bound = microseconds(settings.windows.out_of_orderness)
        self._pause = 0  # ranges to be taken alone before it is asked again whether some can be counted together
        self._alone = 0  # of these, how many are left

    def admitted(self, offset: int, columns: Columns, fresh: Columns) -> Admitted:
        """A range, and what is new of it, as `Inputs.admit` has found: its partition has come so far.

        `offset` is that of its record in the scores log.
        """
        inputs = self.state.inputs
        known = inputs.of(columns.range)
        late_before = known.watermark
        known.move(columns, self._bound)
        return Admitted(offset, columns, fresh, late_before, inputs.watermark(self.settings.inputs))

    def take(self, ranges: Sequence[Admitted]) -> Iterator[Closing | Alert]:
        """Count what is new of these ranges, move time on, and yield what follows from it, in order.

        That is the same as if each came alone. Meanwhile the state's position is that of the range being read.
        """
        for begin in range(0, len(ranges), AT_ONCE):
            gathered = Gathered(ranges[begin : begin + AT_ONCE], self._stories, self.state.bins.width)
            severe = {number for number, each in enumerate(gathered.ranges) if self._flashes.has(each.fresh)}
            first = 0
            while first < len(gathered.ranges):
                end = first + 1 if first in severe or self._alone else self._together(gathered, first, severe)
                yield from self._take(gathered, first, end, is_severe=first in severe)
                first, self._alone = end, max(self._alone - 1, 0)

    def _together(self, gathered: Gathered, begin: int, severe: Container[int]) -> int:
        """One past the last range that can be counted together with that of number `begin`.

        Their documents lie in few open bins, and before the last of them nothing looks at windows with any effect.
        """
        bins, artifact, end, reach = self.state.bins, self.state.artifact, begin, gathered.reach
        starts = range(0)  # of the bins
        while (
            end < len(gathered.ranges) and end not in severe and gathered.ranges[end].columns.range.artifact == artifact
        ):
            if gathered.first[end] < gathered.first[end + 1]:
                mine = (*starts, *map(bins.start_of, reach[end]))
                more = range(min(mine), max(mine) + bins.width, bins.width)
                if len(more) > BINS_AT_ONCE or bins.is_closed(more.start):
                    break
                starts = more
            end += 1
            if bins.closes(gathered.ranges[end - 1].watermark):
                break
        if end > begin + 1 and starts and self.settings.windows.early:
            newest = max(newest for _, newest in reach[begin:end])
            suspects = self._watcher.suspects(starts, newest, gathered.most_negatives(begin, end))
            if suspects:
                numbers = gathered.numbers(begin, end, starts, [each.subject for each in suspects])
                end = min(begin + 1 + first_near(suspects, *numbers), end)
            # While an alert is running most ranges come alone: then this is not asked every time.
            self._pause = min(2 * self._pause + 1, LONGEST_PAUSE) if end == begin + 1 else 0
            self._alone = self._pause
        return max(end, begin + 1)

    def _take(self, gathered: Gathered, begin: int, end: int, *, is_severe: bool) -> Iterator[Closing | Alert]:
        """The ranges `begin` to `end`; what is severe or late comes alone."""
        state = self.state
        for number, each in enumerate(gathered.ranges[begin:end], begin):
            state.position = each.offset
            if len(each.fresh):
                state.bins.read(gathered.reach[number][1], each.offset)
            self._hear(each.columns.range)
            if end == begin + 1:
                self._hear_late(each.fresh)
            if number == begin:
                yield from Counting(state, gathered, begin, end).count()
            if is_severe:
                yield from self._flashes.look(each.fresh)
            yield from self._watcher.close(each.watermark)
            if number == end - 1 and self.settings.windows.early:
                yield from self._watcher.look_early(gathered.labelled_in(number))
            state.position = each.offset + 1

    def _hear(self, scores: ScoreRange) -> None:
        """Take over what a range tells beside its documents."""
        state = self.state
        if scores.artifact == state.artifact:
            state.heard_at = max(state.heard_at, scores.classified_at)
        elif scores.artifact not in state.retired or scores.classified_at > state.heard_at + ROLLED_BACK:
            self._change_artifact(scores)
        if scores.read_at is not None:
            state.clock = max(state.clock or NEVER, scores.read_at)
        state.classified_at = scores.classified_at or None

    def _hear_late(self, columns: Columns) -> None:
        """Sources of documents whose bin has closed are heard now."""
        closed_to = self.state.bins.closed_to
        if closed_to is not None and len(columns):
            is_late = columns.rows["event_at"] < closed_to
            for source in set(columns.rows["source"][is_late].tolist()):
                self.state.rhythms.hear_late(columns.sources[source], closed_to)

    def settle(self, newest: Mapping[str, Alert], told: Container[str]) -> Iterator[Alert]:
        """Close what is open among `newest`, the last revision of each alert in its log, and unknown to the alert book.

        What was found again under its id goes on under numbers that the log does not have yet. Whoever was `told` of an
        alert, by id, is told of its end.
        """
        state = self.state
        running: set[str] = set()
        for known in state.book.told.values():
            if known.alert.state == "open":
                running.add(known.alert.id)
                written = newest.get(known.alert.id, known.alert).revision
                known.alert = replace(known.alert, revision=max(known.alert.revision, written))
        for alert in newest.values():
            if alert.state == "open" and alert.id not in running:
                at = moment(max(state.clock or NEVER, instant(alert.updated_at)))
                yield closed(alert, at, was_told=alert.id in told)
        state.is_settled = True

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
        self._watcher.forget()
        for excess in self.state.book.excesses.values():
            excess.lasted = 0  # how long it was in the tail, the new model's detectors have yet to say
