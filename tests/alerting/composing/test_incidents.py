import math
import random

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from alerting.alerts import Action, Alert, Severity
from alerting.composing.incidents import TOGETHER, Incident, Incidents
from alerting.detection.rules import SpikeSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, instant
from tests.alerting.made import START, TOPICS, crisis, ordinary, score_range, scored
from tests.alerting.runs import LATE_LOOK, Run, in_ranges
from tests.alerting.told import told as an_alert


def alert(name: str, action: Action = "page", severity: Severity = "warning", *, historical: bool = False) -> Alert:
    """One of the incident `name`."""
    return an_alert(name, action=action, severity=severity, historical=historical)


def test_alerts_close_together_that_share_stories_are_one_incident():
    incidents = Incidents()
    incidents.tell(alert("first"), {1, 2, 3, 4}, START, 50)
    assert incidents.place({3, 4, 5, 6, 7}, START + HOUR) == "first"


def test_two_events_of_the_same_hour_stay_two():
    incidents = Incidents()
    incidents.tell(alert("first"), {1, 2, 3, 4}, START, 50)
    assert incidents.place({5, 6, 7}, START) is None
    assert incidents.place(set(), START) is None


def test_the_one_that_shares_most_is_joined():
    incidents = Incidents()
    incidents.tell(alert("first"), {1, 2, 3, 4}, START, 50)
    incidents.tell(alert("second"), {3, 4, 5, 6}, START, 50)
    assert incidents.place({4, 5, 6}, START) == "second"


def test_an_incident_is_over_after_half_a_day_and_then_forgotten():
    incidents = Incidents()
    incidents.tell(alert("first"), {1, 2}, START, 50)
    assert incidents.place({1, 2}, START + TOGETHER + 1) is None
    incidents.tell(alert("second"), {3}, START + 2 * DAY, 50)
    assert list(incidents.known) == ["second"]


def test_what_was_told_as_a_flash_is_joined_by_what_is_mostly_about_it_and_by_nothing_that_is_only_rarer():
    incidents = Incidents()
    incidents.tell(alert("flash", "page", "critical"), {1}, START, math.inf)
    assert incidents.place({1, 2, 3}, START) is None, "one text of three"
    assert incidents.place({1, 2}, START) == "flash"
    incidents.relate("flash", {2, 3})
    assert incidents.place({1, 2, 3, 4}, START) == "flash"
    assert not incidents.is_new(alert("flash", "page", "critical"), 2800 / 2.5)
    incidents.relate("unheard of", {1})
    assert list(incidents.known) == ["flash"]


def test_what_is_more_severe_than_what_was_told_is_new():
    incidents = Incidents()
    incidents.tell(alert("first", "page", "warning"), {1}, START, 50)
    assert incidents.is_new(alert("first", "page", "critical"), 10)
    assert not incidents.is_new(alert("first", "page", "warning"), 10)
    incidents.tell(alert("first", "page", "critical"), {1}, START, 0.0)
    assert not incidents.is_new(alert("first", "page", "critical"), 10)


def test_what_was_critical_in_a_digest_holds_back_no_critical_page():
    incidents = Incidents()
    incidents.tell(alert("first", "page", "warning"), {1}, START, 50)
    incidents.tell(alert("first", "digest", "critical"), {1}, START, 0.0)
    assert incidents.is_new(alert("first", "page", "critical"), 10)


def test_what_was_found_too_late_holds_back_only_what_is_found_too_late_as_well():
    incidents = Incidents()
    incidents.tell(alert("first", "page", "critical", historical=True), {1}, START, 50)
    assert not incidents.is_new(alert("first", "page", "critical", historical=True), 10)
    assert incidents.is_new(alert("first", "digest", "warning"), 10)
    incidents.tell(alert("first", "notify", "warning"), {1}, START, 20)
    for _ in range(2):
        assert not incidents.is_new(alert("first", "notify", "warning"), 10)
        assert incidents.is_new(alert("first", "page", "warning"), 10)
        assert incidents.is_new(alert("first", "notify", "critical"), 10)
        assert incidents.is_new(alert("first", "notify", "warning"), 30)
        incidents.tell(alert("first", "page", "critical", historical=True), {1}, START, 500)


def test_incidents_of_an_older_version_are_read():
    older = msgpack.encode({"last_at": START, "days": 50.0, "stories": [1], "action": "page"})
    incidents = Incidents({"first": msgpack.decode(older, type=Incident)})
    assert not incidents.is_new(alert("first", "page", "critical"), 10), "how severe is not known: it stays one page"


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


def joint_crisis(seed: int) -> list[Alert]:
    """What is told, joined or not, of a crisis of two topics that are each watched in noise of their own."""
    dice, start = random.Random(seed), START + 20 * DAY
    usual = [(at, topic) for topic, per_hour in ((0, 6), (1, 4)) for at in instants(dice, per_hour)]
    documents = [scored(0, at, negative=dice.random() < 0.2, topic=topic) for at, topic in usual]
    documents += [replace(each, labels=(0, 1)) for each in crisis(0, start, 40, 2 * MINUTE)]
    documents = [
        replace(scored(n, d.event_at), sentiment=d.sentiment, labels=d.labels, topics=topics_of(d.labels))
        for n, d in enumerate(sorted(documents, key=lambda document: document.event_at))
    ]
    run = Run(replace(LATE_LOOK, spikes=SpikeSettings(budget_per_week=0.9)))
    before = sum(document.event_at < start for document in documents)
    for scores in [*in_ranges(documents[:before], 20), *in_ranges(documents[before:], 1)]:
        state = run.take(scores).keeper.state
        waiting = [told for told in state.book.told.values() if told.alert.joined and told.alert.state == "open"]
        assert all(told.days <= state.incidents.known[told.alert.incident].days for told in waiting)
    return [alert for alert in run.alerts if instant(alert.opened_at) >= start and alert.change != "closed"]


def instants(dice: random.Random, per_hour: float) -> list[int]:
    """Random ones of three weeks."""
    found, at = [], START
    while (at := at + int(dice.expovariate(per_hour) * HOUR)) < START + 20 * DAY + 6 * HOUR:
        found.append(at)
    return found


def topics_of(labels: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(9000 if topic in labels else 100 for topic in range(len(TOPICS)))


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_whatever_is_so_many_times_rarer_than_what_was_told_is_told(seed: int) -> None:
    alerts = joint_crisis(seed)
    assert len({alert.incident for alert in alerts}) == 1
    assert {alert.joined for alert in alerts} == {False, True}
    days, severity = 0.0, "warning"
    for alert in alerts:
        is_worse = alert.severity == "critical" and severity == "warning"
        assert alert.joined == (alert.return_period_days < 2.5 * days and not is_worse), str(alert)
        if not alert.joined:
            days, severity = max(days, alert.return_period_days), "critical" if is_worse else severity
    rarest = max(alert.return_period_days for alert in alerts)
    assert rarest < 2.5 * days


def test_unrelated_events_of_topics_that_share_their_usual_texts_are_two_incidents():
    def topics(document: ScoredDocument) -> ScoredDocument:
        mostly = document.offset % 2
        return replace(document, topics=(1500, 9000, 100) if mostly else (9000, 1500, 100), labels=(mostly,))

    usual, first = [topics(each) for each in ordinary(30)], START + 30 * DAY
    many = len(usual)
    between = [topics(scored(many + 40 + n, first + (n + 4) * 10 * MINUTE, negative=n % 5 == 2)) for n in range(8)]
    one, other = crisis(many, first, 40), crisis(many + 48, first + 2 * HOUR, 40)
    other = [scored(each.offset, each.event_at, negative=True, topic=1) for each in other]
    alerts = Run().take(*in_ranges([*usual, *one, *between, *other], 20)).alerts
    opened = [alert for alert in alerts if alert.change == "opened"]
    assert [alert.subject.name for alert in opened] == list(TOPICS[:2])
    assert not any(alert.joined for alert in alerts)
    assert opened[0].incident != opened[1].incident


def test_in_bins_that_hold_a_whole_day_companions_join_though_most_of_its_stories_are_usual():
    def day(number: int, extra: int) -> list[ScoredDocument]:
        usual = [scored(0, 0, topic=n % 2, negative=n % 5 < 2) for n in range(100)]
        event = [scored(0, 0, negative=True, labels=(0, 1)) for _ in range(extra)]
        return [replace(each, event_at=START + number * DAY) for each in usual + event]

    documents = [document for number in range(41) for document in day(number, 15 if number == 40 else 0)]
    documents = [
        replace(scored(n, d.event_at), sentiment=d.sentiment, labels=d.labels, topics=topics_of(d.labels))
        for n, d in enumerate(documents)
    ]
    run = Run().take(*in_ranges(documents, 20))
    run.take(score_range([], start=len(documents), next=len(documents), final=True))
    opened = [alert for alert in run.alerts if alert.change == "opened"]
    assert [alert.joined for alert in opened] == [False, True]
    assert all(alert.story_negatives > 2 * 15 for alert in opened)
