import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """SIGINT and SIGTERM raise `KeyboardInterrupt`, but not where something must first be brought to its end."""

    def __init__(self) -> None:
        self._busy = self._asked = False

    def __enter__(self) -> "Stop":
        self._earlier = {number: signal.signal(number, self._signal) for number in (signal.SIGINT, signal.SIGTERM)}
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
