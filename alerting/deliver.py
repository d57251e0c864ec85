"""The last box: takes alerts and notices from their logs to one destination, in order. The logs are the outbox.

The way of a record: is it known already, is it for this destination, now or in a digest (`triage`); then the line, the mutes,
the rate, the attempt, and what follows from the answer. What the destination has taken, refused for good or let wait too long
is committed; the rest is read again after a restart and goes out under the same idempotency keys. Promised is at least once.
So that a destination rarely sees an alert twice, the box remembers the keys it has dealt with, and reads those just below its
position when it starts.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import ALERTS, Alert
from alerting.audit import Audit
from alerting.cases import Followed
from alerting.destinations.answers import Answer, Away, Delivered, Destination, Matter, Partly, Refused, Renewing
from alerting.destinations.backoff import Backoff, Patience
from alerting.destinations.digest import Digest
from alerting.destinations.intake import Intake
from alerting.destinations.line import Waiting
from alerting.destinations.metrics import DeliverMetrics
from alerting.destinations.pace import Rate
from alerting.destinations.triage import Rules
from ingest.deadletters import dead_letter
from ingest.instants import DAY, SECOND, instant
from ingest.logs import Closed, Event, Logs, Message, Opened, Place
from ingest.steps import Step

# A step begins no attempt after so long or so many, so that its loop gets back to polling.
STEP_S = 1.0
STEP_ATTEMPTS = 50

_log = structlog.get_logger(__name__)


class DeliverSettings(Struct, frozen=True):
    """What to tell, when, and how patiently to try."""

    rules: Rules = Rules()
    per_minute: int = 0  # messages; 0: as many as there are
    deadline: int = DAY  # microseconds after its append to the log; then a failed attempt was an alert's last
    patience: Patience = Patience()
    waiting: int = 200  # alerts in the line; when it is full, reading pauses


def group_of(destination: str) -> str:
    """The name of the group that reads the alerts for `destination`."""
    return f"bellwether.deliver.{destination}"


class Deliver:
    """Delivers to one destination. `logs` is scanned for what was delivered last, whenever a partition is opened.

    A group that never committed begins with the alerts that are younger than the deadline: a destination added today
    is not sent the alerts of two years.
    """

    wants_ends: ClassVar[bool] = False

    def __init__(
        self,
        destination: Destination,
        logs: Logs,
        metrics: DeliverMetrics,
        settings: DeliverSettings | None = None,
        audit: Audit | None = None,
    ) -> None:
        settings = settings or DeliverSettings()
        self._destination = destination
        self._metrics = metrics
        self._settings = settings
        self._audit = audit
        self._name = destination.name
        self._renewing = destination if isinstance(destination, Renewing) else None
        if self._renewing:
            self._renewing.release()  # a box before this one may have been dropped while it held the partition
        self._intake = Intake(self._name, logs, metrics, settings.rules, settings.deadline)
        self._line = self._intake.line
        self._mutes = Followed(logs)
        self._rate = Rate(settings.per_minute)
        self._backoff = Backoff(settings.patience, self._name)
        self._paused: dict[Place, bool] = {}  # of each place held

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Take what is new into the line, then try its head for as long as it is due and the step is young."""
        for event in events:
            self._take(event, now)
        if commits := self._intake.commits():
            yield Step(commits=commits)
        if len(self._line) >= self._settings.waiting and (reading := self._places(paused=False)):
            self._paused.update(dict.fromkeys(reading, True))
            yield Step(pauses=reading)
        self._intake.compile(now)
        yield from self._empty_the_line(now)
        if len(self._line) <= self._settings.waiting // 2 and (waiting := self._places(paused=True)):
            self._paused.update(dict.fromkeys(waiting, False))
            yield Step(resumes=waiting)
        self._renew(now)
        self._show(now)

    def _take(self, event: Event, now: int) -> None:
        if isinstance(event, Opened):
            self._paused[event.place] = False
        elif isinstance(event, Closed):
            self._paused.pop(event.place, None)
            if self._renewing and event.place.log == ALERTS.log:
                self._renewing.release()
        self._intake.take(event, now, self._renewing)

    def _empty_the_line(self, now: int) -> Iterator[Step]:
        until, left = now + STEP_S * SECOND, STEP_ATTEMPTS
        while len(self._line) and now < until and left and self._backoff.is_due(now):
            left -= 1
            self._show(now)
            if not self._intake.is_head_told():
                continue
            head = self._line.head
            if isinstance(head.matter, Digest) and not head.is_begun:
                self._intake.choose(partial(self._mute, now=now))
            if mute := self._mute(head.matter, now):
                yield self._next(head, "muted", mute, now)
                continue
            if not self._rate.is_due(now):
                self._metrics.rate_waits.labels(self._name).inc()
                break
            answer = self._attempt(head, now)
            now += round(answer.took_s * SECOND)
            yield from self._settle(head, answer, now)

    def _mute(self, matter: Matter | None, now: int) -> str:
        """Why it is muted, if it is: who did so, or that all of a digest is."""
        if isinstance(matter, Digest):
            return "" if matter.matters else "nothing is left of it"
        entry = self._mutes.look(now).muted(matter, now) if isinstance(matter, Alert) else None
        return f"muted by {entry.who}" if entry else ""

    def _attempt(self, head: Waiting, now: int) -> Answer:
        if head.matter is None:
            return Refused("undecodable", "it is nothing that this version can read")
        answer = self._destination.deliver(head.matter, now)
        self._rate.sent(now)
        self._count_attempt(answer)
        return answer

    def _settle(self, head: Waiting, answer: Answer, now: int) -> Iterator[Step]:
        """What follows from an answer: the line moves on, or waits."""
        match answer:
            case Delivered():
                self._back()
                self._time(head, now)
                yield self._next(head, "delivered", "", now)
            case Partly():
                head.is_begun = True
                self._back()
            case Refused():
                if head.matter is not None:
                    self._back()
                outcome = "undecodable" if head.matter is None else "refused"
                yield self._next(head, outcome, answer.sentence, now)
            case Away():
                self._wait(head.key, answer, now)
                if now - head.since >= self._settings.deadline:
                    yield self._next(head, "expired", answer.sentence, now)

    def _next(self, head: Waiting, outcome: str, why: str, now: int) -> Step:
        """The head of the line is done with: counted, in the audit, and in the dead letters if it was not delivered."""
        if self._renewing and isinstance(head.matter, Alert) and head.matter.state == "closed":
            self._renewing.recall(head.matter)  # its end, whether it was taken or not: nothing is left to renew
        messages = [] if outcome in {"delivered", "muted"} else list(self._dead(head, outcome, why, now))
        if isinstance(head.matter, Digest):
            messages += self._note_parts(head.matter, outcome, why, now)
        if not isinstance(head.matter, Digest) or head.matter.matters:
            self._metrics.done(self._name, head.matter, outcome)
            messages += self._note(head.key, outcome, why, now)
        self._intake.leave(is_told=outcome == "delivered")
        return Step(messages=messages, commits=self._intake.commits())

    def _note(self, about: str, outcome: str, why: str, now: int, digest: str = "") -> Iterator[Message]:
        if self._audit is not None:
            more = {name: text for name, text in (("why", why), ("digest", digest)) if text}
            details = {"destination": self._name, "outcome": outcome} | more
            yield self._audit.entry(now, "delivery", "deliver", about, details)

    def _note_parts(self, digest: Digest, outcome: str, why: str, now: int) -> Iterator[Message]:
        """Each thing that stands in a digest, and each that was muted when its turn came."""
        for matter in digest.matters:
            yield from self._note(matter.key, outcome, why, now, digest.key)
        for _, alert, mute in self._intake.held.muted:
            if mute:
                self._metrics.done(self._name, alert, "muted")
                yield from self._note(alert.key, "muted", mute, now, digest.key)

    def _dead(self, head: Waiting, outcome: str, why: str, now: int) -> Iterator[Message]:
        """A letter for each record that was not delivered."""
        _log.error("alert not delivered", destination=self._name, alert=head.key, outcome=outcome, why=why)
        is_digest = isinstance(head.matter, Digest)
        sources = [holding.source for holding in self._intake.held.told] if is_digest else head.sources
        for source in sources:
            self._intake.forget(source)
            told = f"destination {self._name}: {why}"
            message = dead_letter(source.place, source.record, outcome, told, now)
            yield replace(message, headers=(*message.headers, ("destination", self._name.encode())))

    def _wait(self, key: str, answer: Away | Refused, now: int) -> None:
        wait_s = self._backoff.failed(now, key, answer.retry_after_s if isinstance(answer, Away) else None)
        if self._backoff.failures == 1:
            _log.warning("destination away", destination=self._name, why=answer.sentence, wait_s=round(wait_s, 3))

    def _back(self) -> None:
        if self._backoff.failures:
            _log.info("destination back", destination=self._name, failures=self._backoff.failures)
        self._backoff.answered()

    def _renew(self, now: int) -> None:
        answer = self._renewing.renew(now) if self._renewing and self._backoff.is_due(now) else None
        if answer is None:
            return
        self._count_attempt(answer)
        if isinstance(answer, Away | Refused):  # for whatever reason it is not told, what is open will seem to be over
            self._wait("renewal", answer, now)
        else:
            self._back()

    def _count_attempt(self, answer: Answer) -> None:
        self._metrics.attempts.labels(self._name, type(answer).__name__.lower()).inc()

    def _time(self, head: Waiting, now: int) -> None:
        self._metrics.since_appended.labels(self._name).observe(max(0, now - head.since) / SECOND)
        if isinstance(head.matter, Alert) and head.matter.change == "opened":
            since = max(0, now - instant(head.matter.opened_at)) / SECOND
            self._metrics.since_opened.labels(self._name).observe(since)

    def _show(self, now: int) -> None:
        age = max(0, now - self._line.head.since) / SECOND if len(self._line) else 0
        self._metrics.oldest.labels(self._name).set(age)
        self._metrics.waiting.labels(self._name).set(len(self._line))
        self._metrics.held.labels(self._name).set(len(self._intake.held))
        self._metrics.failures.labels(self._name).set(self._backoff.failures)

    def _places(self, *, paused: bool) -> list[Place]:
        return [place for place, is_paused in self._paused.items() if is_paused == paused]
