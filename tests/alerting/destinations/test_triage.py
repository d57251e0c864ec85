"""What has joined an incident: told where nothing of the incident was."""

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from alerting.alerts import Alert, Subject
from alerting.destinations.hours import DigestTimes
from alerting.destinations.route import Route
from alerting.destinations.triage import Rules, Triage
from ingest.instants import HOUR, moment
from tests.alerting.told import OPENED, told

DAILY = DigestTimes("day", time(18), ZoneInfo("UTC"))
CREDIT = Subject("topic", "credit_default")
ASIDE: dict[str, object] = {"incident": "a1", "joined": True, "subject": CREDIT, "languages": {"ja": 1}}
JOINED = told("a2", **ASIDE)
ENDED = told("a2", 2, state="closed", change="closed", closed_at=moment(OPENED + HOUR), **ASIDE)
LEADING = told("a1", severity="warning", action="notify")
DESK = Rules(Route(severities=frozenset({"critical"})))


def reasons(rules: Rules, *alerts: Alert) -> list[str]:
    triage = Triage(rules)
    return [triage.decide(alert, OPENED, "").reason for alert in alerts]


@pytest.mark.parametrize(
    "route",
    [
        Route(severities=frozenset({"critical"})),
        Route(subjects=("topic/credit_*",)),
        Route(languages=frozenset({"ja"})),
        Route(actions=frozenset({"page"})),
    ],
)
def test_what_joined_an_incident_of_which_a_destination_was_not_told_is_told_it_with_its_end(route: Route) -> None:
    first, *others = reasons(Rules(route), LEADING, JOINED, ENDED)
    assert first in {"severity", "subject", "language", "action"}
    assert others == ["", ""]


def test_what_joined_an_incident_that_was_told_is_kept_back_with_its_end() -> None:
    assert reasons(DESK, told("a1"), JOINED, ENDED) == ["", "joined", "joined"]
    assert reasons(DESK, LEADING, told("a1", 2), JOINED) == ["severity", "", "joined"]


def test_of_several_that_joined_an_incident_the_first_is_told() -> None:
    other = told("a3", incident="a1", joined=True)
    assert reasons(DESK, LEADING, JOINED, other, ENDED) == ["severity", "", "joined", ""]


def test_what_joined_an_incident_that_waits_for_the_digest_is_kept_back() -> None:
    rules = Rules(DESK.route, digests=DAILY)
    assert reasons(rules, told("a1", action="digest"), JOINED) == ["digest", "joined"]


@pytest.mark.parametrize("route", [Route(), Route(path="direct", notices=False)])
def test_where_everything_is_told_nothing_that_joined_is(route: Route) -> None:
    assert reasons(Rules(route), JOINED, ENDED) == ["joined", "joined"]
