from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.alerts import ALERTS
from alerting.audit import AUDIT
from alerting.checkpoints import CHECKPOINTS
from alerting.counting.windows import WINDOWS
from classifier.scores import SCORES
from ingest.embedded.logs import EmbeddedLogs
from tests.alerting.made import START
from tests.alerting.turns import Clock, Outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path, Clock())


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def logs(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedLogs]:
    logs = EmbeddedLogs(tmp_path / "logs.sqlite", clock)
    logs.ensure([SCORES, WINDOWS, ALERTS, CHECKPOINTS, AUDIT])
    yield logs
    logs.close()
