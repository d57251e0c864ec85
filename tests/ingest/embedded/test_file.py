"""The file of the embedded log: full disks, damage, strangers, several processes."""

import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Batch, Closed, Kept, LogAway, LogUnfit, Message, Opened, Place, Position
from tests.ingest.embedded.conftest import Clock, write

ROOT = Path(__file__).parents[3]
HERE = Place("log", 0)


def test_a_full_disk_is_said_loses_nothing_flushed_and_heals(logs: EmbeddedLogs) -> None:
    write(logs, b"before")
    writer = logs.writer()
    pages = writer._file.rows("PRAGMA page_count")[0][0]
    writer._file.rows(f"PRAGMA max_page_count = {pages + 20}")  # SQLite itself then says that the disk is full
    with pytest.raises(LogAway, match="is full: make room"):  # noqa: PT012
        for _ in range(10):
            writer.publish(Message("log", bytes(20_000)))
            writer.flush()
    kept = len(list(logs.scan("log")))
    assert 1 <= kept < 10
    writer._file.rows("PRAGMA max_page_count = 1000000")
    writer.publish(Message("log", b"after"))
    writer.flush()
    writer.close()
    records = list(logs.scan("log"))
    assert [records[0].value, records[-1].value, len(records)] == [b"before", b"after", kept + 1]


def test_a_commit_on_a_full_disk_is_said(logs: EmbeddedLogs) -> None:
    reader = logs.reader("g", ["log"])
    reader.poll(0)
    reader._file.rows(f"PRAGMA max_page_count = {reader._file.rows('PRAGMA page_count')[0][0]}")
    with pytest.raises(LogAway, match="is full"):
        reader.commit({HERE: Position(0, "x" * 50_000)})
    reader.commit({HERE: Position(0, "short")})
    reader.close()


SMALL = """
import sys
from pathlib import Path
from ingest.embedded.logs import EmbeddedLogs
from ingest.logs import Kept, LogError
def tried():
    try:
        EmbeddedLogs(folder / "logs.db", lambda: 1_800_000_000_000_000).ensure([Kept("log")])
    except LogError as error:
        print(type(error).__name__, error)
    else:
        print("well")
folder = Path(sys.argv[1])
tried()
others = [folder / f"other{number}" for number in range(10)]
try:
    for made in others:
        made.touch()
except OSError:
    tried()
for made in others:
    made.unlink(missing_ok=True)
tried()
try:
    with others[0].open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))
except OSError:
    tried()
"""


def mounted(folder: Path, options: str, script: str, then: str = ":") -> str:
    """What a script says that is given `folder`, with a disk of its own mounted there."""
    mount = f"mount -t tmpfs -o {options} none {folder}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    line = f'{mount} && {then} && exec "$0" -c "$1" {folder}'
    command = ["unshare", "-rm", "sh", "-c", line, sys.executable, script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_disk_without_room_for_another_file_is_full_and_nothing_for_a_person_with_rights_to_put_right(
    tmp_path: Path,
) -> None:
    done = mounted(tmp_path, "nr_inodes=6,size=1m", SMALL)
    full = f"LogAway the disk of {tmp_path / 'logs.db'} is full: make room"
    assert done.splitlines() == ["well", full, "well", full]


READ_ONLY = """
import sys
from pathlib import Path
from ingest.embedded.logs import EmbeddedLogs
from ingest.logs import LogUnfit
for name in ("log.db", "new.db"):
    try:
        EmbeddedLogs(Path(sys.argv[1]) / name, lambda: 1_800_000_000_000_000)
    except LogUnfit as error:
        print(error)
"""


def test_a_file_system_that_is_read_only_is_told_as_such(tmp_path: Path) -> None:
    done = mounted(tmp_path, "size=1m", READ_ONLY, f"touch {tmp_path}/log.db && mount -o remount,ro {tmp_path}")
    ends = "lies on a read-only file system: name a file elsewhere"
    assert done.splitlines() == [f"{tmp_path / name} {ends}" for name in ("log.db", "new.db")]


def test_too_many_open_files_are_waited_for(logs: EmbeddedLogs) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(LogAway, match="could not be read or written: unable to open"):
            logs.writer()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    write(logs, b"a")


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow, as where there is no room; and then there is again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_reader_could_not_keep_on_a_full_disk_it_tells_when_there_is_room(logs: EmbeddedLogs) -> None:
    write(logs, b"a")
    reader = logs.reader("g", ["log"])
    for _ in range(2):
        with full_disk(), pytest.raises(LogAway):
            reader.poll(0)
    assert [type(event) for event in reader.poll(0)] == [Opened]
    assert [type(event) for event in reader.poll(0)] == [Batch]
    reader.close()


def test_a_lease_lost_on_a_full_disk_is_told_when_there_is_room(logs: EmbeddedLogs, clock: Clock) -> None:
    logs.ensure([Kept("another")])
    reader, other = logs.reader("g", ["log", "another"]), logs.reader("g", ["log"])
    reader.poll(0)
    clock.now += 11 * SECOND
    assert [type(event) for event in other.poll(0)] == [Opened]
    for _ in range(2):
        with full_disk(), pytest.raises(LogAway):
            reader.poll(0)
    assert reader.poll(0) == [Closed(HERE)]
    reader.close()
    other.close()


def test_a_place_opened_by_a_poll_that_failed_is_told_by_the_next(logs: EmbeddedLogs, path: Path) -> None:
    logs.ensure([Kept("other")])
    active, standby = logs.reader("g", ["log"]), logs.reader("g", ["log", "other"])
    active.poll(0)
    assert [event.place.log for event in standby.poll(0)] == ["other"]
    active.close()
    remove(path, "other")
    with pytest.raises(LogAway, match="other is gone"):
        standby.poll(0)
    assert [event.place for event in standby.poll(0)] == [HERE]
    standby.close()


def test_records_read_by_a_poll_that_failed_come_with_the_next(logs: EmbeddedLogs, path: Path) -> None:
    logs.ensure([Kept("other")])
    write(logs, b"a")
    reader = logs.reader("g", ["log", "other"])
    assert [event.place.log for event in reader.poll(0)] == ["log", "other"]
    remove(path, "other")
    with pytest.raises(LogAway, match="other is gone"):
        reader.poll(0)
    assert [record.value for batch in reader.poll(0) for record in batch.records] == [b"a"]
    reader.close()


def remove(path: Path, log: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM logs WHERE name = ?", (log,))
    db.close()


def test_a_damaged_file_is_said(logs: EmbeddedLogs, path: Path) -> None:
    write(logs, *(bytes(3000) for _ in range(100)))
    with path.open("r+b") as file:
        for page in range(3, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with pytest.raises(LogUnfit, match=r"is damaged: restore it .* its -wal and -shm must go too"):
        list(logs.scan("log"))


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_file_that_is_no_log_is_left_alone(tmp_path: Path, clock: Clock, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(LogUnfit, match=r"letter\.txt is (not an embedded log|damaged)"):
        EmbeddedLogs(path, clock)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LogUnfit, match="belongs to another program"):
        EmbeddedLogs(path, clock)
    assert path.read_bytes() == before


@pytest.mark.parametrize("statements", range(1, 7))
def test_two_processes_may_start_on_a_new_file_at_once(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    """Whatever one has asked of the file when the other is through with making it; from then on they take turns."""
    connect, asked = sqlite3.connect, []

    class Overtaken(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            asked.append(arguments)
            if len(asked) == statements:
                monkeypatch.setattr(sqlite3, "connect", connect)
                EmbeddedLogs(path, clock).ensure([Kept("log")])
            return super().execute(*arguments)

    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Overtaken))
    second = EmbeddedLogs(path, clock)
    assert len(asked) >= statements
    write(second, b"a")
    assert [record.value for record in second.scan("log")] == [b"a"]


def test_a_file_of_an_unknown_format_is_left_alone(logs: EmbeddedLogs, path: Path, clock: Clock) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LogUnfit, match="has format 99, this program knows 1"):
        EmbeddedLogs(path, clock)


def test_a_path_that_cannot_be_is_said(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(LogUnfit, match=r"must be an absolute path, not logs\.db"):
        EmbeddedLogs(Path("logs.db"), clock)
    (tmp_path / "file").touch()
    with pytest.raises(LogUnfit, match="cannot be made"):
        EmbeddedLogs(tmp_path / "file" / "logs.db", clock)
    with pytest.raises(LogUnfit, match="is a folder: name a file in it"):
        EmbeddedLogs(tmp_path, clock)


def test_a_file_removed_under_us_is_said_instead_of_writing_into_nothing(logs: EmbeddedLogs, path: Path) -> None:
    writer, reader = logs.writer(), logs.reader("g", ["log"])
    reader.poll(0)
    path.rename(path.with_suffix(".moved"))
    writer.publish(Message("log", b"x"))
    with pytest.raises(LogUnfit, match="was removed or replaced"):
        writer.flush()
    with pytest.raises(LogUnfit, match="was removed or replaced"):
        reader.commit({HERE: Position(0)})
    writer.close()
    reader.close()


def test_a_writer_that_has_to_wait_too_long_says_so(path: Path, clock: Clock) -> None:
    logs = EmbeddedLogs(path, clock, busy_s=0.1)
    logs.ensure([Kept("log")])
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writer = logs.writer()
    writer.publish(Message("log", b"x"))
    with pytest.raises(LogAway, match="kept busy by another process"):
        writer.flush()
    assert list(logs.scan("log")) == []  # reading goes on meanwhile
    holder.execute("ROLLBACK")
    holder.close()
    writer.close()


def test_what_was_not_flushed_is_not_there_and_a_flush_is_all_or_nothing(logs: EmbeddedLogs) -> None:
    writer = logs.writer()
    writer.publish(Message("log", b"x"))
    assert list(logs.scan("log")) == []
    writer.publish(Message("missing", b"y"))
    with pytest.raises(LogUnfit, match="there is no log missing"):
        writer.flush()
    writer.flush()
    assert list(logs.scan("log")) == []
    with pytest.raises(LogUnfit, match="has one partition"):
        writer.publish(Message("log", b"z", partition=1))
    writer.close()


WRITER = """
import sys, json
from pathlib import Path
from ingest.embedded.logs import EmbeddedLogs
from ingest.logs import Message
path, name, flushes = json.loads(sys.argv[1])
writer = EmbeddedLogs(Path(path), lambda: 1_800_000_000_000_000).writer()
flush = 0
while flush < flushes or flushes < 0:
    for number in range(20):
        writer.publish(Message("log", f"{name} {flush} {number}".encode()))
    writer.flush()
    flush += 1
    print(flush, flush=True)
"""


def start(path: Path, name: str, flushes: int) -> subprocess.Popen[str]:
    argument = json.dumps([str(path), name, flushes])
    return subprocess.Popen([sys.executable, "-c", WRITER, argument], cwd=ROOT, text=True, stdout=subprocess.PIPE)


def test_processes_write_side_by_side_without_gaps_or_mixtures(logs: EmbeddedLogs, path: Path) -> None:
    processes = [start(path, name, 40) for name in ("one", "two")]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    records = list(logs.scan("log"))
    assert [record.offset for record in records] == list(range(1600))
    for name in ("one", "two"):
        theirs = [record.value.decode() for record in records if record.value.startswith(name.encode())]
        assert theirs == [f"{name} {flush} {number}" for flush in range(40) for number in range(20)]
    flushes = [record.value.rsplit(b" ", 1)[0] for record in records]
    assert all(len(set(flushes[start : start + 20])) == 1 for start in range(0, 1600, 20))


def test_a_writer_that_is_killed_leaves_whole_flushes_and_all_it_reported(logs: EmbeddedLogs, path: Path) -> None:
    process = start(path, "doomed", -1)
    assert process.stdout is not None
    reported = 0
    while reported < 30:
        reported = int(process.stdout.readline())
    process.kill()
    rest, _ = process.communicate()
    reported = int(rest.split()[-1]) if rest.split() else reported
    records = list(logs.scan("log"))
    assert len(records) % 20 == 0
    assert len(records) >= reported * 20
    write(logs, b"and on")
    assert list(logs.scan("log"))[-1].offset == len(records)


def test_nobody_else_may_read_it(logs: EmbeddedLogs, path: Path) -> None:
    files = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    assert path in files
    assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o600"] * len(files)
