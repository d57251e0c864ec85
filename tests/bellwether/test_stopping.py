"""Waits that end when somebody asks for a stop."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from bellwether.stopping import Wake


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
