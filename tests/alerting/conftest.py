from pathlib import Path

import pytest

from tests.alerting.turns import Clock, Outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path, Clock())
