import time
from collections.abc import Callable


def until(happened: Callable[[], object], within_s: float = 20) -> None:
    """Return when it has happened; fail if it does not."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
