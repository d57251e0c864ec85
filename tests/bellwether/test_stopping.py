"""Waits that end when somebody asks for a stop."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from bellwether.stopping import SAME_SIGNAL_S, Asked, Stop, Wake


@pytest.fixture
def wake() -> Iterator[Wake]:
    earlier = signal.signal(signal.SIGUSR1, lambda *_: None)
    before = signal.set_wakeup_fd(-1)
    wake = Wake()
    wake.listen()
    yield wake
    signal.set_wakeup_fd(before)
    signal.signal(signal.SIGUSR1, earlier)


def test_a_signal_ends_a_wait_also_if_it_came_just_before(wake: Wake) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)
    began = time.monotonic()
    wake.wait(30)
    assert time.monotonic() - began < 20


def test_a_thread_ends_a_wait_once(wake: Wake) -> None:
    threading.Timer(0.1, wake.up).start()
    began = time.monotonic()
    wake.wait(30)
    wake.wait(0.3)
    assert 0.3 < time.monotonic() - began < 20


@pytest.fixture
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    earlier = signal.signal(request.param, lambda *_: None)  # so that what is not heard does not end the tests
    yield request.param
    signal.signal(request.param, earlier)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], indirect=True)
def test_whatever_asks_for_a_stop_is_heard_by_who_waits_and_by_who_works(number: signal.Signals) -> None:
    before = signal.set_wakeup_fd(-1)
    with Asked() as asked:
        signal.raise_signal(number)
        assert asked.is_set()
    signal.set_wakeup_fd(before)
    with pytest.raises(KeyboardInterrupt), Stop():
        signal.raise_signal(number)


def test_who_waits_for_others_alone_is_interrupted() -> None:
    before = signal.set_wakeup_fd(-1)
    with Asked() as asked:
        with pytest.raises(KeyboardInterrupt), asked.raised():
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), asked.raised():
            pytest.fail("a stop was asked for before")
    signal.set_wakeup_fd(before)


def test_a_second_signal_does_not_wait_for_who_is_at_work() -> None:
    script = "import time; from bellwether.stopping import Asked\nwith Asked(): print('at work', flush=True); time.sleep(200)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(2 * SAME_SIGNAL_S)
        assert process.wait(60) == 128 + signal.SIGTERM


def test_what_is_ignored_asks_for_nothing() -> None:
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Stop():
        signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, earlier)
