import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest.embedded.file import explain
from ingest.logs import Message


class Chronological:
    """Takes dated messages in any order and gives them back in the order of time; equal times stay as they came.

    A `Writer`. What it holds lies in a file of its own in `folder`, so that any number fits.
    """

    def __init__(self, folder: Path) -> None:
        # SQLite sorts on disk what does not fit into memory; nothing of it has to survive.
        self._folder = tempfile.TemporaryDirectory(prefix=".sorting-", dir=folder)
        self._path = Path(self._folder.name) / "messages.db"
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("BEGIN")
        self._db.execute("CREATE TABLE messages (at INTEGER, log TEXT, key BLOB, value BLOB)")

    def publish(self, message: Message) -> None:
        """Hold it. Raises `LogAway` when the disk is full."""
        row = (message.created_at, message.log, message.key, message.value)
        try:
            self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def flush(self) -> None:
        """Nothing that must be durable."""

    def messages(self) -> Iterator[Message]:
        """All of them, oldest first."""
        for at, log, key, value in self._db.execute("SELECT at, log, key, value FROM messages ORDER BY at, rowid"):
            yield Message(log, value, key=key, created_at=at)

    def close(self) -> None:
        """Forget them."""
        self._db.close()
        self._folder.cleanup()
