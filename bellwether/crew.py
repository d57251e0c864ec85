"""The threads of one process and the signals it gets: one waits for all, and ends all when one has ended badly.

A loop that does not let go in time is left behind: what it has not committed is read again by whoever comes next.
"""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

import structlog
from msgspec import Struct

from bellwether.failures import Died, exit_code
from bellwether.loop import Loop
from bellwether.stopping import SAME_SIGNAL_S, leave_at_once, stop_signals, wake

log = structlog.get_logger()

STOP_WITHIN_S = 8.0  # leaves time for the rest of a stop within 10

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - asked for
    """A signal came before there was anything to end in good order."""


class _Signal(Struct, frozen=True):
    number: int


class _Ended(Struct, frozen=True):
    name: str
    error: Exception | None


class Crew:
    """Runs loops until a signal, a loop's death, or the end of all."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._asked_at: float | None = None
        # A queue that a signal handler may use at any moment; an Event's lock could be held by what it interrupts.
        self._happened: SimpleQueue[_Signal | _Ended] = SimpleQueue()

    def listen(self) -> None:
        """From now on signals ask for a stop, and a second one does not wait for it."""
        wake().listen()
        for number in stop_signals():
            signal.signal(number, self._asked)

    def first(self, act: Callable[[], T]) -> T:
        """What `act` returns, or raises; `Stopped` as soon as a signal comes. For the time before `run`.

        It has a thread of its own, which a stop leaves behind: a broker that says nothing can keep it waiting for long.
        """
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(act())
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
                future.set_exception(error)
            finally:
                self._tell(_Ended("start", None))

        threading.Thread(target=work, name="start", daemon=True).start()
        if isinstance(self._next(), _Signal):
            self.stop.set()
            raise Stopped
        return future.result()

    def run(self, loops: Sequence[Loop], done: Mapping[str, threading.Event] | None = None) -> list[str]:
        """Return when a signal has come or every loop is done; `done` has an event to set for some of them.

        Returns the names of those left behind: an orderly exit would be disturbed by a thread in the midst of foreign code.
        Raises what a loop died of: `Died` if nobody expected it.
        """
        done = done or {}
        threads = {
            loop.name: threading.Thread(target=self._guard, args=(loop,), name=loop.name, daemon=True) for loop in loops
        }
        for thread in threads.values():
            thread.start()
        log.info("running", loops=list(threads))
        running = set(threads)
        error: Exception | None = None
        while running and error is None:
            happened = self._next()
            if isinstance(happened, _Signal):
                log.info("stopping", signal=signal.Signals(happened.number).name)
                break
            running.discard(happened.name)
            error = happened.error
            if happened.name in done:
                done[happened.name].set()
        return self._end(threads, error)

    def _end(self, threads: dict[str, threading.Thread], error: Exception | None) -> list[str]:
        self.stop.set()
        deadline = time.monotonic() + STOP_WITHIN_S
        for thread in threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        left = [name for name, thread in threads.items() if thread.is_alive()]
        if left:
            log.warning("left behind, nothing is lost", loops=left)
        if error is not None:
            raise error
        log.info("stopped")
        return left

    def _guard(self, loop: Loop) -> None:
        """The top of a thread: whatever ends it is told to the one that waits."""
        error: Exception | None = Died(f"{loop.name} died")  # is told if not even the reason can be
        try:
            loop.run(self.stop)
            error = None
        except BaseException as unexpected:  # noqa: BLE001 - the top of a thread; what panics in Rust is no `Exception`
            error = _reason(loop.name, unexpected)
        finally:
            self._tell(_Ended(loop.name, error))

    def _tell(self, happened: _Signal | _Ended) -> None:
        self._happened.put(happened)
        wake().up()

    def _next(self) -> _Signal | _Ended:
        while True:
            with suppress(Empty):
                return self._happened.get_nowait()
            wake().wait()

    def _asked(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            self._tell(_Signal(number))
        elif now - self._asked_at > SAME_SIGNAL_S:
            leave_at_once(128 + number)


def _reason(name: str, error: BaseException) -> Exception:
    """What is expected stands for itself; of anything else the trace is logged and the end is told."""
    if isinstance(error, Exception) and exit_code(error) is not None:
        return error
    log.error("loop died", loop=name, exc_info=error)
    return Died(f"{name} died: {type(error).__name__}: {error}")
