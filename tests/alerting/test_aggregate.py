"""The aggregate box over real logs: checkpoints, taking over, and what a lost or foreign log means."""

import os
from datetime import timedelta

import pytest
from msgspec.structs import replace

from alerting.aggregate import CHECKPOINT_EVERY
from alerting.alerts import ALERTS, decode_alert
from alerting.audit import AUDIT, entries, verify
from alerting.checkpoints import CHECKPOINTS, Checkpoints, forgetting
from alerting.counting.windows import WINDOWS, WindowSettings
from alerting.state import AggregateSettings
from classifier.packing import encode_range
from classifier.scores import SCORES, ScoreRange
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, HOUR, MINUTE, moment
from ingest.logs import Kept, LogUnfit, Message, Record
from tests.alerting.active import SETTINGS, Active, windows, write
from tests.alerting.made import START, crisis, ordinary, score_range, scored
from tests.publishing import publish

LATER = START + 12 * DAY


def in_ranges(documents, size: int = 25):
    return [score_range(documents[i : i + size]) for i in range(0, len(documents), size)]


def test_another_aggregator_goes_on_where_the_checkpoint_ends_and_finds_the_same(logs, clock):
    before = ordinary(12)
    story = before + crisis(len(before), START + 12 * DAY)
    ranges = in_ranges(story)
    half = len(ranges) // 2
    write(logs, *ranges[:half])
    first = Active(logs, clock)
    first.turn(2)
    clock.now += CHECKPOINT_EVERY
    first.turn()
    first.leave()
    write(logs, *ranges[half:], score_range([], start=len(story), next=len(story), final=True))
    second = Active(logs, clock, "b")
    second.turn(3)
    assert first.positions == [0]
    assert second.positions == [half]
    assert second.box.finished
    assert sum(windows(logs).values()) == len(story)
    alerts = [decode_alert(record.value) for record in logs.scan(ALERTS.log) if record.value]
    assert alerts[0].change == "opened"
    assert len({alert.key for alert in alerts}) == len(alerts)


def test_a_crash_before_the_checkpoint_publishes_the_same_again_and_nothing_else(logs, clock):
    before = ordinary(12)
    story = before + crisis(len(before), START + 12 * DAY)
    write(logs, *in_ranges(story))
    crashed = Active(logs, clock)
    crashed.turn(1)  # Opened, and a first checkpoint of nothing
    for event in [crashed.reader.poll(0.05)]:
        for step in crashed.box.step(event, clock.now):
            for message in step.messages:
                crashed.writer.publish(message)
            crashed.writer.flush()
            break  # windows and alerts are out, the process dies
    crashed.leave()
    published = windows(logs)
    alerts = [record.value for record in logs.scan(ALERTS.log)]
    assert published
    assert alerts
    again = Active(logs, clock, "b")
    again.turn(2)
    assert windows(logs) == published
    assert [record.value for record in logs.scan(ALERTS.log)] == alerts + alerts


def test_each_revision_of_an_alert_is_in_the_audit_once_though_a_crash_finds_it_twice(logs, clock):
    before = ordinary(12)
    events = crisis(len(before), START + 12 * DAY)
    after = ordinary(1, first=len(before) + len(events), start=START + 12 * DAY + HOUR)
    story = before + events + after
    write(logs, *in_ranges(story), score_range([], start=len(story), next=len(story), final=True))
    crashed = Active(logs, clock)
    crashed.turn(1)
    for step in crashed.box.step(crashed.reader.poll(0.05), clock.now):
        last = [n for n, message in enumerate(step.messages) if message.log == ALERTS.log][-1]
        for message in step.messages[: last + 1]:  # the last alert comes through, its entry does not, the process dies
            crashed.writer.publish(message)
        crashed.writer.flush()
        break
    crashed.leave()
    assert list(logs.scan(AUDIT.log))
    again = Active(logs, clock, "b")
    again.turn(3)
    told = [decode_alert(record.value) for record in logs.scan(ALERTS.log) if record.value]
    written = list(entries(logs.scan(AUDIT.log)))
    assert len(told) > len({alert.key for alert in told})
    assert sorted(entry.about for entry in written) == sorted({alert.key for alert in told})
    assert {entry.details["change"] for entry in written} >= {"opened", "closed"}
    verdict = verify(logs.scan(AUDIT.log))
    assert (verdict.writers, verdict.faults) == (2, ())


def test_scores_lost_to_a_log_made_again_are_said_and_the_way_goes_on(logs, clock, tmp_path):
    documents = ordinary(2)
    write(logs, *in_ranges(documents[:100]))
    active = Active(logs, clock)
    active.turn(2)
    clock.now += CHECKPOINT_EVERY
    active.turn()
    active.leave()
    kept = list(logs.scan(CHECKPOINTS.log))
    other = EmbeddedLogs(tmp_path / "other.sqlite", clock)
    other.ensure([SCORES, WINDOWS, ALERTS, CHECKPOINTS, AUDIT])
    writer = other.writer()
    for record in kept:
        writer.publish(Message(CHECKPOINTS.log, record.value, key=record.key))
    writer.flush()
    write(other, *in_ranges(documents[150:200]))
    later = Active(other, clock, "b")
    later.turn(2)
    assert later.metric("bellwether_aggregate_ranges_total", verdict="gap") == 1
    assert later.metric("bellwether_aggregate_positions_lost_total") == 50
    assert later.metric("bellwether_aggregate_ranges_total", verdict="ahead") == 0


@pytest.mark.parametrize("spoilt", [b"{}", "a name"])
def test_what_is_no_range_of_scores_stops_with_a_sentence(logs, clock, spoilt):
    value = encode_range(score_range([scored(0, START)]))
    publish(logs, Message(SCORES.log, value.replace(b"news", b"new\xff", 1) if spoilt == "a name" else spoilt))
    with pytest.raises(LogUnfit, match=r"Record 0 of bellwether\.scores is not a range"):
        Active(logs, clock).turn(2)


def test_an_incomplete_checkpoint_does_not_count_and_an_older_epoch_never_wins(logs):
    first = Checkpoints("a", [])
    publish(logs, *first.messages(b"one"))
    second = Checkpoints("b", logs.scan(CHECKPOINTS.log))
    assert (second.epoch, second.newest) == (2, b"one")
    large = bytes(range(256)) * 40 + os.urandom(1_200_000)
    parts = second.messages(large)
    assert len(parts) > 2
    publish(logs, *parts[:-1])
    assert Checkpoints("c", logs.scan(CHECKPOINTS.log)).newest == b"one"
    publish(logs, *parts[-1:])
    publish(logs, *second.removals())
    publish(logs, *first.messages(b"a zombie's"))
    assert Checkpoints("c", logs.scan(CHECKPOINTS.log)).newest == large


def test_a_checkpoint_of_an_unknown_format_stops_with_a_sentence(logs):
    messages = Checkpoints("a", []).messages(b"x")
    writer = logs.writer()
    value = messages[0].value
    assert value is not None
    writer.publish(Message(CHECKPOINTS.log, b"\x97\x02" + value[2:], key=messages[0].key))
    writer.flush()
    with pytest.raises(LogUnfit, match="format 2, this version reads 1"):
        Checkpoints("b", logs.scan(CHECKPOINTS.log))


def test_a_checkpoint_that_cannot_be_read_stops_with_a_sentence(logs, clock):
    (message,) = Checkpoints("owner", []).messages(b"x")
    spoilt = Record(0, 0, message.key, message.value.replace(b"owner", b"own\xffr"))
    with pytest.raises(LogUnfit, match=r"A record of bellwether\.checkpoints is not a checkpoint"):
        Checkpoints("b", [spoilt])
    publish(logs, *Checkpoints("a", []).messages(b"\x81\xa1\xff"))
    with pytest.raises(LogUnfit, match=r"The newest checkpoint in bellwether\.checkpoints cannot be read"):
        Active(logs, clock).turn()


def years_ahead(first: int) -> list[ScoreRange]:
    """What a host writes whose clock is five years ahead: it has read to the end, and one text is dated by the same clock."""
    ahead = LATER + 5 * 365 * DAY
    return [
        score_range([], start=first, next=first, end=first, read_at=ahead, classified_at=ahead),
        score_range([scored(first, ahead)], end=first + 1, read_at=ahead, classified_at=ahead),
    ]


def written(scores: ScoreRange, at: int) -> Message:
    """Taken by the log at instant `at`."""
    return Message(SCORES.log, encode_range(scores), created_at=at)


@pytest.mark.parametrize("settings", [SETTINGS, AggregateSettings(inputs=("news",))])
def test_a_host_whose_clock_is_years_ahead_moves_nobody_elses_time(logs, clock, settings):
    before = ordinary(12)
    events = [replace(each, offset=each.offset + 1) for each in crisis(len(before), LATER)]
    ranges = [replace(each, read_at=LATER) for each in in_ranges(before)]
    active = Active(logs, clock, settings=settings)
    publish(logs, *(written(each, LATER) for each in (*ranges, *years_ahead(len(before)))))
    publish(logs, *(written(replace(score_range([d]), read_at=d.event_at), d.event_at) for d in events))
    active.turn(2)
    state, last = active.box._active.keeper.state, events[-1].event_at
    assert LATER < state.bins.closed_to <= last
    assert (state.clock, state.heard_at) == (last, LATER)
    assert state.newest.event_at == last
    alerts = [decode_alert(record.value) for record in logs.scan(ALERTS.log) if record.value]
    assert alerts[0].change == "opened"
    assert alerts[0].opened_at <= moment(LATER + 30 * MINUTE)
    assert not alerts[0].historical


def test_without_a_stamp_what_a_range_tells_of_time_is_all_there_is(logs, clock):
    publish(logs, *(written(replace(each, read_at=LATER), 0) for each in in_ranges(ordinary(1))))
    publish(logs, written(score_range([], start=144, next=144, end=144, read_at=LATER + HOUR), 0))
    active = Active(logs, clock)
    active.turn(2)
    state = active.box._active.keeper.state
    assert state.clock == LATER + HOUR
    assert state.bins.closed_to > LATER


def test_another_width_of_windows_than_the_checkpoint_has_stops_with_a_sentence(logs, clock):
    write(logs, *in_ranges(ordinary(1)))
    first = Active(logs, clock)
    first.turn(2)
    clock.now += CHECKPOINT_EVERY
    first.turn()
    first.leave()
    wider = AggregateSettings(inputs=("news",), windows=WindowSettings(bin=timedelta(minutes=5), early=False))
    refused = Active(logs, clock, "b", wider)
    with pytest.raises(LogUnfit) as unfit:
        refused.turn()
    refused.leave()
    assert str(unfit.value) == (
        "The newest checkpoint in bellwether.checkpoints counts in windows of 60 seconds, `windows.bin` is 300: "
        "set it back, or start anew from the scores that are kept: `bellwether init --forget-checkpoints`"
    )
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))
    anew = Active(logs, clock, "c", wider)
    anew.turn(3)
    assert anew.positions == [0]


def test_what_was_replaced_or_taken_back_need_not_be_readable():
    (message,) = Checkpoints("a", []).messages(b"x")
    unreadable = Record(0, 0, message.key, b"\x97\x02\x01")
    taken_back = [Record(1, 0, each.key, each.value) for each in forgetting([unreadable])]
    assert [record.value for record in taken_back] == [None]
    assert Checkpoints("b", [unreadable, *taken_back]).newest is None
    assert Checkpoints("b", [unreadable, Record(1, 0, message.key, message.value)]).newest == b"x"


def test_the_windows_log_is_kept_compacted_and_the_alerts_log_whole():
    assert [(kept.log, kept.cleanup) for kept in (WINDOWS, ALERTS, CHECKPOINTS)] == [
        ("bellwether.windows", "compact,delete"),
        ("bellwether.alerts", "delete"),
        ("bellwether.checkpoints", "compact"),
    ]
    assert isinstance(SCORES, Kept)
    assert SCORES.partitions == 1


def test_without_a_checkpoint_it_goes_on_from_the_scores_that_are_kept(logs, clock):
    write(logs, *in_ranges(ordinary(2)[50:], 25))
    active = Active(logs, clock)
    active.turn(2)
    assert active.metric("bellwether_aggregate_ranges_total", verdict="ahead") == 0
