"""From records to the line: what is known already, what is for this destination, and what waits for a digest."""

from collections.abc import Callable

import structlog
from cachetools import LRUCache
from msgspec import MsgspecError, Struct
from msgspec.structs import replace

from alerting.alerts import Alert, decode_alert
from alerting.destinations.answers import Renewing
from alerting.destinations.digest import Digest
from alerting.destinations.held import NOTED, Bookmark, Held, Holding
from alerting.destinations.line import Line, Source
from alerting.destinations.metrics import DeliverMetrics
from alerting.destinations.triage import JOINED, NOW, Decision, Rules, Triage
from alerting.notices import NOTICES, Notice, decode_notice
from ingest.deadletters import destination_of
from ingest.logs import Batch, Closed, Event, Logs, Opened, Place, Position, Record, Skipped
from ingest.once import name_of

_log = structlog.get_logger(__name__)

KEYS = 2_000  # remembered of each partition, and records read again at the start to know them


class _Followed(Struct, eq=False):
    """A partition of a log, as one destination follows it."""

    triage: Triage
    bookmark: Bookmark
    read: int  # one past what was read
    end: int  # one past the newest record known
    committed: int
    keys: LRUCache[str, bool]  # dealt with; False: by whoever had it before: delivered or refused
    read_for_digest: int | None = None  # as it was when the digest in the line was made, if it was followed then


class Intake:
    """Follows the logs for one destination. `logs` is scanned for what was decided last, whenever a partition is opened."""

    def __init__(self, name: str, logs: Logs, metrics: DeliverMetrics, rules: Rules, deadline: int) -> None:
        """Nothing is followed yet. A group that never committed begins with what is younger than `deadline` microseconds."""
        self.line = Line()
        self.held = Held()
        self._name = name
        self._logs = logs
        self._metrics = metrics
        self._rules, self._deadline = rules, deadline
        self._places: dict[Place, _Followed] = {}

    def take(self, event: Event, now: int, renewing: Renewing | None = None) -> None:
        """What was polled. `renewing` is reminded of what it was sent before this box began."""
        match event:
            case Opened():
                self._open(event, now, renewing)
            case Batch():
                for record in event.records:
                    self._join(event.place, record)
                self.line.pass_over(event.place, event.next)
                followed = self._places[event.place]
                followed.read, followed.end = event.next, event.end
            case Skipped():
                self._skip(event)
            case Closed():
                self._places.pop(event.place, None)
                self._drop(event.place)

    def compile(self, now: int) -> None:
        """Put the digest whose time has come into the line, once all that may belong to it was read and decided."""
        has_read_all = all(each.read >= each.end for each in self._places.values())
        is_decided = not any(waiting.is_undecided for waiting in self.line)
        if has_read_all and is_decided and (digest := self.held.due(now)):
            for each in self._places.values():
                each.read_for_digest = each.read
            self.line.add(digest)

    def choose(self, mute: Callable[[Alert], str]) -> None:
        """The turn of the digest at the head of the line has come: it tells of what nobody has muted by now."""
        self.line.head.matter = self.held.choose(
            mute, lambda place, incident: self._places[place].triage.stands_for(incident)
        )

    def is_head_told(self) -> bool:
        """Whether the head of the line is to be told. If not, it is done with: it was passed over or is held."""
        head = self.line.head
        if not (head.is_undecided and isinstance(head.matter, Alert)):
            return True
        (source,) = head.sources
        head.is_undecided = False
        decision = self._decide(source.place, source.record, head.matter)
        self._keep(source.place, source.record, head.matter, decision)
        if decision == NOW:
            return True
        self._metrics.alerts.labels(self._name, decision.reason).inc()
        self.line.leave()
        return False

    def leave(self, *, is_told: bool) -> None:
        """The head of the line is done with: it was delivered, or nobody was told of it."""
        head = self.line.leave()
        if isinstance(head.matter, Digest):
            self._note_digest(is_told=is_told)
            until = self.held.done()
            for place, each in self._places.items():
                if each.read_for_digest is not None:
                    each.bookmark = replace(each.bookmark, told_until=until, told_below=each.read_for_digest)
                    self.line.keep(place, each.committed)
        elif isinstance(head.matter, Alert):
            (source,) = head.sources
            if is_told:
                self._places[source.place].triage.told(head.matter)
                return
            self._note_untold(source, head.matter, is_kept=head.after is not None)

    def _note_digest(self, *, is_told: bool) -> None:
        """What was muted, or stood in a digest that was not delivered, makes nothing wait; what was told takes its place."""
        for source, alert, _ in self.held.muted:
            self._note_untold(source, alert, is_kept=source.record.offset >= 0)
        for holding in self.held.told:
            source, matter = holding.source, holding.matter
            if isinstance(matter, Alert) and is_told:
                self._places[source.place].triage.told(matter, holding.due)
            elif isinstance(matter, Alert):
                self._note_untold(source, matter, is_kept=source.record.offset >= 0)

    def _note_untold(self, source: Source, alert: Alert, *, is_kept: bool) -> None:
        """Nobody was told of `alert`; also for a box that starts again, if its log `is_kept`."""
        followed = self._places[source.place]
        followed.triage.untold(alert)
        if is_kept:
            untold = (*followed.bookmark.untold, source.record.offset)[-NOTED:]
            followed.bookmark = replace(followed.bookmark, untold=untold)

    def commits(self) -> dict[Place, Position]:
        """What may be committed since this was last asked."""
        commits = self.line.commits()
        for place, offset in commits.items():
            self._places[place].committed = offset
        return {place: Position(offset, self._note(place, offset)) for place, offset in commits.items()}

    def _note(self, place: Place, position: int) -> str:
        """What goes with `position`: also what lies below it, and is held or, held by other rules before, in the line."""
        offsets = {*self.held.offsets(place), *self.line.offsets(place)}
        return str(self._places[place].bookmark.with_held(sorted(offset for offset in offsets if offset < position)))

    def forget(self, source: Source) -> None:
        """It was not delivered: if it is put back, it is tried again."""
        matter = _decode(source.place, source.record)
        if matter is not None:
            self._places[source.place].keys.pop(matter.key, None)

    def _open(self, opened: Opened, now: int, renewing: Renewing | None) -> None:
        place = opened.place
        self._drop(place)
        # Whoever held it meanwhile went on with it: everything is decided again, as after a restart.
        if opened.committed is None:
            # Kept with every commit: with a bound that moves on, a restart would pass over what waited too long.
            position, mark = opened.start, Bookmark(now - self._deadline)
        else:
            position, mark = opened.committed.offset, Bookmark.parse(opened.committed.note)
        self._places[place] = _Followed(Triage(self._rules), mark, position, opened.end, position, LRUCache(KEYS))
        if opened.committed is None:
            self.line.pass_over(place, position)
            return
        start = max(opened.start, position - KEYS)
        start = min(start, mark.held_from) if mark.held_from >= 0 else start
        for record in self._logs.scan(place.log, partition=place.partition, start=start):
            if record.offset >= position:
                break
            self._remember(place, record, renewing)

    def _remember(self, place: Place, record: Record, renewing: Renewing | None) -> None:
        """Come to the decisions again that were made about a record when it was read first, or to those of other rules."""
        followed = self._places[place]
        matter, mark = _decode(place, record), followed.bookmark
        if matter is None or record.appended_at < mark.stale or self._is_for_another(record):
            return
        if matter.key in followed.keys and not destination_of(record):
            return
        decision = self._decide(place, record, matter)
        self._keep(place, record, matter, decision, is_sure=False)
        if is_held := decision == NOW and mark.holds(record.offset):
            self.line.join(place, record, matter)
            self.line.pass_over(place, followed.committed)
        if not isinstance(matter, Alert):
            return
        if is_untold := record.offset in mark.untold:
            followed.triage.untold(matter)
        is_told = not (is_held or is_untold)
        if renewing is not None and decision == NOW and (is_told or matter.state == "closed"):
            renewing.recall(matter)

    def _join(self, place: Place, record: Record) -> None:
        if self._is_for_another(record):
            self._pass_over(place, record, "others")
            return
        matter = _decode(place, record)
        if matter is None:
            self.line.join(place, record, None)
            return
        if known := self._known(place, record, matter):
            self._pass_over(place, record, known)
            return
        decision = self._decide(place, record, matter)
        if isinstance(matter, Alert) and self._is_undecided(matter, decision):
            self._places[place].keys[matter.key] = True
            self.line.join(place, record, matter, is_undecided=True)
            return
        if decision == NOW:
            self.line.join(place, record, matter)
        else:
            self._pass_over(place, record, decision.reason)
        self._keep(place, record, matter, decision)

    def _is_undecided(self, alert: Alert, decision: Decision) -> bool:
        """Whether the decision hangs on something in the line: of what waits there it may be that nobody is told."""
        waiting = [each for each in self.line if isinstance(each.matter, Alert)]
        return any(
            each.key == decision.by or (each.is_undecided and _are_related(each.matter, alert)) for each in waiting
        )

    def _decide(self, place: Place, record: Record, matter: Alert | Notice) -> Decision:
        return self._places[place].triage.decide(matter, record.appended_at, _via(record))

    def _keep(
        self, place: Place, record: Record, matter: Alert | Notice, decision: Decision, *, is_sure: bool = True
    ) -> None:
        """What follows from a decision for what is known and what is held."""
        followed = self._places[place]
        if isinstance(matter, Alert):
            followed.triage.keep(matter, record.appended_at, decision)
        told_at = record.appended_at if decision == NOW else decision.due
        if told_at is None:
            return
        followed.keys[matter.key] = is_sure
        if isinstance(matter, Alert):
            self.held.release(matter, told_at)
        if decision.due is not None and (is_sure or followed.bookmark.holds(record.offset, decision.due)):
            self.held.hold(Holding(Source(place, record), matter, decision.due, decision.reason == JOINED))

    def _is_for_another(self, record: Record) -> bool:
        """Whether it was put back because another destination had not taken it."""
        return destination_of(record) not in {"", self._name}

    def _pass_over(self, place: Place, record: Record, reason: str) -> None:
        self._metrics.alerts.labels(self._name, reason).inc()
        self.line.pass_over(place, record.offset + 1)

    def _known(self, place: Place, record: Record, matter: Alert | Notice) -> str:
        """Why there is nothing to decide about a record; empty if there is."""
        followed = self._places[place]
        if record.appended_at < followed.bookmark.stale:
            return "stale"
        if matter.key in followed.keys:
            # Whoever put a letter back wants it delivered: what is not known for sure to be so goes out again.
            return "" if name_of(record) and not followed.keys[matter.key] else "duplicate"
        return ""

    def _skip(self, skipped: Skipped) -> None:
        place, followed = skipped.place, self._places[skipped.place]
        if skipped.remade:
            self.line.detach(place)
            self.held.detach(place)
            followed.read_for_digest = None
            followed.bookmark = Bookmark(followed.bookmark.stale)
        lost = max(0, skipped.next - skipped.start)
        self._metrics.skipped.labels(self._name).inc(lost)
        _log.error("alerts skipped", destination=self._name, log=place.log, start=skipped.start, next=skipped.next,
                   remade=skipped.remade)  # fmt: skip
        self.line.pass_over(place, skipped.next)
        followed.read = followed.end = skipped.next

    def _drop(self, place: Place) -> None:
        self.held.drop(place)
        for waiting in self.line.drop(place):
            if isinstance(waiting.matter, Digest):
                self.held.put_back()


def _decode(place: Place, record: Record) -> Alert | Notice | None:
    try:
        value = record.value or b""
        return decode_notice(value) if place.log == NOTICES.log else decode_alert(value)
    except MsgspecError:
        return None


def _are_related(matter: object, alert: Alert) -> bool:
    """Whether what becomes of `matter` may decide about `alert`."""
    return isinstance(matter, Alert) and (matter.incident == alert.incident or matter.subject == alert.subject)


def _via(record: Record) -> str:
    return next((value.decode("utf-8", "replace") for name, value in record.headers if name == "via"), "")
