from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.service import Deployment
from tests.servers import Kafka

COMMON = """
[[input]]
kafka_topic = "news"

[windows]
early = false
out_of_orderness = "1s"

[[destination]]
name = "log"
type = "log"

[http]
port = 0
"""


@pytest.fixture
def broker() -> Iterator[Kafka]:
    """A broker of the test's own: the names of the logs are always the same."""
    kafka = Kafka().start()
    yield kafka
    kafka.stop()


class Deployments:
    """Makes deployments, on a broker or without one on an embedded log of their own, and ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Deployment] = []

    def __call__(self, kafka: Kafka | None = None, *, more: str = "", partitions: int = 4) -> Deployment:
        folder = self._folder / f"deployment{len(self._made)}"
        folder.mkdir()
        settings = COMMON + more
        if kafka is not None:
            servers = ", ".join(f'"{server}"' for server in kafka.bootstrap)
            settings += f'\n[kafka]\nbootstrap_servers = [{servers}]\nsession_timeout = "2s"\n'
        deployment = Deployment(folder, settings)
        self._made.append(deployment)
        if kafka is not None:
            deployment.make_log("news", partitions)
        done = deployment.command("init")
        assert done.returncode == 0, done.stderr
        return deployment

    def end(self) -> None:
        for deployment in self._made:
            deployment.end()


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deployments]:
    deployments = Deployments(tmp_path)
    yield deployments
    deployments.end()


@pytest.fixture(scope="module")
def deploy_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    """The same, for what all tests of a file compare with."""
    deployments = Deployments(tmp_path_factory.mktemp("once"))
    yield deployments
    deployments.end()
