"""What a destination hears later: rules for tests, and what stands in a digest."""

import json
from datetime import time
from zoneinfo import ZoneInfo

from alerting.deliver import DeliverSettings
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.triage import Rules
from alerting.notices import Notice
from ingest.instants import moment
from tests.alerting.destinations.receiver import Request
from tests.alerting.told import OPENED

UTC = ZoneInfo("UTC")
DAILY = DigestTimes("day", time(18), UTC)  # it is 09:30
AT_NOON = Quiet(time(9), time(12), UTC)


def rules(**changes: object) -> DeliverSettings:
    return DeliverSettings(Rules(**({"digests": DAILY} | changes)))  # type: ignore[arg-type]


def notice(name: str = "Lagging", severity: str = "warning", status: str = "firing") -> Notice:
    return Notice("f1", status, name, severity, f"{name} speaks", "", {}, moment(OPENED), None)  # type: ignore[arg-type]


def digest_in(request: Request) -> dict[str, list[str]]:
    told_of = json.loads(request.body)["digest"]
    return {
        "alerts": [f"{alert['id']}/{alert['revision']}" for alert in told_of["alerts"]],
        "notices": [each["name"] for each in told_of["notices"]],
    }
