"""The console of a process: its routes stand from the start, its box joins the other loops once the logs are there."""

import uuid
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute

from alerting.alerts import Alert
from alerting.audit import Audit
from alerting.console.access import Access, AccessSettings, may_be_open, networks, read_tokens
from alerting.console.answers import Answers, Present
from alerting.console.application import console
from alerting.console.follow import Desk, Follow
from alerting.console.incidents import Deadlines
from alerting.console.metrics import ConsoleMetrics
from alerting.console.reminders import Reminders
from alerting.console.room import Room
from alerting.console.view import SPANS, View
from alerting.console.why import Why, why
from alerting.counting.windows import width_of
from bellwether.clock import now
from bellwether.loop import Role
from bellwether.roles import aggregate_settings
from bellwether.settings import Settings, WrongSettings
from classifier.scores import SCORES
from ingest.instants import microseconds
from ingest.logs import LogAway, Logs

log = structlog.get_logger()

RARITY, READY = "bellwether_topic_return_period_days", "bellwether_topic_baseline_ready"
UNKNOWN = "bellwether_topic_unknown"


class Showing:
    """What a process needs to show and tell."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        """Raises `WrongSettings` if the tokens cannot be used."""
        section = settings.console
        self._settings, self._registry = settings, registry
        self._access = access_settings(settings)
        self._deadlines = Deadlines(section.acknowledge_critical, section.acknowledge_warning)
        self._metrics = ConsoleMetrics(registry)
        self._view, self._desk = View(), Desk(self._metrics)
        self._logs: Logs | None = None

    def routes(self) -> list[BaseRoute]:
        """The console's pages; none where everybody could read them who reaches this address."""
        http = self._settings.http
        if self._access.is_open and not may_be_open(http.host):
            log.warning("console not served: set console.tokens_file or console.trusted_proxies", host=http.host)
            return []
        room = Room(
            answers=Answers(self._view, self._deadlines, lambda: rarity(self._registry)),
            desk=self._desk,
            access=Access(self._access),
            clock=now,
            zone=ZoneInfo(self._settings.console.timezone),
            is_read=lambda: self._view.is_read,
            explain=self._explain,
        )
        return [console(room)]

    def role(self, logs: Logs) -> Role:
        """The loop that reads for the pages. Its group is its own: every console reads everything."""
        self._logs = logs
        group = f"bellwether.console.{uuid.uuid4().hex}"
        reminders = Reminders(self._view, self._deadlines, self._metrics, escalate=self._settings.console.escalate)

        def box() -> Follow:
            audit = Audit.begin(f"console-{uuid.uuid4().hex}", logs)
            return Follow(self._view, self._desk, reminders, logs, audit)

        return Role("console", group, tuple(SPANS), box)

    def _explain(self, alert: Alert) -> Why:
        if self._logs is None:
            raise LogAway("the logs are not open yet")
        found = aggregate_settings(self._settings)
        records = self._logs.scan(SCORES.log, start=alert.scores_from)
        return why(alert, records, width_of(found.windows), found.spikes.about(alert.subject))


def access_settings(settings: Settings) -> AccessSettings:
    """Who is let in. Raises `WrongSettings`."""
    section = settings.console
    tokens = {}
    if section.tokens_file is not None:
        try:
            tokens = read_tokens(section.tokens_file.read_text("utf-8-sig"))
        except UnicodeDecodeError:  # whose words hold a part of it
            raise WrongSettings([f"console.tokens_file: {section.tokens_file} is not UTF-8"]) from None
        except (OSError, ValueError) as error:
            raise WrongSettings([f"console.tokens_file: {error}"]) from None
    return AccessSettings(
        tokens=tokens,
        proxies=networks(section.trusted_proxies),
        user_header=section.user_header.lower(),
        session=microseconds(section.session),
    )


def rarity(registry: CollectorRegistry) -> dict[str, Present]:
    """What the aggregator of this process tells Prometheus of each topic; empty if there is none."""
    told: dict[str, dict[str, float]] = {}
    for metric in registry.restricted_registry([RARITY, READY, UNKNOWN]).collect():
        for sample in metric.samples:
            told.setdefault(sample.labels["topic"], {})[sample.name] = sample.value
    return {
        topic: Present(values[RARITY], values.get(READY, 0) > 0, values.get(UNKNOWN, 0) > 0)
        for topic, values in told.items()
        if RARITY in values
    }
