"""What Alertmanager tells us, taken into the outbox: `POST /alertmanager`, its webhook of version 4.

A notification about an alert of ours puts that very alert, with its evidence, into the alerts log once more, under the same key:
who has it already drops it. Anything else becomes a notice. Alertmanager gives up on 4xx and tries again on 5xx; so nothing
but what can never be taken is answered with 4xx, and nothing is answered with 200 before it is durable.
"""

import hmac
from collections.abc import Callable, Iterable
from datetime import MAXYEAR, MINYEAR, datetime
from hashlib import blake2b
from threading import Lock
from typing import Annotated, Literal
from uuid import uuid4

import structlog
from cachetools import LRUCache
from msgspec import Meta, MsgspecError, Struct, json
from prometheus_client import CollectorRegistry, Counter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerting.alerts import ALERTS, Alert, Subject, decode_alert
from alerting.audit import Audit
from alerting.bodies import limited
from alerting.cursor import Cursor
from alerting.destinations.alertmanager import NAME
from alerting.notices import NOTICES, Notice, notice_message
from ingest.logs import LogError, Logs, Message, Record
from ingest.records import decoded

VERSION = "4"
# Rules that say again what the aggregator has said: deploy/prometheus, and our own destination of type alertmanager.
MIRRORS = {"TopicSpike", NAME}
REMEMBERED = 20_000  # alerts, and notices
LARGEST_BODY = 16 * 1024 * 1024  # bytes; thousands of alerts
ANSWERS = {"taken": 200, "unreadable": 400, "unauthorized": 401, "too_large": 413, "away": 503}
BROWSERS = {"origin", "sec-fetch-site"}  # headers: any page may have a browser post to this machine
BECOMES = ("alert", "notice", "duplicate", "unknown_end")

_log = structlog.get_logger(__name__)

Zoned = Annotated[datetime, Meta(tz=True)]


class Posted(Struct, frozen=True):
    """One alert in a notification, as Alertmanager writes it."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    startsAt: Zoned  # noqa: N815 - Alertmanager's name
    annotations: dict[str, str] = {}
    endsAt: Zoned | None = None  # noqa: N815 - of one that is firing: the year 1
    generatorURL: str = ""  # noqa: N815
    fingerprint: str = ""  # old versions send none

    def __post_init__(self) -> None:
        """Refuses times that have no date in some zone."""
        times = [self.startsAt, self.endsAt] if self.status == "resolved" else [self.startsAt]
        for time in times:
            if time is not None and not MINYEAR < time.year < MAXYEAR:
                raise ValueError(f"{time.isoformat()} is no time that can be told")


class Notification(Struct, frozen=True):
    """The body of a request: version 4 of Alertmanager's webhook. Fields of no use here are passed over."""

    version: str
    alerts: list[Posted]
    truncatedAlerts: int = 0  # noqa: N815


class ReceiverMetrics:
    """What the receiver tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.notifications = Counter(
            "bellwether_receiver_notifications",
            "Requests of Alertmanager, by answer.",
            ("answer",),
            registry=registry,
        )
        self.alerts = Counter(
            "bellwether_receiver_alerts",
            "Alerts in them: about an alert of ours, a notice, told before, or the end of what was never told.",
            ("becomes",),
            registry=registry,
        )
        for answer in ANSWERS:
            self.notifications.labels(answer)
        for becomes in BECOMES:
            self.alerts.labels(becomes)


class Known(Struct):
    """What the logs hold already, followed from their beginning."""

    latest: LRUCache[str, tuple[Alert, Record]]  # newest revision, by id and by subject
    again: LRUCache[str, bool]  # keys that were told by way of Alertmanager
    notices: LRUCache[str, bool]  # keys

    def add_alert(self, record: Record) -> None:
        """A record of the alerts log."""
        try:
            alert = decode_alert(record.value or b"")
        except MsgspecError:
            return
        for name in (alert.id, str(alert.subject)):
            before = self.latest.get(name)
            if before is None or (before[0].opened_at, before[0].revision) <= (alert.opened_at, alert.revision):
                self.latest[name] = (alert, record)
        if ("via", b"alertmanager") in record.headers:
            self.again[alert.key] = True

    def forget_alerts(self) -> None:
        """The alerts log was made anew."""
        self.latest.clear()
        self.again.clear()

    def about(self, posted: Posted) -> tuple[Alert, Record] | None:
        """The alert of ours that Alertmanager speaks of: open, or not over when this began to fire."""
        if posted.labels.get("alertname") not in MIRRORS:
            return None
        names = [posted.annotations.get("alert", "")]
        names += [str(Subject(kind, posted.labels[kind])) for kind in ("topic", "entity") if kind in posted.labels]
        found = next((self.latest[name] for name in names if name in self.latest), None)
        if found is None or (found[0].closed_at is not None and found[0].closed_at < posted.startsAt):
            return None
        return found


class Receiver:
    """Takes notifications. Thread-safe; may be asked before it is opened, and then says that it is away."""

    def __init__(self, metrics: ReceiverMetrics, token: str | None = None) -> None:
        """With no `token` everybody is admitted; an empty one is a mistake, and a `ValueError`."""
        if token == "":
            raise ValueError("the token of /alertmanager is empty")
        self._metrics = metrics
        self._token = token
        self._lock = Lock()
        self._logs: Logs | None = None
        self._forget()

    def open(self, logs: Logs) -> None:
        """The logs are there."""
        self._logs = logs

    def admits(self, authorization: str) -> bool:
        """Whether whoever sends this header may tell us anything."""
        return self._token is None or hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode())

    def take(self, body: bytes, now: int) -> tuple[int, str]:
        """HTTP status and a sentence for one request at instant `now`; with 200, all of it is durable."""
        return self.answer(*self._take(body, now))

    def answer(self, answer: str, sentence: str) -> tuple[int, str]:
        """HTTP status and sentence for one of `ANSWERS`: counted, and logged unless it is a yes."""
        self._metrics.notifications.labels(answer).inc()
        if answer != "taken":
            _log.error("notification of alertmanager not taken", answer=answer, why=sentence)
        return ANSWERS[answer], sentence

    def _take(self, body: bytes, now: int) -> tuple[str, str]:
        try:
            notification = _read(body)
        except ValueError as error:
            return "unreadable", str(error)
        if notification.truncatedAlerts:
            _log.error("alertmanager left alerts out", count=notification.truncatedAlerts)
        if self._logs is None:
            return "away", "the logs are not there yet"
        with self._lock:
            try:
                self._append(self._logs, notification.alerts, now)
            except BaseException as error:
                self._forget()  # what it wrote last may not be there
                if isinstance(error, LogError):
                    return "away", str(error)
                raise
        return "taken", "taken"

    def _forget(self) -> None:
        """Begin anew: with nothing known, and a chain of its own in the audit."""
        self._known = Known(LRUCache(REMEMBERED), LRUCache(REMEMBERED), LRUCache(REMEMBERED))
        self._alerts, self._notices = Cursor(ALERTS.log), Cursor(NOTICES.log)
        self._audit: Audit | None = None

    def _append(self, logs: Logs, alerts: Iterable[Posted], now: int) -> None:
        self._catch_up(logs)
        if self._audit is None:
            self._audit = Audit.begin(f"receiver-{uuid4().hex[:8]}", logs)
        appended = [self._becomes(posted) for posted in alerts]
        writer = logs.writer()
        try:
            for becomes, message in appended:
                if message is not None:
                    writer.publish(message)
                    key = (message.key or b"").decode()
                    writer.publish(self._audit.entry(now, "notice", "alertmanager", key, {"becomes": becomes}))
            writer.flush()
        finally:
            writer.close()
        for becomes, _ in appended:
            self._metrics.alerts.labels(becomes).inc()

    def _becomes(self, posted: Posted) -> tuple[str, Message | None]:
        """What to append for one alert, if anything. What is appended counts as known, so that a body may repeat itself."""
        if found := self._known.about(posted):
            alert, record = found
            if alert.key in self._known.again or (posted.status == "resolved" and alert.state == "open"):
                return "duplicate", None
            self._known.again[alert.key] = True
            via = ("via", b"alertmanager")
            return "alert", Message(ALERTS.log, record.value, record.key, headers=(via,))
        notice = _notice(posted)
        if notice.key in self._known.notices:
            return "duplicate", None
        if notice.status == "resolved" and notice.key.removesuffix("resolved") + "firing" not in self._known.notices:
            return "unknown_end", None
        self._known.notices[notice.key] = True
        return "notice", notice_message(notice)

    def _catch_up(self, logs: Logs) -> None:
        for record in self._alerts.read(logs, self._known.forget_alerts):
            self._known.add_alert(record)
        for record in self._notices.read(logs, self._known.notices.clear):
            self._known.notices[(record.key or b"").decode("utf-8", "replace")] = True


_decoder = json.Decoder(Notification)


def _read(body: bytes) -> Notification:
    """Raises `ValueError` with a sentence."""
    try:
        notification = decoded(_decoder, body)
    except MsgspecError as error:
        raise ValueError(f"this is no notification of Alertmanager: {error}") from None
    if notification.version != VERSION:
        raise ValueError(f"version {VERSION} is understood, not {notification.version[:20]}")
    return notification


def _notice(posted: Posted) -> Notice:
    labels, said = posted.labels, posted.annotations
    text = json.encode(sorted(labels.items()))
    return Notice(
        fingerprint=posted.fingerprint or blake2b(text, digest_size=8).hexdigest(),
        status=posted.status,
        name=labels.get("alertname", "alert"),
        severity="critical" if labels.get("severity") in {"critical", "page"} else "warning",
        summary=said.get("summary", ""),
        description=said.get("description", said.get("message", "")),
        labels=dict(sorted(labels.items())),
        starts_at=posted.startsAt,
        ends_at=posted.endsAt if posted.status == "resolved" else None,
        runbook=said.get("runbook_url", ""),
        url=posted.generatorURL,
    )


def receiver_route(receiver: Receiver, clock: Callable[[], int]) -> Route:
    """`POST /alertmanager`."""

    async def answered(request: Request) -> tuple[int, str]:
        try:
            body = await limited(request, LARGEST_BODY)
        except HTTPException:
            return receiver.answer("too_large", f"more than {LARGEST_BODY} bytes in one request")
        # Waits for the logs, and for whoever came before.
        return await run_in_threadpool(receiver.take, body, clock())

    async def take(request: Request) -> Response:
        if BROWSERS & set(request.headers):
            status, sentence = receiver.answer("unauthorized", "a browser sent this: Alertmanager alone is heard here")
        elif not receiver.admits(request.headers.get("authorization", "")):
            status, sentence = receiver.answer("unauthorized", "the bearer token is missing or wrong")
        else:
            status, sentence = await answered(request)
        return PlainTextResponse(sentence + "\n", status)

    return Route("/alertmanager", take, methods=["POST"])
