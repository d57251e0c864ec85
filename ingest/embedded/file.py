"""The one SQLite file of the embedded log: its tables, one connection to it, and what its errors mean.

Each log has a table of its own, `records_<number>`, keyed by offset: appending and reading touch one b-tree and no
index, and retention cuts from its front. `logs.next` hands out the offsets, so that none is ever used twice, whatever
was deleted.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ingest.logs import LogAway, LogError, LogReplaced, LogUnfit

APPLICATION_ID = 0x42575748
FORMAT = 1
TABLES = """
CREATE TABLE logs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, id TEXT NOT NULL, cleanup TEXT NOT NULL,
    retention_s INTEGER NOT NULL, start INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE positions (
    reading_group TEXT NOT NULL, log TEXT NOT NULL, log_id TEXT NOT NULL, position INTEGER NOT NULL, note TEXT NOT NULL,
    kept_at INTEGER NOT NULL, PRIMARY KEY (reading_group, log)) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
    reading_group TEXT NOT NULL, log TEXT NOT NULL, holder TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (reading_group, log)) STRICT, WITHOUT ROWID;
"""
ROOM = 1 << 16  # SQLite's shared memory takes 32 KB at once

MEANINGS: dict[int, tuple[type[LogError], str]] = {
    sqlite3.SQLITE_FULL: (LogAway, "the disk of {path} is full: make room"),
    sqlite3.SQLITE_BUSY: (LogAway, "{path} is kept busy by another process"),
    sqlite3.SQLITE_LOCKED: (LogAway, "{path} is kept busy by another process"),
    sqlite3.SQLITE_NOTADB: (LogUnfit, "{path} is not an embedded log: move it away or name another file"),
    sqlite3.SQLITE_CORRUPT: (
        LogUnfit,
        "{path} is damaged: restore it from a backup, or move it away and start anew; its -wal and -shm must go too",
    ),
    sqlite3.SQLITE_READONLY: (
        LogUnfit,
        "{path} cannot be written: give this user the right to write it and its folder",
    ),
    sqlite3.SQLITE_PERM: (LogUnfit, "{path} cannot be written: give this user the right to write it and its folder"),
    sqlite3.SQLITE_CANTOPEN: (LogUnfit, "{path} cannot be opened: its folder must exist and this user may write there"),
    sqlite3.SQLITE_TOOBIG: (LogUnfit, "a record is too large for {path}: the most is 1 GB"),
}


def explain(error: sqlite3.Error, path: Path) -> LogError:
    """What an error of SQLite means for the log at `path`."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the number is a detail
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR} and os.access(path.parent, os.W_OK | os.X_OK):
        code = _told_by_the_disk(code, path)
    kind, sentence = _told_by_the_place(code, path) or MEANINGS.get(
        code, (LogAway, f"{{path}} could not be read or written: {error}")
    )
    return kind(sentence.replace("{path}", str(path)))


def _told_by_the_disk(code: int, path: Path) -> int:
    """SQLite tells a lack of room, of inodes or of open files in the words of a missing right or a broken disk."""
    with suppress(OSError):
        disk = os.statvfs(path.parent)
        if disk.f_bavail * disk.f_frsize < ROOM or disk.f_files > disk.f_favail == 0:  # some count no inodes at all
            return sqlite3.SQLITE_FULL
    files = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]
    there = [file for file in files if file.is_file()]
    is_allowed = path in there and all(os.access(file, os.R_OK | os.W_OK) for file in there)
    return sqlite3.SQLITE_IOERR if is_allowed else code


def _told_by_the_place(code: int, path: Path) -> tuple[type[LogError], str] | None:
    """In the same words it tells of a path where no file can be, whatever rights one has."""
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
        with suppress(OSError):
            if path.is_dir():
                return LogUnfit, "{path} is a folder: name a file in it"
            if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
                return LogUnfit, "{path} lies on a read-only file system: name a file elsewhere"
    return None


class LogFile:
    """One connection. With `durable`, what was written survives a power cut once `writing` has ended.

    WAL lets readers and one writer work side by side. Without `durable` (positions and leases) a power cut may take the
    last of them back, which only means reading again; a process that is killed loses nothing either way.
    """

    def __init__(self, path: Path, *, durable: bool, busy_s: float) -> None:
        self.path = path
        with self._told():
            with suppress(OSError):  # what is wrong with the place, SQLite tells
                path.touch(0o600, exist_ok=False)  # dead letters hold what is masked elsewhere
            # `isolation_level=None`: transactions begin and end where this class says so.
            self._db = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
            try:
                self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._db.execute("PRAGMA journal_size_limit = 16777216")
                self._prepare()
                self._inode = path.stat().st_ino
            except BaseException:
                self._db.close()
                raise

    def execute(self, sql: str, parameters: tuple[Any, ...] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement; its rows come from the cursor."""
        with self._told():
            return self._db.execute(sql, parameters)

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        with self._told():
            return self._db.execute(sql, parameters).fetchall()

    def insert(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Run one statement for each of `rows`."""
        with self._told():
            self._db.executemany(sql, rows)

    def version(self) -> int:
        """A number that changes when another connection has written."""
        return int(self.rows("PRAGMA data_version")[0][0])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction that writes: all of it or nothing. Others who want to write wait meanwhile."""
        self._still_there()
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
        yield from self._until_done()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several queries that see the same state."""
        with self._told():
            self._db.execute("BEGIN")
        yield from self._until_done()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _until_done(self) -> Iterator[None]:
        try:
            with self._told():
                yield
                self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite has rolled some errors back by itself
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def _still_there(self) -> None:
        # SQLite would go on writing into a file that has no name any more, and all of it would be lost.
        try:
            same = self.path.stat().st_ino == self._inode
        except OSError:
            same = False
        if not same:
            raise LogReplaced(f"{self.path} was removed or replaced while in use: start again")

    def _prepare(self) -> None:
        is_new = not self._db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        # In this order: another process that is just making the file gives it tables and number at once.
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        if application == 0 and is_new:
            self._create()
        elif application != APPLICATION_ID:
            raise LogUnfit(f"{self.path} belongs to another program: name another file for the embedded log")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT:
            raise LogUnfit(f"{self.path} has format {version}, this program knows {FORMAT}: use a program that fits it")

    def _create(self) -> None:
        if self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise LogUnfit(f"{self.path} lies where SQLite cannot keep a write-ahead log: name a file on a local disk")
        self._db.execute("BEGIN IMMEDIATE")
        if not self._db.execute("PRAGMA application_id").fetchone()[0]:  # nobody was faster
            for statement in TABLES.strip().split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
        self._db.execute("COMMIT")
