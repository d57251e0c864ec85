"""From the scores log to windows and alerts. One aggregator is active; the others of its group stand by."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import ClassVar, NamedTuple

import structlog
from msgspec import MsgspecError, msgpack
from msgspec import json as msgspec_json
from msgspec.structs import replace

from alerting.alerts import ALERTS, Alert, alert_message, decode_alert
from alerting.audit import Findings
from alerting.checkpoints import ANEW, CHECKPOINTS, Checkpoints
from alerting.counting.eventtime import NEVER, Verdict, bounded
from alerting.counting.gathering import Admitted
from alerting.counting.stories import prepare
from alerting.counting.windows import amendment_message, width_of, window_message
from alerting.keeper import Keeper
from alerting.metrics import AggregateMetrics
from alerting.state import AggregateSettings, Closing, State
from classifier.scores import SCORES, Columns, decode_columns
from ingest.instants import DAY, SECOND, microseconds, rfc3339
from ingest.logs import Batch, Closed, Event, Logs, LogUnfit, Message, Opened, Place, Position, Record, Skipped
from ingest.records import decoded
from ingest.steps import Step

log = structlog.get_logger()

CHECKPOINT_EVERY = 10 * SECOND
CHECKPOINT_BYTES_S = 200_000  # a large state is written less often: what a crash undoes is soon read again
GONE = "gone before it was read"
MISSING = "no scores of it: they are no longer kept, or the position of the group that classifies was moved on"
LEFT_BEHIND = "its detector was lost with the checkpoints"
_HERE = Place(SCORES.log, 0)


class _Active(NamedTuple):
    """What the active aggregator has, and one that stands by has not."""

    keeper: Keeper
    checkpoints: Checkpoints
    findings: Findings


class Aggregate:
    """The box between scores and alerts.

    Its position is in its checkpoint, never anywhere else: on `Opened` it reads the newest checkpoint and seeks to where
    that one ends. What is committed to the group only tells others how far it is.
    """

    wants_ends: ClassVar[bool] = False

    def __init__(self, settings: AggregateSettings, logs: Logs, owner: str, metrics: AggregateMetrics) -> None:
        self.finished = False  # a replay has come to its end and all of it is published
        self._settings = settings
        chosen = replace(settings, errors=None)  # the model tells of its errors, nobody sets them
        self._hash = blake2b(msgspec_json.encode(chosen), digest_size=6).hexdigest()
        self._logs, self._owner, self._metrics = logs, owner, metrics
        self._active: _Active | None = None  # None: standing by
        self._silent: set[str] = set()  # sources, as the log has told
        self._is_ahead = False  # some clock was, as the log has told
        self._checkpoint_at, self._checkpoint_wait = 0, 0  # the instant of the last one, and how long until the next
        self._known_to = 0  # where the scores log ended when this became the active one
        prepare()

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Count what came; publish windows and alerts first, then now and then a checkpoint."""
        for event in events:
            match event:
                case Opened():
                    yield Step(seeks={event.place: self._take_over(event, now)})
                case Closed():
                    self._active = None
                    self._metrics.stand_by()
                case Skipped() if self._active:
                    self._lose(self._active.keeper.state, event)
                case Batch() if self._active:
                    self.finished = False  # the state may come from an earlier replay
                    yield Step(self._read(self._active, event, now))
                case _:
                    pass
        if self._active is None:
            return
        keeper = self._active.keeper
        if self._has_left_behind(keeper.state):
            yield Step(self._settle(self._active, now))
        is_due = not 0 <= now - self._checkpoint_at < self._checkpoint_wait  # also when the clock is set back
        if is_due or (keeper.finished and not self.finished):
            yield from self._checkpoint(self._active, now)
            self.finished = keeper.finished

    def _take_over(self, opened: Opened, now: int) -> int:
        """Become the active one: the newest checkpoint is the state, and its position is where to go on."""
        checkpoints = Checkpoints(self._owner, self._logs.scan(CHECKPOINTS.log))
        newest = checkpoints.newest
        state = self._anew(opened) if newest is None else self._state_in(newest)
        if state.scores_id not in ("", opened.log_id) or state.position > opened.end:
            log.error("scores log was made again", position=state.position, start=opened.start)
            state.inputs.forgive()
            state.position = opened.start
        state.scores_id = opened.log_id
        if (present := self._read_at(opened.end - 1)) is not None:  # that late is whatever is found in older ones
            state.clock = max(state.clock or NEVER, present)
        if checkpoints.is_forgotten:
            state.alerts_from = max((record.offset for record in self._logs.scan(ALERTS.log)), default=-1) + 1
        state.found = self._found(state)
        self._active = _Active(Keeper(self._settings, self._hash, state), checkpoints, Findings(self._logs))
        self._metrics.take_over(state)
        self._checkpoint_at, self._checkpoint_wait = now, CHECKPOINT_EVERY
        self._known_to = opened.end
        log.info("aggregator active", position=state.position, epoch=checkpoints.epoch)
        return state.position

    def _anew(self, opened: Opened) -> State:
        """Nothing is known; windows of texts whose scores have expired were published by somebody who knew more."""
        state = State.fresh(self._settings.windows)
        state.position = opened.start
        state.inputs.forgive()  # the scores may be older than this: their first ranges may have expired
        state.is_settled = False
        if opened.start and (read_at := self._read_at(opened.start)) is not None:
            state.bins.leave(read_at)
        return state

    def _read_at(self, offset: int) -> int | None:
        """When the scores in the first record from `offset` on were read; None without any, and in a replay, which has an end."""
        record = next(self._logs.scan(SCORES.log, start=offset), None)
        scores = self._columns(record).range if record and record.value is not None else None
        return None if scores is None or scores.final else scores.read_at

    def _found(self, state: State) -> dict[str, bool]:
        """What will be found again, by key: whether it is historical."""
        alerts = self._alerts(state.alerts_from)
        return {alert.key: alert.historical for alert in alerts if alert.scores_to > state.position}

    def _alerts(self, start: int = 0) -> Iterator[Alert]:
        """All that are in their log, from the offset `start` on."""
        for record in self._logs.scan(ALERTS.log, start=start):
            with suppress(MsgspecError):
                yield decode_alert(record.value or b"")

    def _state_in(self, checkpoint: bytes) -> State:
        """The state that was packed. Raises `LogUnfit` if nobody can go on from it here."""
        try:
            state = decoded(msgpack.Decoder(State), checkpoint)
        except MsgspecError as error:
            raise LogUnfit(
                f"The newest checkpoint in {CHECKPOINTS.log} cannot be read ({error}); "
                f"run the version that wrote it, or {ANEW}"
            ) from error
        width = width_of(self._settings.windows)
        if state.bins.width != width:
            raise LogUnfit(
                f"The newest checkpoint in {CHECKPOINTS.log} counts in windows of {state.bins.width / SECOND:g} seconds, "
                f"`windows.bin` is {width / SECOND:g}: set it back, or {ANEW}"
            )
        return state

    def _has_left_behind(self, state: State) -> bool:
        """Whether there may be alerts that an aggregator before this has opened, and nobody can close but this one.

        That can be said once all scores that it may have seen were read. A replay (no clock) leaves others' alerts alone.
        """
        return not state.is_settled and state.clock is not None and state.position >= self._known_to

    def _settle(self, active: _Active, now: int) -> list[Message]:
        """Close each alert that its log shows as open and nobody would ever close."""
        newest: dict[str, Alert] = {}
        told: set[str] = set()  # of which a revision was for delivery
        for alert in self._alerts():
            newest[alert.id] = max(newest.get(alert.id, alert), alert, key=lambda each: each.revision)
            told |= {alert.id} if alert.is_told else set()
        messages: list[Message] = []
        for alert in active.keeper.settle(newest, told):
            log.warning("alert left behind", id=alert.id, subject=str(alert.subject), why=LEFT_BEHIND)
            messages += self._messages(active, alert, now)
        return messages

    def _lose(self, state: State, skipped: Skipped) -> None:
        """The scores log no longer has what comes next: say so, and let every partition go on from where it is."""
        log.error("scores lost to retention", start=skipped.start, next=skipped.next)
        state.inputs.forgive()
        state.position = skipped.next
        state.scores_id = skipped.log_id

    def _read(self, active: _Active, batch: Batch, now: int) -> list[Message]:
        keeper = active.keeper
        admitted = [each for record in batch.records if (each := self._admit(keeper, record, now))]
        messages = [message for found in keeper.take(admitted) for message in self._messages(active, found, now)]
        keeper.state.position = max(keeper.state.position, batch.next)
        if keeper.state.clock is not None:
            self._metrics.read(batch, now)
        self._metrics.show(keeper)
        self._tell_silence(keeper.state)
        self._tell_ahead(keeper.state, batch)
        return messages

    def _tell_silence(self, state: State) -> None:
        """Who has fallen silent and who is back: names of sources are no labels of metrics. A replay says nothing of it."""
        silent = set(state.rhythms.silent) if state.clock is not None else set()
        for source in sorted(silent - self._silent):
            log.warning("source silent", source=source)
        for source in sorted(self._silent - silent):
            log.info("source heard again, or given up", source=source)
        self._silent = silent

    def _tell_ahead(self, state: State, batch: Batch) -> None:
        """Whether windows are closed beyond the instant at which their log takes scores now: then somebody's clock was ahead."""
        closed_to, now = state.bins.closed_to or NEVER, batch.records[-1].appended_at if batch.records else 0
        is_ahead = state.clock is not None and 0 < now < closed_to - DAY
        if is_ahead and not self._is_ahead:
            log.error("clock was ahead", days=round((closed_to - now) / DAY, 1), late_until=rfc3339(closed_to))
        self._is_ahead = is_ahead

    def _admit(self, keeper: Keeper, record: Record, now: int) -> Admitted | None:
        """The range that a record holds, if it is to be counted."""
        metrics = self._metrics
        if record.offset < keeper.state.position or record.value is None:
            return None
        columns = self._columns(record)
        scores = columns.range
        replaced = keeper.state.inputs.replaced_by(scores)
        verdict, fresh, lost = keeper.state.inputs.admit(columns)
        if replaced and verdict is not Verdict.AHEAD:
            metrics.remade.inc()
            log.warning("input deleted and made again", kafka_topic=scores.log, partition=scores.partition)
        metrics.ranges.labels(verdict.value).inc()
        if lost:
            metrics.lost.inc(lost)
            log.error("input lost", kafka_topic=scores.log, partition=scores.partition, positions=lost,
                      reason=scores.skipped or (MISSING if verdict is Verdict.GAP else GONE))  # fmt: skip
        if verdict is Verdict.AHEAD:
            log.warning("range ahead of its position", kafka_topic=scores.log, partition=scores.partition,
                        start=scores.start)  # fmt: skip
            return None
        metrics.know(scores.topics)
        if scores.canary_at:
            metrics.canaries.show(scores, now)
        admitted = keeper.admitted(record.offset, columns, fresh)
        metrics.count(fresh, admitted.late_before)
        return admitted

    def _columns(self, record: Record) -> Columns:
        """The range that a record holds. Raises `LogUnfit`."""
        try:
            columns = decode_columns(record.value or b"")
        except MsgspecError as error:
            raise LogUnfit(
                f"Record {record.offset} of {SCORES.log} is not a range of scores ({error}): something else writes there."
            ) from error
        return bounded(columns, record.appended_at, microseconds(self._settings.windows.out_of_orderness))

    def _messages(self, active: _Active, found: Closing | Alert, now: int) -> list[Message]:
        if isinstance(found, Alert):
            self._metrics.alert(found, now)
            log.info("alert", id=found.id, change=found.change, subject=str(found.subject), severity=found.severity,
                     days=found.return_period_days, historical=found.historical)  # fmt: skip
            return [alert_message(found), *active.findings.entries(found, now)]
        self._metrics.windows.inc()
        state = active.keeper.state
        about = found.subject, found.start, state.bins.width, found.tally, state.artifact
        return [amendment_message(*about, state.position) if found.additive else window_message(*about)]

    def _checkpoint(self, active: _Active, now: int) -> Iterator[Step]:
        """Everything found so far is flushed; now the state that has found it, then what it replaces goes."""
        keeper, checkpoints, _ = active
        packed = keeper.packed()
        self._metrics.checkpoint_bytes.set(len(packed))
        yield Step(checkpoints.messages(packed), commits={_HERE: Position(keeper.state.position)})
        removals = checkpoints.removals()
        if removals:
            yield Step(removals)
        wait = max(CHECKPOINT_EVERY, len(packed) * SECOND // CHECKPOINT_BYTES_S)
        self._checkpoint_at, self._checkpoint_wait = now, wait
