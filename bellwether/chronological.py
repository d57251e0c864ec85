import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.embedded.file import explain
from ingest.logs import Message


class Chronological:
    """Takes dated messages in any order and gives them back in the order of time; equal times stay as they came.

    A `Writer`. What it holds lies in a file of its own in `folder`, so that any number fits.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=".sorting-", dir=folder)
        self._path = Path(self._folder.name) / "messages.db"
        with self._told():
            self._db = sqlite3.connect(self._path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = OFF")  # nothing of it has to survive
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("BEGIN")
            self._db.execute("CREATE TABLE messages (at INTEGER, log TEXT, key BLOB, value BLOB)")
            # To sort as it is read, SQLite would take as much room again elsewhere, in the system's temporary folder.
            self._db.execute("CREATE INDEX by_time ON messages (at)")

    def publish(self, message: Message) -> None:
        """Hold it. Raises `LogAway` when the disk is full."""
        row = (message.created_at, message.log, message.key, message.value)
        with self._told():
            self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", row)

    def flush(self) -> None:
        """Nothing that must be durable."""

    def messages(self) -> Iterator[Message]:
        """All of them, oldest first. Raises `LogAway` or `LogUnfit` when they cannot be read back."""
        with self._told():
            for at, log, key, value in self._db.execute("SELECT at, log, key, value FROM messages ORDER BY at, rowid"):
                yield Message(log, value, key=key, created_at=at)

    def close(self) -> None:
        """Forget them."""
        self._db.close()
        self._folder.cleanup()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
