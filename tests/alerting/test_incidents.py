from alerting.incidents import TOGETHER, Incidents
from ingest.instants import DAY, HOUR
from tests.alerting.made import START, TOPICS, crisis, ordinary, score_range, scored
from tests.alerting.runs import Run, in_ranges


def test_alerts_close_together_that_share_stories_are_one_incident():
    incidents = Incidents()
    incidents.tell("first", {1, 2, 3, 4}, START, 50)
    assert incidents.place({3, 4, 5, 6, 7}, START + HOUR) == "first"


def test_two_events_of_the_same_hour_stay_two():
    incidents = Incidents()
    incidents.tell("first", {1, 2, 3, 4}, START, 50)
    assert incidents.place({5, 6, 7}, START) is None
    assert incidents.place(set(), START) is None


def test_the_one_that_shares_most_is_joined():
    incidents = Incidents()
    incidents.tell("first", {1, 2, 3, 4}, START, 50)
    incidents.tell("second", {3, 4, 5, 6}, START, 50)
    assert incidents.place({4, 5, 6}, START) == "second"


def test_an_incident_is_over_after_half_a_day_and_then_forgotten():
    incidents = Incidents()
    incidents.tell("first", {1, 2}, START, 50)
    assert incidents.place({1, 2}, START + TOGETHER + 1) is None
    incidents.tell("second", {3}, START + 2 * DAY, 50)
    assert list(incidents.known) == ["second"]


def two_topics(first: int, start: int, *, shared: bool):
    """An hour of bad news about two topics: the same texts under both, or each its own."""
    made = []
    for document in crisis(first, start):
        if shared:
            made.append(scored(document.offset, document.event_at, negative=True, labels=(0, 1)))
        else:
            made.append(scored(document.offset, document.event_at, negative=True, topic=document.offset % 2))
    return made


def told(*, shared: bool):
    before = ordinary(12)
    quiet = [scored(d.offset, d.event_at, topic=i % 2, negative=i % 5 == 2) for i, d in enumerate(before)]
    run = Run().take(*in_ranges(quiet + two_topics(len(before), START + 12 * DAY, shared=shared), 50))
    run.take(score_range([], start=len(before) + 60, next=len(before) + 60, final=True))
    return [alert for alert in run.alerts if alert.change == "opened"]


def test_an_event_under_two_topics_is_one_incident_and_one_alert_of_the_budget():
    alerts = told(shared=True)
    assert {alert.subject.name for alert in alerts} == set(TOPICS[:2])
    assert len({alert.incident for alert in alerts}) == 1
    assert [alert.joined for alert in alerts] == [False, True]


def test_unrelated_events_of_two_topics_are_two_incidents():
    alerts = told(shared=False)
    assert len({alert.incident for alert in alerts}) == len(alerts) == 2
    assert not any(alert.joined for alert in alerts)
