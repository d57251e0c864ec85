import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bellwether.crew import SAME_SIGNAL_S, STOP_WITHIN_S

Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(box: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bellwether.crewed", str(tmp_path), box],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        if box == "stuck":
            assert process.stdout.readline() == "stuck\n"
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_every_loop_and_the_process_ends_well(start: Start, number: signal.Signals) -> None:
    process = start("idle")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert number.name in said
    assert '"stopped"' in said


def test_under_nohup_it_outlives_its_terminal(start: Start) -> None:
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = start("idle")
    signal.signal(signal.SIGHUP, earlier)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "SIGTERM" in said
    assert "SIGHUP" not in said


def test_a_loop_that_does_not_let_go_is_left_behind_within_ten_seconds(start: Start) -> None:
    process = start("stuck")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)  # it would hang for 120
    assert process.returncode == 0
    assert STOP_WITHIN_S < 10
    assert "left behind" in said
    assert '"second"' in said


def test_a_second_signal_does_not_wait(start: Start) -> None:
    process = start("stuck")
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while '"stopping"' not in process.stderr.readline():  # it has the first one
        assert process.poll() is None
    time.sleep(2 * SAME_SIGNAL_S)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "left behind" not in said


def test_a_signal_sent_twice_at_once_is_one_signal(start: Start) -> None:
    process = start("idle")
    process.send_signal(signal.SIGSTOP)  # so that both have come when it goes on
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("box", "why"),
    [("broken", "ZeroDivisionError: our mistake"), ("panicking", "Panic: index out of bounds")],
)
def test_a_dead_loop_ends_the_process_with_a_reason_and_a_trace_without_secrets(
    start: Start, box: str, why: str
) -> None:
    process = start(box)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"bellwether: second died: {why}" in said
    assert "Traceback" in said
    assert '"loop": "second"' in said
    assert "local-secret" not in said.replace('password = \\"local-secret\\"', "")
