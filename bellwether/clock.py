import time


def now() -> int:
    """The instant now. Who needs the time of day is given this; nothing outside `bellwether` asks for it."""
    return time.time_ns() // 1000


def ticks() -> int:
    """Microseconds since some moment, whatever is done to the clock: for how long something takes or waits."""
    return time.monotonic_ns() // 1000
