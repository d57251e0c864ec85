"""One run with everything beside it: documents, `bellwether run`, Prometheus, Alertmanager, and two who listen."""

from collections.abc import Iterator
from typing import Any

import pytest

from bellwether.clock import now
from tests.alerting.destinations.receiver import Receiver, receiving
from tests.e2e.crisis import Market
from tests.e2e.listener import Listener, listening
from tests.monitors import Alertmanager, Prometheus
from tests.promises.service import Deployment, publish
from tests.servers import runner
from tests.waiting import until

SETTINGS = """
[[input]]
kafka_topic = "news"

[canary]
every = "2s"

[[destination]]
name = "desk"
type = "webhook"
url = "{desk}"
secret = "a secret of the test"

[http]
port = {port}

[logging]
format = "json"
"""


class Place:
    """All of it, on free ports of this machine. `desk` takes alerts from us; `listener` hears what Alertmanager says."""

    def __init__(self, deployment: Deployment, port: int, desk: Receiver, listener: Listener) -> None:
        self.deployment, self.desk, self.listener = deployment, desk, listener
        self.market = Market()
        heard = f"http://127.0.0.1:{listener.server_port}"
        ours = f"http://127.0.0.1:{port}/alertmanager"
        addresses = {
            "http://bellwether:8700/alertmanager": [ours, f"{heard}/alerts"],
            "http://dead-mans-switch.example/bellwether": [f"{heard}/watchdog"],
            "http://outside.example/bellwether": [f"{heard}/outside"],
        }
        self.alertmanager = Alertmanager(deployment.folder / "alertmanager", addresses)
        self.prometheus = Prometheus(deployment.folder / "prometheus", port, self.alertmanager.port)

    def start(self) -> None:
        logs = self.deployment.logs()
        publish(logs, "news", self.market.quiet(now()))
        logs.close()
        self.deployment.start_whole("run")
        self.alertmanager.start()
        self.prometheus.start()
        until(lambda: self.value("bellwether_topic_baseline_ready{topic='liquidity_run'}") == 1, 90)
        until(lambda: self.value("bellwether_loop_behind_records{loop='classify'}") == 0, 30)

    def strike(self) -> None:
        """The bank run, and a record that cannot be read."""
        logs = self.deployment.logs()
        publish(logs, "news", [*self.market.bank_run(now()), {"id": "broken"}])
        logs.close()

    def restart_run(self) -> None:
        """End `bellwether run` as a service manager does, and start it on the same logs."""
        process = self.deployment.running[-1]
        process.terminate()
        assert process.wait(15) == 0
        self.deployment.start_whole("run")

    def notifications(self, path: str = "/alerts") -> list[dict[str, Any]]:
        """Bodies of what Alertmanager has sent to the listener."""
        return list(self.listener.heard[path])

    def value(self, expression: str) -> float:
        """Of the first series found; 0 where there is none."""
        found = self.prometheus.query(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def end(self) -> None:
        self.prometheus.stop()
        self.alertmanager.stop()
        self.deployment.end()


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Struck by a crisis, which everybody has been told of."""
    folder = tmp_path_factory.mktemp("place")
    (port,) = runner.free_ports(1)
    with receiving() as desk, listening() as listener:
        deployment = Deployment(folder, SETTINGS.format(desk=desk.url, port=port))
        done = deployment.command("init")
        assert done.returncode == 0, done.stderr
        place = Place(deployment, port, desk, listener)
        try:
            place.start()
            place.strike()
            until(lambda: desk.requests, 30)
            until(lambda: place.value("bellwether_receiver_alerts_total{becomes='alert'}"), 30)
            yield place
        finally:
            place.end()
