import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """SIGINT and SIGTERM raise `KeyboardInterrupt`, but not where something must first be brought to its end."""

    def __init__(self) -> None:
        self._busy = self._asked = False

    def __enter__(self) -> "Stop":
        self._earlier = {number: signal.signal(number, self._signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def asked(self) -> bool:
        """Whether a stop waits for the end of what is being done."""
        return self._asked

    @contextmanager
    def later(self) -> Iterator[None]:
        """A stop within waits for the end; a second one does not."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
        if self._asked:
            raise KeyboardInterrupt

    def _signal(self, *_: object) -> None:
        if self._busy and not self._asked:
            self._asked = True
        else:
            raise KeyboardInterrupt


class Asked:
    """Whether a stop was asked for, by SIGINT or SIGTERM while entered: for one thread, which looks and waits."""

    def __init__(self) -> None:
        self._is_set = False

    def __enter__(self) -> "Asked":
        # A pipe, which a handler may write to at any moment. The lock of an Event could be held by the wait that it interrupts,
        # and a SimpleQueue whose time is up before it sleeps (CPython 3.11) sleeps for ever.
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._earlier = {number: signal.signal(number, lambda *_: self.set()) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._wake)

    def set(self) -> None:
        """Ask for a stop."""
        self._is_set = True
        with suppress(BlockingIOError):  # thousands have asked before
            os.write(self._wake, b"!")

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Whether a stop was asked for before or within `seconds`."""
        if not self._is_set:
            select.select([self._woken], [], [], seconds)
        return self._is_set
