"""What the console's box makes of its logs."""

from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from alerting.alerts import ALERTS, alert_message
from alerting.audit import AUDIT, Audit
from alerting.cases import FEEDBACK, Entry, entry_message
from alerting.console.follow import Desk, Follow
from alerting.console.incidents import Deadlines
from alerting.console.metrics import ConsoleMetrics
from alerting.console.reminders import Reminders
from alerting.console.view import SPANS, View
from alerting.counting.windows import WINDOWS
from alerting.notices import NOTICES
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import moment
from ingest.logs import Message
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Clock
from tests.broker.keepers import Embedded
from tests.publishing import publish


class Following:
    """A box with its reader; `turn` is a few turns of its loop."""

    def __init__(self, logs: EmbeddedLogs) -> None:
        self.view, metrics = View(), ConsoleMetrics(CollectorRegistry())
        reminders = Reminders(self.view, Deadlines(), metrics, escalate=False)
        self.box = Follow(self.view, Desk(metrics), reminders, logs, Audit.begin("console-x", logs))
        self.reader = logs.reader("console", list(SPANS))

    def turn(self, times: int = 8) -> None:
        for _ in range(times):
            for step in self.box.step(self.reader.poll(0), OPENED):
                for place, offset in step.seeks.items():
                    self.reader.seek(place, offset)


@pytest.fixture
def logs(tmp_path: Path) -> EmbeddedLogs:
    logs = EmbeddedLogs(tmp_path / "log.sqlite", Clock())
    logs.ensure([ALERTS, WINDOWS, FEEDBACK, NOTICES, AUDIT])
    return logs


def said(act: str, who: str = "ann") -> Message:
    return entry_message(Entry(moment(OPENED), who, "a1", "a1", act))  # type: ignore[arg-type]


@pytest.mark.parametrize("entries", [0, 1, 3])
def test_of_a_log_that_was_made_anew_only_what_it_says_now_is_shown(
    logs: EmbeddedLogs, tmp_path: Path, entries: int
) -> None:
    publish(logs, alert_message(told("a1")), said("mute"), said("comment"))
    following = Following(logs)
    following.turn()
    assert following.view.cases.muted(told("a1"), OPENED) is not None
    Embedded(tmp_path / "log.sqlite").remake(FEEDBACK.log)
    publish(logs, *[said("comment", "bo")] * entries)
    following.turn()
    assert following.view.cases.muted(told("a1"), OPENED) is None
    assert [entry.who for entry in following.view.cases.of("a1").entries] == ["bo"] * entries
    assert following.view.incidents() == ["a1"]
    assert following.view.is_read


BROKEN = b'{"id":"\xff","who":"\xff","writer":"\xff","fingerprint":"\xff","artifact":"\xff"}'


@pytest.mark.parametrize("log", SPANS)
@pytest.mark.parametrize("value", [b'{"nonsense', BROKEN, b'{"x":' + b"[" * 100_000])
def test_what_cannot_be_read_is_told_and_passed_over(logs: EmbeddedLogs, log: str, value: bytes) -> None:
    publish(logs, Message(log, value, b"key"), alert_message(told("a2")), said("close"))
    following = Following(logs)
    with structlog.testing.capture_logs() as heard:
        following.turn()
    assert following.view.incidents() == ["a2"]
    assert following.view.cases.of("a1").stands == "closed"
    assert [(line["event"], line["log"]) for line in heard] == [("record not readable", log)]
