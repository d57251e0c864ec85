from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from msgspec import MsgspecError

from alerting.alerts import Subject
from alerting.cases import FEEDBACK, LOOK_EVERY, Cases, Entry, Followed, decode_entry, entry_message
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, HOUR, MINUTE, moment
from ingest.logs import Message
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Clock
from tests.broker.keepers import Embedded
from tests.publishing import publish


def said(act: str, at: int = OPENED, **changes: object) -> Entry:
    values: dict[str, object] = {"at": moment(at), "who": "ann", "alert": "a1", "incident": "a1", "act": act} | changes
    return Entry(**values)  # type: ignore[arg-type]


def folded(*entries: Entry) -> Cases:
    cases = Cases()
    for entry in entries:
        cases.add(entry)
    return cases


@given(st.text(), st.sampled_from(["comment", "wrong_topic", "mute"]))
def test_what_was_said_comes_back_as_it_was(text: str, act: str) -> None:
    entry = said(act, text=text, until=moment(OPENED + HOUR), topic="fx", sentiment="neutral", subject="topic/fx")
    assert decode_entry(entry_message(entry).value or b"") == entry


def test_an_act_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MsgspecError):
        decode_entry(b'{"at":"2026-03-01T09:30:00Z","who":"ann","alert":"a","incident":"a","act":"explode"}')


def test_a_case_that_nobody_touched_is_new() -> None:
    assert folded().of("a1").stands == "new"
    assert folded(said("comment", text="looking")).of("a1").stands == "new"


def test_a_case_is_taken_up_closed_and_opened_again() -> None:
    entries = [said("acknowledge"), said("comment"), said("close", who="bo"), said("reopen")]
    assert [folded(*entries[: n + 1]).of("a1").stands for n in range(4)] == [
        "acknowledged",
        "acknowledged",
        "closed",
        "new",
    ]
    case = folded(*entries).of("a1")
    assert [entry.act for entry in case.entries] == ["acknowledge", "comment", "close", "reopen"]


def test_whoever_judges_or_assigns_has_taken_it_up_and_the_first_one_counts() -> None:
    case = folded(said("assign", text="bo"), said("acknowledge", who="cy")).of("a1")
    assert case.assignee == "bo"
    assert case.acknowledged is not None
    assert case.acknowledged.who == "ann"
    assert folded(said("dismiss")).of("a1").stands == "acknowledged"


def test_the_last_verdict_on_an_alert_counts() -> None:
    cases = folded(said("confirm"), said("dismiss"), said("confirm", alert="a2"), said("comment"))
    verdict = cases.verdict("a1")
    assert verdict is not None
    assert verdict.act == "dismiss"
    assert sorted((entry.alert, entry.act) for entry in cases.verdicts()) == [("a1", "dismiss"), ("a2", "confirm")]


def test_a_muted_incident_is_silent_until_the_instant_and_no_longer() -> None:
    mute = said("mute", until=moment(OPENED + HOUR), text="known")
    cases = folded(mute)
    assert cases.muted(told("a1"), OPENED - 1) is None
    assert cases.muted(told("a1"), OPENED) == mute
    assert cases.muted(told("a1"), OPENED + HOUR - 1) == mute
    assert cases.muted(told("a1"), OPENED + HOUR) is None


def test_a_muted_incident_silences_no_other() -> None:
    cases = folded(said("mute"))
    assert cases.muted(told("a2"), OPENED) is None
    assert cases.muted(told("a2", incident="a1"), OPENED) is not None


def test_a_muted_subject_is_silent_in_every_incident() -> None:
    cases = folded(said("mute", subject="topic/liquidity_run"))
    assert cases.muted(told("a7"), OPENED) is not None
    assert cases.muted(told("a1", subject=Subject("topic", "fx")), OPENED) is None
    assert cases.muted(told("a1", subject=Subject("entity", "liquidity_run")), OPENED) is None


def test_a_mute_is_taken_back() -> None:
    assert folded(said("mute"), said("unmute")).muted(told(), OPENED) is None
    both = folded(said("mute"), said("mute", subject="topic/liquidity_run"), said("unmute"))
    assert both.muted(told(), OPENED) is not None


@pytest.fixture
def logs(tmp_path: Path) -> EmbeddedLogs:
    logs = EmbeddedLogs(tmp_path / "log.sqlite", Clock())
    logs.ensure([FEEDBACK])
    return logs


def test_cases_keep_up_with_the_log_and_do_not_ask_it_every_time(logs: EmbeddedLogs) -> None:
    followed = Followed(logs)
    publish(logs, entry_message(said("acknowledge")))
    assert followed.look(OPENED).of("a1").stands == "acknowledged"
    publish(logs, entry_message(said("close")))
    assert followed.look(OPENED + LOOK_EVERY - 1).of("a1").stands == "acknowledged"
    assert followed.look(OPENED + MINUTE).of("a1").stands == "closed"
    assert len(followed.look(OPENED + 2 * MINUTE).of("a1").entries) == 2


def test_a_clock_that_was_set_back_keeps_nothing_that_was_said_unheard(logs: EmbeddedLogs) -> None:
    followed = Followed(logs)
    followed.look(OPENED + DAY)
    publish(logs, entry_message(said("mute")))
    assert followed.look(OPENED + HOUR).muted(told(), OPENED + HOUR) is not None


@pytest.mark.parametrize("entries", [0, 1, 2, 3])
def test_a_log_that_was_made_anew_is_read_from_its_start(logs: EmbeddedLogs, tmp_path: Path, entries: int) -> None:
    publish(logs, entry_message(said("comment")), entry_message(said("mute", subject="topic/fx")))
    followed = Followed(logs)
    followed.look(OPENED)
    Embedded(tmp_path / "log.sqlite").remake(FEEDBACK.log)
    publish(logs, *[entry_message(said("mute", who="bo"))] * entries)
    cases = followed.look(OPENED + MINUTE)
    assert len(cases.of("a1").entries) == entries
    assert cases.muted(told("a7", subject=Subject("topic", "fx")), OPENED) is None
    assert (cases.muted(told(), OPENED) is not None) == (entries > 0)
    publish(logs, entry_message(said("unmute")))
    assert followed.look(OPENED + HOUR).muted(told(), OPENED + HOUR) is None


def test_what_is_no_entry_is_told_and_passed_over(logs: EmbeddedLogs) -> None:
    unreadable = [b"{}", None, b'{"at":"\xff"}', b'{"x":' + b"[" * 100_000]
    publish(logs, *(Message(FEEDBACK.log, value) for value in unreadable), entry_message(said("close")))
    with structlog.testing.capture_logs() as heard:
        assert Followed(logs).look(OPENED).of("a1").stands == "closed"
    assert [line["event"] for line in heard] == ["feedback not readable"] * 4


def test_feedback_is_kept_for_two_years() -> None:
    assert timedelta(seconds=FEEDBACK.retention_s or 0) == timedelta(days=730)
