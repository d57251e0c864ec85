import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bellwether.clock import now
from ingest.embedded.logs import EmbeddedLogs
from tests.alerting.destinations.receiver import nobody
from tests.ingest.feedserver import Answer, FeedServer, feed_server, item, rss


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from bellwether.cli import main; main()", "publish", *arguments]


def publish(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "bellwether.toml").touch()
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def ids(folder: Path) -> list[str]:
    records = EmbeddedLogs(folder / "bellwether.db", now).scan("documents")
    return [json.loads(record.value or b"")["id"] for record in records]


def test_feeds_are_published_once_whatever_becomes_of_one_of_them(server: FeedServer, tmp_path: Path) -> None:
    server.answers["/a"] = Answer(rss(item(1)), headers=(("ETag", "1"),))
    server.answers["/b"] = Answer(b"<html>no feed</html>")
    feeds = ["--feed", server.url("/b?key=s3cret"), "--feed", server.url("/c"), "--feed", server.url("/a"), "--once"]
    first = publish(tmp_path, *feeds)
    assert first.returncode == 3, first.stderr
    assert "is neither RSS nor Atom" in first.stderr
    assert "answered 404" in first.stderr
    assert "s3cret" not in first.stderr
    server.answers["/a"] = Answer(rss(item(2), item(1)), headers=(("ETag", "2"),))
    publish(tmp_path, *feeds)
    assert ids(tmp_path) == ["guid-1", "guid-2"]
    assert publish(tmp_path, "--feed", server.url("/a"), "--once").returncode == 0
    assert ids(tmp_path) == ["guid-1", "guid-2"]
    assert [headers.get("If-None-Match") for path, headers in server.asked if path == "/a"] == [None, "1", "2"]


@pytest.mark.parametrize("address", ["ftp://user:s3cret@feeds.example/a", "http://", "http://[s3cret/a"])
def test_what_is_no_address_of_a_feed_is_a_wrong_call(tmp_path: Path, address: str) -> None:
    done = publish(tmp_path, "--feed", address, "--once")
    assert done.returncode == 2
    assert "Error: --feed: " in done.stderr
    assert "s3cret" not in done.stderr


def test_a_feed_that_wants_to_be_left_alone_is(server: FeedServer, tmp_path: Path) -> None:
    server.answers["/a"] = Answer(status=503, headers=(("Retry-After", "900"),))
    assert publish(tmp_path, "--feed", server.url("/a"), "--once").returncode == 3
    again = publish(tmp_path, "--feed", server.url("/a"), "--once")
    assert again.returncode == 3
    assert "its server wants to be left alone" in again.stderr
    assert len(server.asked) == 1


def test_following_feeds_waits_for_a_broker_that_is_away_at_the_start(tmp_path: Path) -> None:
    with nobody() as port:
        (tmp_path / "bellwether.toml").write_text(f'[kafka]\nbootstrap_servers = ["127.0.0.1:{port}"]\n')
        feed = ("--feed", "http://127.0.0.1:1/")
        assert subprocess.run(command(*feed, "--once"), cwd=tmp_path, timeout=60, check=False).returncode == 1
        with subprocess.Popen(command(*feed), cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            assert "log away, trying again" in (process.stderr.readline() if process.stderr else "")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def test_a_stop_does_not_wait_for_a_server_that_is_slow(server: FeedServer, tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").touch()
    server.answers["/a"] = Answer(rss(item(2), item(1)))
    assert publish(tmp_path, "--feed", server.url("/a"), "--once").returncode == 0
    asked, over = threading.Event(), threading.Event()

    def answer() -> Answer:
        asked.set()
        over.wait(60)
        return Answer()

    server.answers["/a"] = answer
    with subprocess.Popen(command("--feed", server.url("/a"), "--once"), cwd=tmp_path) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    over.set()
    server.answers["/a"] = Answer(rss(item(3), item(2), item(1)))
    assert publish(tmp_path, "--feed", server.url("/a"), "--once").returncode == 0
    assert ids(tmp_path) == ["guid-1", "guid-2", "guid-3"]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_following_feeds_stops_when_asked(server: FeedServer, tmp_path: Path, asked: signal.Signals) -> None:
    server.answers["/a"] = Answer(rss(item(1)))
    (tmp_path / "bellwether.toml").touch()
    with subprocess.Popen(
        command("--feed", server.url("/a")), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while "feed read" not in (process.stderr.readline() if process.stderr else "") and time.monotonic() < deadline:
            pass
        process.send_signal(asked)
        assert process.wait(30) == 0
    assert ids(tmp_path) == ["guid-1"]
