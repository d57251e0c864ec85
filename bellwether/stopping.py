import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import NoReturn

SAME_SIGNAL_S = 0.3  # some send a signal to the process and at once to its whole group: that is one signal


def stop_signals() -> list[signal.Signals]:
    """What asks for a stop; a terminal that closes does too, unless that is ignored, as under nohup."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hangs_up else [])]


class Wake:
    """Ends a wait of the main thread: by a signal, or when a thread or a handler says so.

    The interpreter itself writes into the pipe as a signal comes. Whatever else one waits on, a signal that comes just before
    the wait begins has its handler called only when the wait is over, and a SimpleQueue whose time is up before it sleeps
    (CPython 3.11) sleeps for ever.
    """

    def __init__(self) -> None:
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)

    def listen(self) -> None:
        """From now on signals that have a handler end a wait. For the main thread."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def up(self) -> None:
        """End the wait, or the next one."""
        with suppress(BlockingIOError):  # thousands have before
            os.write(self._wake, b"!")

    def wait(self, seconds: float | None = None) -> None:
        """Until it is woken, or time is up; handlers of signals have been called when the next wait begins."""
        select.select([self._woken], [], [], seconds)
        with suppress(BlockingIOError):  # nobody has
            os.read(self._woken, 4096)


@cache
def wake() -> Wake:
    """The one of this process: a signal has one pipe."""
    return Wake()


class LeftBehind(KeyboardInterrupt):
    """Asked to stop, but a thread is in the midst of foreign code: once everything is put away, leave at once."""


class Stop:
    """What asks for a stop raises `KeyboardInterrupt`, but not where something must first be brought to its end."""

    def __init__(self) -> None:
        self._busy = self._asked = False

    def __enter__(self) -> "Stop":
        self._earlier = {number: signal.signal(number, self._signal) for number in stop_signals()}
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
    """Whether a stop was asked for, by a signal while entered: for one thread, which looks and waits.

    A second signal does not wait for it.
    """

    def __init__(self) -> None:
        self._is_set = self._raises = False
        self._signalled_at: float | None = None

    def __enter__(self) -> "Asked":
        wake().listen()
        self._earlier = {number: signal.signal(number, self._signal) for number in stop_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def set(self) -> None:
        """Ask for a stop."""
        self._is_set = True
        wake().up()

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Whether a stop was asked for before or within `seconds`."""
        until = time.monotonic() + seconds
        while not self._is_set and (left := until - time.monotonic()) > 0:
            wake().wait(left)
        return self._is_set

    @contextmanager
    def raised(self) -> Iterator[None]:
        """A signal within, or before, raises `KeyboardInterrupt`: there is nothing to bring to its end."""
        self._raises = True
        try:
            if self._is_set:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    def _signal(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._signalled_at is None:
            self._signalled_at = now
            self.set()
            if self._raises:
                raise KeyboardInterrupt
        elif now - self._signalled_at > SAME_SIGNAL_S:
            leave_at_once(128 + number)


def leave_at_once(code: int) -> NoReturn:
    """End the process without waiting for its threads."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # nobody may listen any more, and it may be written to just now
            stream.flush()
    os._exit(code)
