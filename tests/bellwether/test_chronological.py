"""Any number of messages, in the order of time."""

import os
from pathlib import Path

import pytest

from bellwether.chronological import Chronological
from ingest.logs import LogError, Message


def filled(folder: Path) -> Chronological:
    """20 MB, the youngest first: more than SQLite holds in memory."""
    ordered = Chronological(folder)
    for number in range(10_000):
        ordered.publish(Message("documents", b"x" * 2_000, key=b"%d" % number, created_at=-(number // 2)))
    return ordered


def test_the_oldest_comes_first_and_equals_as_they_came(tmp_path: Path) -> None:
    ordered = filled(tmp_path)
    keys = [int(message.key or b"") for message in ordered.messages()]
    assert keys == [number for pair in range(9_998, -1, -2) for number in (pair, pair + 1)]
    ordered.close()
    assert list(tmp_path.iterdir()) == []


def test_they_take_room_in_their_folder_alone(tmp_path: Path) -> None:
    before = open_files()
    ordered = filled(tmp_path)
    messages = ordered.messages()
    next(messages)
    opened = open_files() - before
    assert opened
    assert all(Path(path).is_relative_to(tmp_path) for path in opened)
    messages.close()
    ordered.close()


def test_what_cannot_be_read_back_is_one_sentence(tmp_path: Path) -> None:
    ordered = filled(tmp_path)
    (file,) = tmp_path.glob("*/messages.db")
    os.truncate(file, 1 << 16)
    with pytest.raises(LogError, match=r"messages\.db "):
        list(ordered.messages())
    ordered.close()


def open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    return {str(path.readlink()) for path in folder.iterdir() if path.is_symlink()}
