"""Where one stands in a log that is followed outside of any group: an offset alone does not tell that the log was made anew."""

from collections.abc import Callable, Iterator

from ingest.logs import Logs, Record


class Cursor:
    """Reads one log on. For one thread."""

    def __init__(self, log: str) -> None:
        self._log = log
        self._last: Record | None = None

    def read(self, logs: Logs, forget: Callable[[], object]) -> Iterator[Record]:
        """What has come since the last time. Raises `LogAway` or `LogUnfit`.

        Where the record that was read last no longer is where it was, the log was made anew, or has lost it with all before
        it: then `forget` is called, and everything that is there now follows.
        """
        records = logs.scan(self._log, start=self._last.offset if self._last else None)
        if self._last is not None and next(records, None) != self._last:
            self._last = None
            forget()
            records = logs.scan(self._log)
        for record in records:
            self._last = record
            yield record
