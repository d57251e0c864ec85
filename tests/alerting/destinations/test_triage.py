"""What is told now, later or never; and what has joined an incident: told where nothing of the incident was."""

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from alerting.alerts import Alert, Subject
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.route import Route
from alerting.destinations.triage import NOW, Decision, Rules, Triage
from ingest.instants import HOUR, MINUTE, moment
from tests.alerting.told import OPENED, told

DAILY = DigestTimes("day", time(18), ZoneInfo("UTC"))
CREDIT = Subject("topic", "credit_default")
ASIDE: dict[str, object] = {"incident": "a1", "joined": True, "subject": CREDIT, "languages": {"ja": 1}}
CLOSED: dict[str, object] = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + HOUR)}
JOINED = told("a2", **ASIDE)
ENDED = told("a2", 2, **CLOSED, **ASIDE)
LEADING = told("a1", severity="warning", action="notify")
NIGHT = Quiet(time(9), time(12), ZoneInfo("UTC"))
DESK = Rules(Route(severities=frozenset({"critical"})))


def kept(triage: Triage, alert: Alert, at: int = OPENED, via: str = "") -> Decision:
    """A decision that stands."""
    decision = triage.decide(alert, at, via)
    triage.keep(alert, at, decision)
    return decision


def reasons(rules: Rules, *alerts: Alert) -> list[str]:
    triage = Triage(rules)
    return [kept(triage, alert).reason for alert in alerts]


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


@pytest.mark.parametrize("route", [Route(), DESK.route])
@pytest.mark.parametrize(
    "lead", [told("a1", action="digest"), told("a1", historical=True), told("a1", subject=Subject("topic", "fx"))]
)
def test_what_joined_an_incident_that_waits_for_the_digest_is_told_if_it_would_not_wait(
    route: Route, lead: Alert
) -> None:
    """With its end; what would wait too is kept back, and so is all that joins after."""
    rules = Rules(route, digests=DAILY, cool_down=HOUR)
    before = told("a0", subject=Subject("topic", "fx"))
    waiting = told("a3", action="digest", **{**ASIDE, "subject": Subject("topic", "crypto")})
    other = told("a4", **{**ASIDE, "subject": Subject("topic", "operations")})
    _, held, *others = reasons(rules, before, lead, waiting, JOINED, other, ENDED)
    assert held in {"digest", "historical", "cool_down"}
    assert others == ["joined", "", "joined", ""]


def test_what_joined_an_incident_that_stands_in_no_digest_goes_its_own_way() -> None:
    assert reasons(Rules(), told("a1", historical=True), JOINED, ENDED) == ["historical", "", ""]


def test_of_what_joined_an_incident_that_nobody_waits_to_be_told_of_the_first_waits_with_its_end() -> None:
    triage = Triage(Rules(digests=DAILY))
    waiting = {**ASIDE, "action": "digest"}
    assert kept(triage, told("a1")) == NOW
    triage.untold(told("a1"))
    alerts = [told("a2", **waiting), told("a3", **waiting), told("a4", **ASIDE), told("a2", 2, **{**waiting, **CLOSED})]
    assert [kept(triage, alert).reason for alert in alerts] == ["digest", "joined", "", "digest"]


@pytest.mark.parametrize(
    ("route", "first", "later"),
    [
        (Route(severities=frozenset({"warning"})), {"severity": "warning"}, {}),
        (Route(actions=frozenset({"notify"})), {"action": "notify"}, {}),
        (Route(languages=frozenset({"zh"})), {}, {"languages": {"en": 40}}),
    ],
)
def test_an_alert_that_a_destination_took_is_followed_to_its_end(
    route: Route, first: dict[str, object], later: dict[str, object]
) -> None:
    followed = (told("a1", 2, **later), told("a1", 3, **later, **CLOSED))
    assert reasons(Rules(route), told("a1", **first), *followed) == ["", "", ""]
    assert "" not in reasons(Rules(route), *followed)


def test_an_alert_is_followed_only_if_its_beginning_was_told() -> None:
    for untold, reason in ((1, "severity"), (2, "")):
        triage = Triage(Rules(Route(severities=frozenset({"warning"}))))
        first, second = told("a1", severity="warning"), told("a1", 2, severity="warning")
        assert [kept(triage, first), kept(triage, second)] == [NOW, NOW]
        triage.untold(first if untold == 1 else second)
        assert kept(triage, told("a1", 3)).reason == reason


def test_what_was_told_to_nobody_makes_nothing_wait() -> None:
    """What was told of its subject before still does."""
    triage = Triage(Rules(digests=DAILY, cool_down=HOUR))
    assert kept(triage, told("a1")) == NOW
    assert kept(triage, told("a1", 2), OPENED + MINUTE) == NOW
    for revision, by in ((2, "a1/1"), (1, "")):
        triage.untold(told("a1", revision))
        assert triage.decide(told("a2"), OPENED + 2 * MINUTE, "").by == by


def test_a_decision_names_what_it_hangs_on() -> None:
    triage = Triage(Rules(digests=DAILY, cool_down=HOUR))
    assert kept(triage, told("a1")).by == ""
    assert triage.decide(JOINED, OPENED, "").by == triage.decide(told("a3"), OPENED, "").by == "a1/1"


def test_the_same_alert_by_a_path_that_a_destination_does_not_take_is_turned_away_though_it_took_it() -> None:
    triage = Triage(Rules(Route(path="direct")))
    assert kept(triage, told("a1")) == NOW
    assert triage.decide(told("a1"), OPENED, "alertmanager").reason == "path"


def test_the_end_of_an_alert_stands_in_the_digest_of_its_beginning_if_that_is_still_to_come() -> None:
    noon, evening = OPENED + 5 * HOUR // 2, OPENED + 17 * HOUR // 2
    for at, due in ((OPENED + HOUR, noon), (noon, evening)):
        triage = Triage(Rules(quiet=NIGHT, digests=DAILY))
        assert kept(triage, told("a1", severity="warning")) == Decision("quiet", noon)
        assert kept(triage, told("a1", 2, severity="warning", **CLOSED), at) == Decision("digest", due)


@pytest.mark.parametrize(("after", "reason", "due"), [(9, "digest", 20), (15, "digest", 20), (20, "historical", 40)])
def test_the_end_of_what_was_found_long_after_the_fact_is_told_with_it_or_soon_after(
    after: int, reason: str, due: int
) -> None:
    triage = Triage(Rules(digests=DAILY))
    assert kept(triage, told("a1", historical=True)) == Decision("historical", OPENED + 20 * MINUTE)
    end = kept(triage, told("a1", 2, historical=True, **CLOSED), OPENED + after * MINUTE)
    assert end == Decision(reason, OPENED + due * MINUTE)


def test_what_waits_for_a_digest_is_not_told_before_it_of_an_incident_that_was_told_meanwhile() -> None:
    """Its end still stands in the digest, and follows it afterwards."""
    waiting, live = told("a1", historical=True), told("a3", incident="a1", subject=CREDIT)
    for after, due in ((5, OPENED + 20 * MINUTE), (20, OPENED + 17 * HOUR // 2)):
        triage = Triage(Rules(digests=DAILY))
        assert kept(triage, waiting) == Decision("historical", OPENED + 20 * MINUTE)
        assert kept(triage, live) == NOW
        assert kept(triage, told("a1", 2, change="caught_up", joined=True)) == Decision("joined", by="a3/1")
        assert kept(triage, told("a1", 3, joined=True, **CLOSED), OPENED + after * MINUTE) == Decision("digest", due)


@pytest.mark.parametrize("held", [{"severity": "warning"}, {"action": "digest"}])
def test_what_waits_for_a_digest_stands_in_it_as_it_is_by_then_though_its_incident_was_told(held: dict) -> None:
    """What would be told at once is as the incident was told."""
    triage = Triage(Rules(quiet=NIGHT, digests=DAILY))
    first = kept(triage, told("a1", **held))
    assert kept(triage, told("a3", incident="a1")) == NOW
    assert kept(triage, told("a1", 2, joined=True, **held)) == first
    assert kept(triage, told("a1", 3, joined=True)) == Decision("joined", by="a3/1")


def test_what_stands_for_its_incident_in_a_digest_is_not_kept_back_because_of_itself() -> None:
    triage = Triage(Rules(quiet=NIGHT, digests=DAILY))
    assert kept(triage, told("a1", severity="warning", historical=True)).reason == "historical"
    assert kept(triage, told("a1", 2, severity="warning", change="caught_up", joined=True)).reason == "quiet"


def test_what_was_told_before_it_waited_for_a_digest_is_followed_at_once() -> None:
    triage = Triage(Rules(Route(languages=frozenset({"en"})), quiet=NIGHT, digests=DAILY))
    assert kept(triage, told("a1"), OPENED - HOUR) == NOW
    assert kept(triage, told("a1", 2, severity="warning")).reason == "quiet"
    assert kept(triage, told("a3", incident="a1")) == NOW
    assert kept(triage, told("a1", 3, joined=True)) == NOW


@pytest.mark.parametrize("route", [Route(), Route(path="direct", notices=False)])
def test_where_everything_is_told_nothing_that_joined_is(route: Route) -> None:
    assert reasons(Rules(route), JOINED, ENDED) == ["joined", "joined"]
