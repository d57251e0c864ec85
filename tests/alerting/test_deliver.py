import pytest

from alerting.alerts import ALERTS, alert_message
from alerting.deliver import Deliver, DeliverSettings
from alerting.destinations.log import Log
from alerting.destinations.metrics import ANSWERS, OUTCOMES
from ingest.instants import HOUR
from ingest.logs import Batch, Closed, Message, Opened, Position, Record, Skipped
from ingest.steps import Step
from tests.alerting.destinations import receiver
from tests.alerting.destinations.receiver import receiving
from tests.alerting.told import told
from tests.alerting.turns import PLACE, Clock, Outbox, Turning, turning, webhook


def test_alerts_go_out_in_the_order_of_their_log_and_are_committed(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}") for i in range(30)))
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(4)
            assert turns.outcomes() == {"delivered": 30}
        with turning(outbox, webhook(there.url)) as again:
            again.turn(3)
    assert there.keys == [f"a{i}/1" for i in range(30)]


def test_an_alert_that_comes_while_idle_goes_out_with_the_next_turn(outbox: Outbox) -> None:
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(3, seconds=1)
        outbox.append(told("a1"))
        turns.turn()
        assert there.keys == ["a1/1"]


def test_a_receiver_that_is_down_loses_nothing_and_is_not_stormed(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}") for i in range(5)))
    with receiver.nobody() as port, turning(outbox, webhook(f"http://127.0.0.1:{port}/hook")) as turns:
        turns.turn(600, seconds=1)
        down = turns.value("attempts_total", answer="away")
        assert 10 < down < 60  # in ten minutes; a wait is half a minute on average once it is at its longest
        assert turns.value("waiting_alerts") == 5
        assert turns.value("oldest_waiting_seconds") == 599
        assert turns.value("failures_in_a_row") == down
        assert turns.outcomes() == {}
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(3)
        assert there.keys == [f"a{i}/1" for i in range(5)]
        assert turns.value("waiting_alerts") == turns.value("oldest_waiting_seconds") == 0
    assert outbox.dead() == []


def test_five_hundred_is_tried_again_until_it_is_a_yes(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2"))
    with receiving(500, 503, 200) as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(10, seconds=2)
        assert there.keys == ["a1/1", "a1/1", "a1/1", "a2/1"]
        assert turns.outcomes() == {"delivered": 2}
        assert [turns.value("attempts_total", answer=answer) for answer in ANSWERS] == [2, 0, 0, 2]
        assert turns.value("failures_in_a_row") == 0


def test_retry_after_is_waited_for(outbox: Outbox) -> None:
    outbox.append(told("a1"))
    with receiving((429, {"Retry-After": "120"})) as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(120, seconds=1)  # the first of them opens the partition, the second attempts
        assert len(there.requests) == 1
        turns.turn(3, seconds=1)
        assert len(there.requests) == 2
        assert turns.outcomes() == {"delivered": 1}


def test_a_retry_after_of_years_is_cut_to_an_hour(outbox: Outbox) -> None:
    outbox.append(told("a1"))
    with receiving((503, {"Retry-After": "999999999999"})) as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        outbox.clock.move(3599)
        turns.turn(seconds=2)
        assert len(there.requests) == 1
        turns.turn()
        assert len(there.requests) == 2


def test_what_is_refused_goes_to_dead_letters_with_its_reason_and_the_line_moves_on(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2"), told("a3"))
    with receiving(200, 400, 200) as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert there.keys == ["a1/1", "a2/1", "a3/1"]
        assert turns.outcomes() == {"delivered": 2, "refused": 1}
    assert outbox.dead_keys() == ["a2/1"]
    headers = {name: value.decode() for name, value in outbox.dead()[0].headers}
    assert headers["reason"] == "refused"
    assert headers["destination"] == "desk"
    assert headers["sentence"] == f"destination desk: http://127.0.0.1:{there.server_port}/... answered 400"


def test_an_alert_that_waited_past_the_deadline_goes_to_dead_letters_after_one_last_attempt(outbox: Outbox) -> None:
    settings = DeliverSettings(deadline=HOUR)
    outbox.append(told("a1"))
    with receiving() as there:
        there.otherwise = 503
        with turning(outbox, webhook(there.url), settings) as turns:
            turns.turn(361, seconds=10)
            assert outbox.dead() == []
            outbox.append(told("a2"))
            turns.turn(7, seconds=10)
            assert outbox.dead_keys() == ["a1/1"]
            assert turns.outcomes() == {"expired": 1}
            there.otherwise = 200
            turns.turn(7, seconds=10)
            assert turns.outcomes() == {"expired": 1, "delivered": 1}


def test_after_days_of_standing_still_every_alert_is_tried_before_it_is_given_up(outbox: Outbox) -> None:
    with receiving() as there:
        outbox.append(told("a0"))
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        outbox.append(told("a1"), told("a2"))
        outbox.clock.move(3 * 86_400)
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            assert turns.outcomes() == {"delivered": 2}


@pytest.mark.parametrize("bad", [receiver.garbage, receiver.torn, receiver.silence])
def test_an_answer_that_is_none_means_the_same_key_again(outbox: Outbox, bad: receiver.Answer) -> None:
    outbox.append(told("a1"))
    with receiving(bad) as there, turning(outbox, webhook(there.url, timeout_s=0.3)) as turns:
        turns.turn(3, seconds=2)
        assert there.keys == ["a1/1", "a1/1"]
        assert there.requests[0].body == there.requests[1].body
        assert turns.outcomes() == {"delivered": 1}


def test_a_step_comes_back_soon_though_each_alert_takes_long(outbox: Outbox) -> None:
    """With a receiver that hangs, one step makes one attempt: its loop can stop or poll after it."""
    outbox.append(*(told(f"a{i}") for i in range(5)))
    with receiving() as there, turning(outbox, webhook(there.url, timeout_s=0.2)) as turns:
        there.otherwise = receiver.silence
        turns.turn(2)
        assert len(there.requests) == 1


def test_a_step_ends_though_slow_deliveries_succeed(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}") for i in range(5)))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        there.otherwise = receiver.slow_yes
        turns.turn(2)
        assert 1 <= len(there.requests) <= 2  # each takes 0.6 seconds, and none begins after one second
        assert turns.outcomes() == {"delivered": len(there.requests)}


def test_historical_alerts_are_passed_over_and_counted_until_they_are_caught_up_with(outbox: Outbox) -> None:
    caught_up = told("a1", 2, change="caught_up")
    outbox.append(told("a1", historical=True), told("a0", historical=True), caught_up)
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            assert turns.outcomes() == {"historical": 2, "delivered": 1}
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            assert turns.outcomes() == {}
    assert there.keys == ["a1/2"]


def test_an_alert_that_joined_an_incident_is_counted_and_not_delivered(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2", incident="a1", joined=True))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert turns.outcomes() == {"joined": 1, "delivered": 1}
    assert there.keys == ["a1/1"]


@pytest.mark.parametrize("value", [b'{"id": 5}', b'{"id": "a\xff"}', b'{"x": ' + b"[" * 100_000])
def test_a_record_that_is_no_alert_goes_to_dead_letters_in_its_turn(outbox: Outbox, value: bytes) -> None:
    outbox.append(told("a1"), Message(ALERTS.log, value, key=b"bad"), told("a2"))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert there.keys == ["a1/1", "a2/1"]
        assert turns.outcomes() == {"delivered": 2, "undecodable": 1}
    assert [record.value for record in outbox.dead()] == [value]


def test_a_full_line_pauses_reading_and_goes_on_when_half_of_it_is_gone(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}") for i in range(100)))
    with receiving() as there, turning(outbox, webhook(there.url), DeliverSettings(waiting=30)) as turns:
        there.otherwise = 503
        turns.turn(20, seconds=1)
        assert turns.value("waiting_alerts") == 40  # polls of 20: the second one fills it
        there.otherwise = 200
        turns.turn(80, seconds=1)
        assert turns.outcomes() == {"delivered": 100}
        delivered = there.keys[-100:]
    assert delivered == [f"a{i}/1" for i in range(100)]


def test_a_new_destination_gets_what_is_younger_than_the_deadline_and_counts_the_rest(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2"))
    outbox.clock.move(86_400)
    outbox.append(told("a3"))
    outbox.clock.move(60)
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert there.keys == ["a3/1"]
        assert turns.outcomes() == {"stale": 2, "delivered": 1}


def test_a_new_destination_that_was_away_from_the_start_loses_nothing_by_a_restart(outbox: Outbox) -> None:
    """What is stale was settled when it first began; what waited since is not stale a day later."""
    outbox.append(told("a1"), told("a2"))
    with receiving(503) as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        outbox.clock.move(86_400 + 60)
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            assert turns.outcomes() == {"delivered": 2}
    assert there.keys == ["a1/1", "a1/1", "a2/1"]


def test_two_destinations_do_not_wait_for_each_other(outbox: Outbox) -> None:
    outbox.append(told("a1"))
    with receiver.nobody() as port, turning(outbox, webhook(f"http://127.0.0.1:{port}")) as away:
        away.turn(2)
        with turning(outbox, Log("own-log")) as turns:
            turns.turn(2)
            assert turns.outcomes() == {"delivered": 1}
        assert away.outcomes() == {}


def steps_of(turns: Turning, *events: Opened | Batch | Skipped | Closed) -> list[Step]:
    return list(turns.box.step(events, Clock().now))


def opened(offset: int) -> Opened:
    return Opened(PLACE, "L1", 1, Position(offset), 0, 100)


def batch(start: int, *names: str, following: int | None = None) -> Batch:
    messages = [alert_message(told(name)) for name in names]
    records = tuple(Record(start + i, Clock().now, message.key, message.value) for i, message in enumerate(messages))
    return Batch(PLACE, start, following or start + len(records), 100, records)


def test_positions_that_are_gone_are_counted_and_passed(outbox: Outbox) -> None:
    with turning(outbox, Log("desk")) as turns:
        steps = steps_of(turns, opened(0), Skipped(PLACE, 0, 7, "L1", 1))
        assert [step.commits for step in steps] == [{PLACE: Position(7, "0")}]
        assert turns.value("skipped_records_total") == 7


def test_a_partition_that_went_to_another_reader_is_forgotten(outbox: Outbox) -> None:
    with receiver.nobody() as port, turning(outbox, webhook(f"http://127.0.0.1:{port}")) as turns:
        steps_of(turns, opened(0), batch(0, "a1", "a2"))
        assert turns.value("waiting_alerts") == 2
        assert steps_of(turns, Closed(PLACE)) == []
        assert turns.value("waiting_alerts") == 0
        steps_of(turns, opened(0), batch(0, "a1", "a2"))
        assert turns.value("waiting_alerts") == 2
        assert turns.outcomes() == {}


def test_what_waits_from_a_log_that_was_made_again_is_delivered_but_not_committed(outbox: Outbox) -> None:
    with receiving(503) as there, turning(outbox, webhook(there.url)) as turns:
        steps_of(turns, opened(50), batch(50, "a1", "a2"))
        remade = Skipped(PLACE, 52, 0, "L2", 1, remade=True)
        later = Clock().now + HOUR
        steps = list(turns.box.step([remade, batch(0, "a3", following=4)], later))
        assert there.keys == ["a1/1", "a1/1", "a2/1", "a3/1"]
        assert [dict(step.commits) for step in steps if step.commits] == [
            {PLACE: Position(0, "0")},
            {PLACE: Position(4, "0")},
        ]


def test_every_child_of_the_metrics_exists_at_the_start(outbox: Outbox) -> None:
    with turning(outbox, Log("desk")) as turns:
        names = [("alerts_total", {"outcome": outcome}) for outcome in OUTCOMES]
        names += [("attempts_total", {"answer": answer}) for answer in ANSWERS]
        names += [(name, {}) for name in ("skipped_records_total", "since_opened_seconds_count")]
        names += [(name, {}) for name in ("waiting_alerts", "oldest_waiting_seconds", "failures_in_a_row")]
        values = [
            turns.registry.get_sample_value(f"bellwether_deliver_{name}", {"destination": "desk", **labels})
            for name, labels in names
        ]
        assert values == [0] * len(names)


def test_the_time_since_opening_is_measured_for_first_revisions(outbox: Outbox) -> None:
    with turning(outbox, Log("desk")) as turns:
        outbox.append(told("a1"), told("a1", 2))
        outbox.clock.move(4)
        turns.turn(2)
        assert turns.value("since_opened_seconds_count") == 1
        assert turns.value("since_opened_seconds_sum") == 5
        assert turns.value("since_appended_seconds_count") == 2
        assert turns.value("since_appended_seconds_sum") == 8


def test_the_box_asks_for_no_ends() -> None:
    assert Deliver.wants_ends is False
