import signal
import subprocess
import sys
import time

import pytest

from bellwether.stopping import Asked

ROUNDS = """
import random, signal
from bellwether.stopping import Asked

for _ in range(2000):
    with Asked() as stop:
        signal.signal(signal.SIGALRM, lambda *_: stop.set())
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.0003))
        while not stop.wait(0.00001):
            pass
"""


def test_a_signal_ends_a_wait_and_is_remembered() -> None:
    earlier = signal.getsignal(signal.SIGTERM)
    with Asked() as stop:
        assert not stop.wait(0.01)
        signal.raise_signal(signal.SIGTERM)
        began = time.monotonic()
        assert stop.wait(60)
        assert stop.wait(60)
        assert stop.is_set()
        assert time.monotonic() - began < 30
    assert signal.getsignal(signal.SIGTERM) == earlier


def test_no_signal_comes_at_a_wrong_moment() -> None:
    """Wherever in a wait it comes: whoever waits must not hold what the handler needs."""
    try:
        subprocess.run([sys.executable, "-c", ROUNDS], timeout=60, check=True)
    except subprocess.TimeoutExpired:
        pytest.fail("a handler waited for what it interrupted")
