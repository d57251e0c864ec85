import time


def now() -> int:
    """The instant now. Who needs the time of day is given this; nothing outside `bellwether` asks for it."""
    return time.time_ns() // 1000
