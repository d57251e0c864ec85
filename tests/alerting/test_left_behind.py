"""Alerts that were open when what the aggregator remembers was lost: somebody has to close them."""

from structlog.testing import capture_logs

from alerting.aggregate import CHECKPOINT_EVERY
from alerting.alerts import ALERTS, Alert, alert_message, decode_alert
from alerting.audit import AUDIT, entries
from alerting.checkpoints import CHECKPOINTS, forgetting
from classifier.scores import ScoreRange
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, MINUTE, moment
from ingest.logs import Message
from tests.alerting.active import Active, write
from tests.alerting.made import START, crisis, ordinary, score_range
from tests.alerting.told import told
from tests.publishing import publish

OLDER = 40  # revisions of an alert in the log


def forget(logs: EmbeddedLogs) -> None:
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))


def alerts(logs: EmbeddedLogs) -> list[Alert]:
    return [decode_alert(record.value) for record in logs.scan(ALERTS.log) if record.value and record.key != b"x"]


def live(documents: list, read_at: int) -> list[ScoreRange]:
    """Ranges of 25, the last one read to its end at `read_at`."""
    parts = [documents[i : i + 25] for i in range(0, len(documents), 25)]
    return [score_range(part, read_at=part[-1].event_at, end=part[-1].offset + 2) for part in parts[:-1]] + [
        score_range(parts[-1], read_at=read_at, end=parts[-1][-1].offset + 1)
    ]


def test_without_a_checkpoint_what_the_log_shows_as_open_is_closed_for_whom_was_told(logs, clock) -> None:
    quiet, over, known = told("quiet", historical=True), told("over"), told("known")
    publish(
        logs,
        *map(alert_message, (quiet, over, told("over", 2, state="closed", change="closed"))),
        *map(alert_message, (known, told("known", 2, historical=True))),
        Message(ALERTS.log, b"no alert", key=b"x"),
    )
    write(logs, *live(ordinary(1), START + DAY))
    active = Active(logs, clock)
    with capture_logs() as said:
        active.turn(3)
    closed = {alert.id: alert for alert in alerts(logs)[5:]}
    assert set(closed) == {"quiet", "known"}
    assert (closed["known"].state, closed["known"].change, closed["known"].key) == ("closed", "closed", "known/3")
    assert closed["known"].closed_at == closed["known"].updated_at == max(moment(START + DAY), known.updated_at)
    assert closed["known"].top_documents == known.top_documents
    assert not closed["known"].historical
    assert closed["quiet"].historical
    reasons = [each["why"] for each in said if each["event"] == "alert left behind"]
    assert reasons == ["its detector was lost with the checkpoints"] * 2
    assert {entry.about for entry in entries(logs.scan(AUDIT.log)) if entry.details["change"] == "closed"} == {
        "quiet/2",
        "known/3",
    }
    active.leave()
    forget(logs)
    again = Active(logs, clock, "b")
    again.turn(3)
    assert len(alerts(logs)) == 7  # nothing is left to close


def test_nothing_is_closed_before_all_scores_were_read_and_a_crash_until_then_does_not_forget_it(logs, clock) -> None:
    publish(logs, alert_message(told("a")))
    crashed = Active(logs, clock)
    crashed.turn(1)
    clock.now += CHECKPOINT_EVERY
    crashed.turn(1)
    assert list(logs.scan(CHECKPOINTS.log))
    crashed.leave()
    write(logs, *live(ordinary(1), START + DAY))
    assert len(alerts(logs)) == 1
    Active(logs, clock, "b").turn(3)
    assert [alert.change for alert in alerts(logs)] == ["opened", "closed"]


def test_a_replay_and_who_has_a_checkpoint_leave_the_alerts_of_others_alone(logs, clock) -> None:
    documents = ordinary(1)
    write(logs, *(score_range(documents[i : i + 25]) for i in range(0, 100, 25)))
    publish(logs, alert_message(told("a")))
    active = Active(logs, clock)
    active.turn(3)
    assert len(alerts(logs)) == 1
    forget(logs)
    write(logs, *live(documents[100:], START + DAY))
    active.turn(2)
    assert len(alerts(logs)) == 2
    publish(logs, alert_message(told("b")))
    clock.now += CHECKPOINT_EVERY
    active.turn(1)
    active.leave()
    write(logs, score_range([], start=len(documents), next=len(documents), read_at=START + DAY + MINUTE))
    Active(logs, clock, "b").turn(3)
    assert [alert.id for alert in alerts(logs)] == ["a", "a", "b"]


def test_an_alert_that_is_found_again_stays_open_and_goes_on_under_numbers_of_its_own(logs, clock) -> None:
    before = ordinary(12)
    events = crisis(len(before), START + 12 * DAY)
    after = ordinary(1, first=len(before) + len(events), start=events[-1].event_at + MINUTE)
    write(logs, *live(before + events, events[-1].event_at))
    first = Active(logs, clock)
    first.turn(3)
    opened = alerts(logs)[-1]
    assert opened.state == "open"
    first.leave()
    forget(logs)
    publish(logs, alert_message(told(opened.id, OLDER, subject=opened.subject)))
    again = Active(logs, clock, "b")
    again.turn(3)
    assert "closed" not in {alert.change for alert in alerts(logs)}
    write(logs, *live(after, after[-1].event_at))
    again.turn(2)
    last = alerts(logs)[-1]
    assert (last.key, last.change) == (f"{opened.id}/{OLDER + 1}", "closed")
