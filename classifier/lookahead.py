"""Scores the next portion while the one before is being published, so that neither waits for the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from time import perf_counter

from classifier.reading import Outcome
from classifier.scorer import Work
from ingest.logs import Place, Record

Read = Callable[[Place, Sequence[Record], Work], list[Outcome]]
_Key = tuple[Place, int, int]

PORTION_BYTES = 64_000
"""Of a portion, so that it takes about a second, and other partitions, leases and stops need not wait long."""

READ_BYTES = 8_000
"""Of a record: what the model reads of a text (`tokenizer.most_tokens`, some 1,800 of about 4.5 bytes), and little more."""

PORTIONS = 2  # at once: one that the network works on, and one that becomes tokens meanwhile


class LookAhead:
    """Portions in work, by where they begin. Belongs to one thread, and works in others."""

    def __init__(self, read: Read) -> None:
        """`read` is called in threads, on up to `PORTIONS` portions at once."""
        self._read = read
        self._threads = ThreadPoolExecutor(PORTIONS, thread_name_prefix="portion")
        self._begun: dict[_Key, Future[tuple[list[Outcome], Work]]] = {}
        self._lock = Lock()  # of the two below
        self._at_work = 0  # portions
        self._told_until = 0.0  # up to here, by `perf_counter`, the time at work is some portion's `Work.seconds`

    def begin(self, place: Place, portion: Sequence[Record]) -> None:
        """Have a portion worked on that is not needed yet."""
        key = _key(place, portion)
        if portion and key not in self._begun and len(self._begun) < PORTIONS:
            self._begun[key] = self._threads.submit(self._work, place, portion)

    def outcomes(self, place: Place, portion: Sequence[Record]) -> tuple[list[Outcome], Work]:
        """What became of each record of a portion, and what that took. Raises what `read` raises."""
        begun = self._begun.pop(_key(place, portion), None) or self._threads.submit(self._work, place, portion)
        return begun.result()

    def forget(self, place: Place) -> None:
        """Give up what was begun of a place: what comes from there next may be other records at the same offsets."""
        self._give_up([key for key in self._begun if key[0] == place])

    def drop(self) -> None:
        """Give up all that was begun and is not needed any more."""
        self._give_up(list(self._begun))

    def _give_up(self, keys: Sequence[_Key]) -> None:
        """Returns when nobody works on them."""
        given_up = [self._begun.pop(key) for key in keys]
        for begun in given_up:
            begun.cancel()
        wait(given_up)

    def _work(self, place: Place, portion: Sequence[Record]) -> tuple[list[Outcome], Work]:
        """Portions at work side by side mostly wait for each other, so each second is given to one: to the next that ends."""
        work = Work()
        with self._lock:
            if not self._at_work:
                self._told_until = perf_counter()
            self._at_work += 1
        try:
            return self._read(place, portion, work), work
        finally:
            with self._lock:
                self._at_work -= 1
                told_until, self._told_until = self._told_until, perf_counter()
                work.seconds = self._told_until - told_until


def _key(place: Place, portion: Sequence[Record]) -> _Key:
    return place, portion[0].offset if portion else -1, len(portion)


def portion_of(records: Sequence[Record], limit: int) -> int:
    """How many of `records` are taken at once: at most `limit`, and not more text than can be scored in a short time."""
    size = 0
    for many, record in enumerate(records[:limit]):
        size += min(len(record.value or b""), READ_BYTES)
        if many and size > PORTION_BYTES:
            return many
    return min(limit, len(records))
