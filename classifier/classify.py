"""The box that turns documents into scores.

Every range of an input partition stands in the scores log, whole and in order, before its end is committed. What cannot be
read or scored becomes a dead letter and is counted in its range, so that nothing disappears.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from time import perf_counter
from typing import ClassVar

from msgspec import Struct, structs

from classifier.artifact import ModelFails
from classifier.caution import Caution
from classifier.lookahead import LookAhead, portion_of
from classifier.metrics import ClassifyMetrics
from classifier.names import NOBODY, NameFinder
from classifier.partition import Partition
from classifier.ranges import Found, cut, range_message
from classifier.reading import KILLED, Bad, Outcome, Reading
from classifier.scorer import Scorer, Stopped, Work, never
from classifier.scores import ScoreRange
from ingest.deadletters import dead_letter
from ingest.decode import Decoder
from ingest.instants import SECOND
from ingest.logs import Batch, Closed, Ended, Event, Message, Opened, Place, Position, Record, Skipped
from ingest.steps import Step


class _Left(Struct, frozen=True):
    """The last portion of a poll, in work while the next poll is made."""

    batch: Batch
    polled_at: int


class Classify:
    """Reads documents logs, writes the scores log and dead letters. See `ingest.steps.Box`."""

    wants_ends: ClassVar[bool] = True

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        scorer: Scorer,
        metrics: ClassifyMetrics,
        *,
        replay: bool,
        stop: Callable[[], bool] = never,
        finder: NameFinder = NOBODY,
    ) -> None:
        """A box that holds nothing yet.

        Args:
            decoders: one for each log that is read.
            scorer: used by threads of this box.
            metrics: where it counts.
            replay: only documents move time, and a partition is final where it ended when it was opened.
            stop: asked between batches; once true, the step ends early and publishes nothing more.
            finder: finds the watched names.
        """
        self._scorer = scorer
        self._metrics = metrics
        metrics.know(decoders)
        self._replay = replay
        self._stop = stop
        self._stepped_at = 0, 0.0  # instant, and what `perf_counter` said then
        self._reading = Reading(scorer, stop, finder)
        self._ahead = LookAhead(lambda place, portion, work: self._reading.outcomes(decoders[place.log], portion, work))
        self._left: _Left | None = None
        self._held: dict[Place, Partition] = {}

    @property
    def finished(self) -> bool:
        """In a replay: every partition held has been announced final."""
        held = self._held.values()
        return bool(held) and all(each.until is not None and each.position >= each.until for each in held)

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Take what was polled; yield steps, each done before the next is asked for.

        Where more is known to come, the last portion is left to the next call: else the network had nothing to do while its
        scores are published and the next records are fetched.
        """
        self._stepped_at = now, perf_counter()
        ended = self._ended(events)
        left, self._left = self._left, None
        try:
            if left:
                yield from self._finish(left, events, now)
            for event, following in zip_longest(events, events[1:]):
                match event:
                    case Opened():
                        yield from self._open(event, now)
                    case Skipped():
                        yield from self._skip(event, now)
                    case Batch():
                        yield from self._classify(event, following, now)
                    case Closed():
                        self._held.pop(event.place, None)
                        self._ahead.forget(event.place)
            yield from self._progress(ended, now)
        except Stopped:
            return
        finally:
            if self._left is None:
                self._ahead.drop()

    def _ended(self, events: Sequence[Event]) -> list[Ended]:
        """How far partitions reach now, noted: records that were fetched ahead tell of an end that was true minutes ago."""
        ended = [event for event in events if isinstance(event, Ended)]
        for event in ended:
            if event.place in self._held:
                self._held[event.place].end = event.end
        return ended

    def _finish(self, left: _Left, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Publish what was in work during the poll, and commit it if its partition is still there and ours."""
        of_place = [event for event in events if event.place == left.batch.place]
        if any(isinstance(event, Closed) for event in of_place):
            return  # what is not committed is the next reader's
        is_remade = any(isinstance(event, Skipped) and event.remade for event in of_place)
        for step in self._classify(left.batch, next(iter(events), None), now, polled_at=left.polled_at):
            yield structs.replace(step, commits={}) if is_remade else step  # of the new log these positions say nothing

    def _open(self, event: Opened, now: int) -> Iterator[Step]:
        held = self._held[event.place] = Partition.opened(event, replay=self._replay)
        if held.until is not None and held.until <= held.position:  # empty, or read to its end by an earlier process
            yield from self._advance(event.place, self._range(event.place, held.position, event.end, now))

    def _skip(self, event: Skipped, now: int) -> Iterator[Step]:
        held = self._held[event.place]
        why = held.skip(event)
        self._metrics.skipped.inc(max(0, event.next - held.position))
        held.end = max(held.end, event.next)  # what is left there is still to be read
        scores = self._range(event.place, event.next, held.end, now)
        yield from self._advance(event.place, structs.replace(scores, skipped=why))

    def _progress(self, ended: Sequence[Ended], now: int) -> Iterator[Step]:
        """Say how far each partition was read, also when nothing comes, of all in one step."""
        ranges: dict[Place, ScoreRange] = {}
        for event in ended:
            place, held = event.place, self._held.get(event.place)
            if held is None or event.position < held.position or (self._left and self._left.batch.place == place):
                continue
            if not self._replay:
                ranges[place] = self._range(place, event.position, event.end, event.asked_at)
            elif held.until is not None and held.position < held.until <= event.position:  # ends without records
                ranges[place] = self._range(place, held.until, event.end, now)
        if ranges:
            yield from self._publish(ranges, [range_message(scores) for scores in ranges.values()])

    def _classify(
        self, batch: Batch, following: Event | None, now: int, *, polled_at: int | None = None
    ) -> Iterator[Step]:
        """Score a batch in portions, each published and committed by itself, the next one in work meanwhile.

        The last portion is only begun, if more is there to be polled; `polled_at` says that it was, and when.
        """
        place, held = batch.place, self._held[batch.place]
        held.end = max(held.end, batch.end)
        may_leave = polled_at is None and isinstance(following, Ended | None)
        end, records = held.unread(batch)
        while held.position < end:
            many = portion_of(records, held.caution.limit)
            portion, records = records[:many], records[many:]
            if portion and not held.tried:
                if self._stop():
                    raise Stopped
                yield from held.begin()
            elif self._look_ahead(place, portion):  # before what follows, which else came to the network first
                if records:
                    self._look_ahead(place, records)
                elif isinstance(following, Batch):
                    self._look_ahead(following.place, self._held[following.place].unread(following)[1])
                elif may_leave and portion and self._is_more_behind(batch):
                    self._left = _Left(structs.replace(batch, start=held.position, records=tuple(portion)), now)
                    return
            try:
                outcomes, work = self._worked(held, portion)
            except (Stopped, ModelFails):
                yield from held.finish()  # asked to stop, or the model fails: no record is to blame
                raise
            yield from held.finish()
            read_at = now if polled_at is None else polled_at
            scores = self._range(place, records[0].offset if records else end, held.end, read_at)
            yield from self._advance(place, scores, outcomes)
            self._metrics.count(place.log, outcomes, work, None if self._replay else self._instant())

    def _is_more_behind(self, batch: Batch) -> bool:
        """Whether a poll will bring something at once, as far as is known."""
        return batch.next < batch.end or any(
            held.position < held.end for place, held in self._held.items() if place != batch.place
        )

    def _look_ahead(self, place: Place, records: Sequence[Record]) -> bool:
        """Begin with what comes next, where nothing has ever died: else nobody could tell of which portion."""
        held = self._held[place]
        if may_begin := held.tried and held.caution == Caution():
            self._ahead.begin(place, records[: portion_of(records, held.caution.limit)])
        return may_begin

    def _worked(self, held: Partition, portion: Sequence[Record]) -> tuple[Sequence[Outcome], Work]:
        if not portion or held.caution.blames:
            return [Outcome(record, KILLED) for record in portion], Work()
        return self._ahead.outcomes(held.place, portion)

    def _instant(self) -> int:
        """The instant it is; in a replay, where only documents move time, that of the step."""
        now, ticked = self._stepped_at
        return now if self._replay else now + round((perf_counter() - ticked) * SECOND)

    def _range(self, place: Place, following: int, end: int, read_at: int) -> ScoreRange:
        """From the position to `following`, without what was found there."""
        held = self._held[place]
        return ScoreRange(
            log_id=held.log_id,
            log=place.log,
            partition=place.partition,
            partitions=held.partitions,
            start=held.position,
            next=following,
            end=end,
            read_at=None if self._replay else read_at,
            artifact=self._scorer.artifact,
            provider=self._scorer.provider,
            topics=self._scorer.topics,
            first=held.caution.first,
            final=held.until is not None and following >= held.until,
            classified_at=self._instant(),
        )

    def _advance(self, place: Place, scores: ScoreRange, outcomes: Sequence[Outcome] = ()) -> Iterator[Step]:
        """Publish a range with what was found in it."""
        found: list[Found] = []
        messages: list[Message] = []
        for outcome in outcomes:
            record, result = outcome.record, outcome.result
            if isinstance(result, Bad):
                messages.append(dead_letter(place, record, result.reason, result.sentence, scores.classified_at))
            elif outcome.is_canary:
                scores = structs.replace(scores, canary_at=max(scores.canary_at, result.appended_at))
                continue
            found.append(Found(record.offset, None if isinstance(result, Bad) else result))
        messages.extend(range_message(part) for part in cut(scores, found))
        yield from self._publish({place: scores}, messages, scored=bool(outcomes))

    def _publish(
        self, ranges: Mapping[Place, ScoreRange], messages: Sequence[Message], *, scored: bool = False
    ) -> Iterator[Step]:
        """Publish `messages`, which tell of these ranges, and only then commit where the ranges end."""
        after: dict[Place, Caution] = {}
        commits: dict[Place, Position] = {}
        for place, scores in ranges.items():
            held = self._held[place]
            after[place] = held.caution.after(moved=scores.next != held.position, scored=scored)
            if (scores.next, after[place]) != (held.position, held.caution):
                commits[place] = Position(scores.next, after[place].note)
        yield Step(messages, commits)
        for place, scores in ranges.items():
            self._held[place].position, self._held[place].caution = scores.next, after[place]
