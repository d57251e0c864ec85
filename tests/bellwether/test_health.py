import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import json
from prometheus_client import CollectorRegistry

from bellwether.health import Board, PageServer, pages
from bellwether.loop import Role
from bellwether.metrics import LoopMetrics, describe_process
from ingest.instants import SECOND
from tests.bellwether.boxes import SOURCE, Clock, Copier, Running, made_logs
from tests.waiting import until


@pytest.fixture
def board() -> Board:
    return Board(healthy_within_s=60)


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    describe_process(registry)
    LoopMetrics(registry, ["copy"])
    return registry


@pytest.fixture
def address(board: Board, registry: CollectorRegistry) -> Iterator[str]:
    server = PageServer(pages(board, registry), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}"
    server.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    clock = Clock()
    logs = made_logs(tmp_path / "logs.db", clock)
    with Running(Role("copy", "copiers", (SOURCE.log,), Copier), logs, clock) as running:
        yield running


def get(address: str, page: str) -> httpx.Response:
    return httpx.get(address + page, trust_env=False)


def test_metrics_are_there_with_all_children_at_zero(address: str) -> None:
    page = get(address, "/metrics")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain")
    assert 'bellwether_build_info{python="' in page.text
    assert 'bellwether_loop_behind_records{loop="copy"} 0.0' in page.text
    assert 'bellwether_loop_outages_total{doing="write",loop="copy"} 0.0' in page.text
    assert 'bellwether_loop_log_away{doing="read",loop="start"} 0.0' in page.text
    assert "process_resident_memory_bytes" in page.text


def test_a_process_that_is_starting_is_healthy_but_not_ready(address: str) -> None:
    assert get(address, "/healthz").status_code == 200
    page = get(address, "/readyz")
    assert page.status_code == 503
    assert json.decode(page.content) == {"ready": False, "wrong": {"process": "starting"}}


def test_it_is_ready_once_every_loop_has_been_heard_by_its_log(address: str, board: Board, running: Running) -> None:
    board.starting, board.loops = "", [running.loop]
    until(lambda: get(address, "/readyz").status_code == 200)
    assert get(address, "/readyz").json() == {"ready": True, "wrong": {}}


def test_who_stands_by_is_ready(address: str, board: Board, tmp_path: Path, running: Running) -> None:
    until(lambda: running.loop.partitions == 1)
    clock = Clock()
    logs = made_logs(tmp_path / "logs.db", clock)
    with Running(Role("copy", "copiers", (SOURCE.log,), Copier), logs, clock) as standby:
        board.starting, board.loops = "", [standby.loop]
        until(lambda: get(address, "/readyz").status_code == 200)
        assert standby.loop.partitions == 0


def test_a_loop_whose_log_is_away_is_healthy_but_not_ready(
    address: str, board: Board, tmp_path: Path, running: Running
) -> None:
    board.starting, board.loops = "", [running.loop]
    until(lambda: get(address, "/readyz").status_code == 200)
    other = sqlite3.connect(tmp_path / "logs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    running.clock.now += 10 * SECOND  # its lease wants to be renewed
    until(lambda: get(address, "/readyz").status_code == 503)
    assert "another process" in get(address, "/readyz").json()["wrong"]["copy"]
    assert get(address, "/healthz").status_code == 200
    other.close()


def test_a_loop_that_has_not_turned_for_long_is_unhealthy(address: str, board: Board, running: Running) -> None:
    board.starting, board.loops = "", [running.loop]
    until(lambda: running.loop.polled)
    running.stop.set()
    running.thread.join()
    board.healthy_within_s = 0.1
    until(lambda: get(address, "/healthz").status_code == 503)
    assert "no turn for" in get(address, "/healthz").json()["wrong"]["copy"]
    assert get(address, "/readyz").status_code == 503


def test_a_loop_that_is_done_is_not_missed(address: str, board: Board, running: Running) -> None:
    board.starting, board.loops, board.healthy_within_s = "", [running.loop], 0.0
    until(lambda: running.loop.polled)
    running.stop.set()
    running.thread.join()
    running.loop.done = True
    time.sleep(0.01)
    assert get(address, "/healthz").status_code == 200


def test_an_address_that_is_taken_is_an_error_at_once(board: Board, registry: CollectorRegistry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        PageServer(pages(board, registry), "127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "answering", "refusing"),
    [
        ("::", ["127.0.0.1", "[::1]"], []),
        ("::1", ["[::1]"], ["127.0.0.1"]),
        ("localhost", ["localhost"], []),
        ("", ["127.0.0.1"], []),
    ],
)
def test_both_families_are_served_where_all_addresses_are(
    board: Board, registry: CollectorRegistry, host: str, answering: list[str], refusing: list[str]
) -> None:
    server = PageServer(pages(board, registry), host, 0)
    try:
        for name in answering:
            assert get(f"http://{name}:{server.port}", "/healthz").status_code == 200
        for name in refusing:
            with pytest.raises(httpx.ConnectError):
                get(f"http://{name}:{server.port}", "/healthz")
    finally:
        server.close()


def test_a_name_that_has_an_address_of_ipv6_alone_is_listened_on(
    board: Board, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = socket.getaddrinfo

    def knows_six(host: str, *more: Any, **how: Any) -> Any:
        return known("::1" if host == "six" else host, *more, **how)

    monkeypatch.setattr(socket, "getaddrinfo", knows_six)
    server = PageServer(pages(board, registry), "six", 0)
    try:
        assert get(f"http://[::1]:{server.port}", "/healthz").status_code == 200
    finally:
        server.close()
