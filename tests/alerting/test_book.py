"""Who is told of what, when alerts were found while the reading was behind."""

from alerting.book import AlertBook, Excess
from ingest.instants import HOUR
from tests.alerting.told import OPENED, told

QUIET = 6 * HOUR


def behind(*, leader_until: int, follower_until: int) -> AlertBook:
    """A historical alert on `fraud`, and one on `liquidity` that joined its incident; each in its tail until then."""
    book = AlertBook()
    for name, until, joined in (("fraud", leader_until, False), ("liquidity", follower_until, True)):
        book.excesses[name] = Excess(OPENED, 0, until, QUIET)
        book.tell(name, told(name, incident="fraud", joined=joined, historical=True), 50, until)
    return book


def test_what_joined_an_incident_that_nobody_heard_of_is_told_by_itself_if_it_alone_is_still_open():
    book = behind(leader_until=OPENED, follower_until=OPENED + 2 * HOUR)
    assert [(a.id, a.historical) for a in book.quieten(OPENED + QUIET)] == [("fraud", True)]
    current = book.catch_up(OPENED + QUIET)
    assert [(a.id, a.change, a.historical, a.joined) for a in current] == [("liquidity", "caught_up", False, False)]
    assert book.catch_up(OPENED + QUIET) == []
    ended = book.quieten(OPENED + 2 * QUIET)
    assert [(a.id, a.historical, a.joined) for a in ended] == [("liquidity", False, False)]


def test_what_joined_an_incident_stays_joined_while_its_leader_is_open():
    current = behind(leader_until=OPENED, follower_until=OPENED).catch_up(OPENED + HOUR)
    assert [(a.id, a.joined) for a in current] == [("fraud", False), ("liquidity", True)]


def test_the_end_of_what_was_told_to_nobody_is_told_to_nobody():
    closed = behind(leader_until=OPENED, follower_until=OPENED).quieten(OPENED + QUIET)
    assert [a.historical for a in closed] == [True, True]
