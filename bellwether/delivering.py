"""From settings to destinations, and to the role that delivers to each."""

import uuid
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from alerting.alerts import ALERTS
from alerting.audit import Audit
from alerting.deliver import Deliver, DeliverSettings, group_of
from alerting.destinations.alertmanager import Alertmanager
from alerting.destinations.answers import Destination
from alerting.destinations.chat import Chat
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.log import Log
from alerting.destinations.metrics import DeliverMetrics
from alerting.destinations.posting import Address
from alerting.destinations.robots import ROBOTS
from alerting.destinations.route import Route
from alerting.destinations.triage import Rules
from alerting.destinations.webhook import Webhook
from alerting.destinations.wording import Letters
from alerting.notices import NOTICES
from bellwether.kinds import secret_in
from bellwether.loop import Role
from bellwether.sections.destinations import DestinationSection
from bellwether.settings import Settings, WrongSettings
from ingest.instants import microseconds
from ingest.logs import Logs


def deliver_roles(settings: Settings, logs: Logs, registry: CollectorRegistry) -> list[Role]:
    """A role for each destination. Raises `WrongSettings`."""
    sections = settings.destination
    made = destinations(settings)
    metrics = DeliverMetrics(registry, [each.name for each in sections])

    def role(section: DestinationSection, destination: Destination) -> Role:
        how = deliver_settings(section, replay=settings.replay)

        def box() -> Deliver:
            writer = f"deliver-{section.name}-{uuid.uuid4().hex[:8]}"
            return Deliver(destination, logs, metrics, how, Audit.begin(writer, logs))

        return Role(f"deliver-{section.name}", group_of(section.name), (ALERTS.log, NOTICES.log), box)

    return [role(section, destination) for section, destination in zip(sections, made, strict=True)]


def deliver_settings(section: DestinationSection, *, replay: bool) -> DeliverSettings:
    """What goes to a destination, and when. A replay waits for no hour of the day."""
    route, digest, quiet = section.route, section.digest, section.quiet
    # Alertmanager is told what is, not what was; and not what it told itself.
    is_alertmanager = section.type == "alertmanager"
    has_digests = not (replay or is_alertmanager)
    rules = Rules(
        route=Route(
            severities=frozenset(route.severities),
            actions=frozenset(route.actions),
            subjects=route.subjects,
            languages=frozenset(route.languages),
            path="direct" if is_alertmanager else route.path,
            notices=route.notices and not is_alertmanager,
        ),
        quiet=Quiet(quiet.start, quiet.end, ZoneInfo(quiet.timezone)) if quiet and has_digests else None,
        digests=DigestTimes(digest.every, digest.at, ZoneInfo(digest.timezone)) if has_digests else None,
        cool_down=microseconds(section.cool_down) if section.cool_down and has_digests else 0,
    )
    per_minute = section.per_minute
    if per_minute is None:
        per_minute = ROBOTS[section.type].per_minute if section.type in ROBOTS else 0
    return DeliverSettings(rules, per_minute, microseconds(section.deadline))


def destinations(settings: Settings) -> list[Destination]:
    """Each destination, ready to take alerts. Raises `WrongSettings` with the mistakes of all of them."""
    made: list[Destination] = []
    mistakes = []
    for number, section in enumerate(settings.destination):
        letters = Letters(section.language, ZoneInfo(section.timezone), settings.http.address or "")
        try:
            made.append(_destination(section, letters))
        except (ValueError, OSError) as error:
            mistakes.append(f"destination.{number}: {error}")
    if mistakes:
        raise WrongSettings(mistakes)
    return made


def _destination(section: DestinationSection, letters: Letters) -> Destination:
    secret = secret_in(section.secret, section.secret_file)
    url = secret_in(section.url, section.url_file)
    if section.type == "log":
        return Log(section.name)
    assert url is not None
    if section.type == "apprise":
        from alerting.destinations.apprised import Apprised  # noqa: PLC0415 - slow to load, and changes logging

        return Apprised(section.name, url, letters)
    address = Address(
        name=section.name,
        url=url,
        token=secret_in(section.token, section.token_file),
        ca_file=section.ca_file,
        proxy=section.proxy,
        timeout_s=section.timeout.total_seconds(),
    )
    if section.type == "alertmanager":
        return Alertmanager(address, letters)
    if section.type == "webhook":
        assert secret is not None
        return Webhook(address, secret)
    return Chat(section.type, address, secret, letters)
