"""`bellwether run` on the embedded log is killed while an alert is open and its page under way, and started again.

The third start is told a time that is half a day later, so that the alert's end comes within the test.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerting.alerts import ALERTS, decode_alert
from bellwether.clock import now
from bellwether.opening import open_logs
from bellwether.settings import read_settings
from ingest.instants import HOUR, rfc3339
from ingest.logs import Kept
from tests.alerting.destinations.receiver import Receiver, receiving, silence
from tests.promises.service import publish
from tests.waiting import until

EARLIER = 13 * HOUR  # a flash is over 12 hours after its last severe text
SETTINGS = """
[[input]]
kafka_topic = "news"

[sources]
tier_1 = ["wire"]

[watch]
file = "names.toml"

[[destination]]
name = "desk"
type = "webhook"
url = "{desk}"
secret = "a secret of the test"

[http]
port = 0

[logging]
format = "json"
"""
SEVERE = "Bank run at Harbour Union Bank: panic as customers lose their savings and branches close"
WITH_ANOTHER_CLOCK = """
import sys
import bellwether.clock
earlier = int(sys.argv.pop(1))
real = bellwether.clock.now
bellwether.clock.now = lambda: real() - earlier
from bellwether.cli import main
main()
"""


class Daemon:
    """`bellwether run` in a folder, `earlier` microseconds before now."""

    def __init__(self, folder: Path, earlier: int) -> None:
        self._said = folder / f"run-{len(list(folder.glob('run-*')))}.log"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", WITH_ANOTHER_CLOCK, str(earlier), "--config", str(folder / "bellwether.toml"), "run"],
                stdout=said, stderr=said, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        try:
            until(lambda: '"running"' in self._said.read_text("utf-8"), 90, self.tail)
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()  # SIGKILL
        self.process.wait(10)

    def tail(self) -> str:
        return self._said.read_text("utf-8")[-2000:]

    def alerts(self) -> list[dict[str, Any]]:
        return self._console("alerts")

    def incident(self) -> dict[str, Any]:
        (found,) = self._console("incidents")
        return found

    def acknowledge(self, incident: str) -> None:
        answer = self._ask("POST", f"incidents/{incident}/acts", json={"act": "acknowledge"})
        assert answer.status_code < 300, answer.text

    def _console(self, what: str) -> list[dict[str, Any]]:
        answer = self._ask("GET", what)
        return answer.json() if answer.status_code == 200 else []

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        served = [json.loads(line) for line in self._said.read_text("utf-8").splitlines() if "pages served" in line]
        with httpx.Client(trust_env=False, timeout=20) as client:
            return client.request(method, f"http://127.0.0.1:{served[0]['port']}/api/{path}", **more)


@pytest.fixture
def desk() -> Iterator[Receiver]:
    """Takes the first request and never answers it."""
    with receiving(silence) as receiver:
        yield receiver


@pytest.fixture
def folder(tmp_path: Path, desk: Receiver) -> Path:
    (tmp_path / "bellwether.toml").write_text(SETTINGS.format(desk=desk.url))
    (tmp_path / "names.toml").write_text('[[name]]\nname = "Harbour Union Bank"\n')
    return tmp_path


def tell(folder: Path) -> None:
    """Publish one text that is enough for an alert, as of `EARLIER`."""
    logs = open_logs(read_settings(folder / "bellwether.toml"), lambda: now() - EARLIER)
    logs.ensure([Kept("news", partitions=1)])
    text = {"id": "d1", "source": "wire", "published_at": rfc3339(now() - EARLIER), "text": SEVERE}
    publish(logs, "news", [text | {"entities": ["Harbour Union Bank"]}])
    logs.close()


def changes(folder: Path) -> list[str]:
    """Of all revisions in the log of alerts. One that is written again, for want of a checkpoint, is the same to the byte."""
    logs = open_logs(read_settings(folder / "bellwether.toml"), now)
    written: dict[bytes | None, set[bytes]] = {}
    for record in logs.scan(ALERTS.log):
        written.setdefault(record.key, set()).add(record.value or b"")
    logs.close()
    assert [len(values) for values in written.values()] == [1] * len(written)
    return [decode_alert(value).change for values in written.values() for value in values]


def acknowledged_by(incident: dict[str, Any]) -> str:
    taken = incident["case"]["acknowledged"]
    return taken["who"] if taken else ""


@pytest.mark.timeout(400)
def test_killed_in_the_midst_of_a_page_it_pages_once_closes_the_alert_and_keeps_the_case(
    folder: Path, desk: Receiver
) -> None:
    daemons = []
    try:
        tell(folder)
        daemons.append(first := Daemon(folder, EARLIER))
        until(lambda: desk.requests, 60, first.tail)  # the page is under way: nobody has said yes
        until(first.alerts, 20)
        first.acknowledge(first.incident()["id"])
        assert first.alerts()[0]["alert"]["state"] == "open"
        first.kill()

        daemons.append(second := Daemon(folder, EARLIER))
        until(lambda: desk.taken, 60, second.tail)
        until(second.alerts, 20)
        assert second.alerts()[0]["alert"]["state"] == "open"
        assert acknowledged_by(second.incident()) == "local"
        second.kill()
        assert changes(folder) == ["opened"]

        daemons.append(third := Daemon(folder, 0))
        until(lambda: len(desk.taken) == 2, 60, third.tail)  # the alert's end
        until(lambda: [each["alert"]["state"] for each in third.alerts()] == ["closed"], 20)
        assert acknowledged_by(third.incident()) == "local"
    finally:
        for daemon in daemons:
            daemon.kill()
    assert changes(folder) == ["opened", "closed"]
    told = [json.loads(request.body)["alert"]["change"] for request in desk.requests]
    assert told[-1] == "closed"
    assert set(told[:-1]) == {"opened"}
    assert len({request.key for request in desk.requests if b'"opened"' in request.body}) == 1
    assert [count for count in Counter(desk.taken).values() if count > 1] == []
