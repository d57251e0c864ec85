import time
from collections.abc import Callable


def until(happened: Callable[[], object], within_s: float = 20, state: Callable[[], object] = lambda: "") -> None:
    """Return when it has happened; fail if it does not, and tell what `state` says then."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, f"it did not happen in {within_s} s: {state()}"
        time.sleep(0.02)
