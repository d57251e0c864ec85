"""Who is told of what, when it was found while the reading was behind."""

import pytest
from msgspec import convert, msgpack
from msgspec.structs import replace

from alerting.alerts import Action, Alert
from alerting.composing.book import Excess
from alerting.composing.telling import Teller
from alerting.counting.windows import WindowSettings
from alerting.keeper import Keeper
from alerting.state import AggregateSettings, State
from ingest.instants import HOUR
from tests.alerting.told import OPENED, told

QUIET = 6 * HOUR
SETTINGS = AggregateSettings(inputs=("news",))


def behind(*, leader_until: int, follower_until: int, follower_action: Action = "page") -> State:
    """A historical alert on `liquidity`, and one on `fraud` that joined its incident; each in its tail until then."""
    state = State.fresh(WindowSettings())
    for name, until, action in (("liquidity", leader_until, "page"), ("fraud", follower_until, follower_action)):
        alert = told(name, incident="liquidity", joined=name != "liquidity", historical=True, action=action)
        state.book.excesses[name] = Excess(OPENED, until, QUIET)
        state.book.tell(name, alert, 50, until)
        state.incidents.tell(alert, {1}, OPENED, 0.0 if alert.joined else 50)
    return state


def caught_up(state: State, now: int) -> list[Alert]:
    """What is told once the reading has come to event time `now`."""
    teller = Teller(SETTINGS, "s1", state)
    return [teller.catch_up(subject, now) for subject in state.book.untold()]


def test_what_joined_an_incident_that_nobody_heard_of_is_told_by_itself_if_it_alone_is_still_open() -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED + 2 * HOUR)
    assert [(a.id, a.historical) for a in state.book.quieten(OPENED + QUIET)] == [("liquidity", True)]
    current = caught_up(state, OPENED + QUIET)
    assert [(a.id, a.change, a.historical, a.joined) for a in current] == [("fraud", "caught_up", False, False)]
    assert caught_up(state, OPENED + QUIET) == []
    ended = state.book.quieten(OPENED + 2 * QUIET)
    assert [(a.id, a.historical, a.joined) for a in ended] == [("fraud", False, False)]


def test_what_joined_an_incident_stays_joined_while_its_leader_is_open() -> None:
    current = caught_up(behind(leader_until=OPENED, follower_until=OPENED), OPENED + HOUR)
    assert [(a.id, a.joined) for a in current] == [("liquidity", False), ("fraud", True)]


def test_of_two_that_led_the_rarer_is_told_and_the_other_joins_it() -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED)
    state.book.excesses["markets"] = Excess(OPENED, OPENED, QUIET)
    state.book.tell("markets", told("markets", incident="liquidity", historical=True), 200, OPENED)
    current = caught_up(state, OPENED + HOUR)
    assert [(a.id, a.joined) for a in current] == [("markets", False), ("liquidity", True), ("fraud", True)]


@pytest.mark.parametrize("was_told", [False, True])
def test_an_incident_of_an_older_version_was_told_if_any_of_its_alerts_was(*, was_told: bool) -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED)
    live = told("live", incident="liquidity")
    if was_told:
        state.book.tell("live", live, 30, OPENED)
    over = told("over")  # and its alerts are forgotten
    state.incidents.tell(over, {2}, OPENED, 50)
    older = msgpack.decode(msgpack.encode(state))
    for incident in older["incidents"]["known"].values():
        del incident["untold"]
    keeper = Keeper(SETTINGS, "s1", convert(older, State))
    assert keeper.state.incidents.is_new(live, 10) is not was_told
    assert not keeper.state.incidents.is_new(over, 10)
    current = caught_up(keeper.state, OPENED + HOUR)
    assert [(a.id, a.joined) for a in current] == [("liquidity", was_told), ("fraud", True)]


def test_a_flash_that_joined_what_nobody_heard_of_is_rarer_than_all_that_comes_once_it_is_told() -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED + 2 * HOUR)
    state.book.told["fraud"].alert = replace(state.book.told["fraud"].alert, kind="flash")
    state.book.quieten(OPENED + QUIET)
    assert [(a.id, a.joined) for a in caught_up(state, OPENED + QUIET)] == [("fraud", False)]
    assert not state.incidents.is_new(told("again", incident="liquidity"), 100)


def test_what_was_told_live_before_is_not_told_again_by_what_began_the_incident() -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED)
    state.incidents.tell(told("live", incident="liquidity"), {1}, OPENED + HOUR, 30)
    assert [a.joined for a in caught_up(state, OPENED + HOUR)] == [True, True]


def test_once_its_alerts_were_caught_up_with_an_incident_was_told_as_loudly_as_they_were() -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED + 2 * HOUR, follower_action="notify")
    state.book.quieten(OPENED + QUIET)
    assert [(a.id, a.action) for a in caught_up(state, OPENED + QUIET)] == [("fraud", "notify")]
    assert not state.incidents.is_new(told("again", incident="liquidity", action="notify"), 10)
    assert state.incidents.is_new(told("again", incident="liquidity"), 10), "the page was found too late"


def test_the_end_of_what_was_told_to_nobody_is_told_to_nobody() -> None:
    closed = behind(leader_until=OPENED, follower_until=OPENED).book.quieten(OPENED + QUIET)
    assert [a.historical for a in closed] == [True, True]


def test_who_was_caught_up_with_an_event_is_told_of_its_end_though_the_reading_is_behind_again() -> None:
    state = behind(leader_until=OPENED, follower_until=OPENED)
    assert [a.revision for a in caught_up(state, OPENED + HOUR)] == [2, 2]
    state.book.tell("liquidity", told("liquidity", 3, incident="liquidity", historical=True), 200, OPENED)
    ended = state.book.quieten(OPENED + QUIET)
    assert [(a.id, a.revision, a.historical) for a in ended] == [("fraud", 3, False), ("liquidity", 4, False)]
