import gzip
import socket
import threading
import time
import traceback
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from bellwether.clock import now
from bellwether.failures import exit_code
from ingest import fetch
from ingest.fetch import LARGEST, Failed, Fetched, Unchanged, WebClient, shown_url
from ingest.logs import LogUnfit
from tests.ingest.feedserver import Answer, FeedServer, item, rss

BOMB = gzip.compress(bytes(20 * LARGEST), 1)


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    shown = shown_url("https://me:pw@feeds.example:8443/v1/4f9a8b7c6d5e4f3a2b1c0d9e/markets.rss?key=1#x")
    assert shown == "https://feeds.example:8443/v1/.../markets.rss?..."


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/feeds/9f86d081884c7d65.xml", "/feeds/....xml"),
        ("/feeds/news-9f86d081884c7d659a2feaa0c55ad015.xml", "/feeds/....xml"),
        ("/bot1:AAF9x-b_c8d7e6f5a4b3c2d1/feed", "/bot1:.../feed"),
        ("/feeds/market-news-2026.xml", "/feeds/market-news-2026.xml"),
        ("/internationalnews/rss2.0.xml", "/internationalnews/rss2.0.xml"),
        ("/monetary-policy-decisions/index.rss", "/monetary-policy-decisions/index.rss"),
    ],
)
def test_what_looks_like_a_token_is_hidden_wherever_it_stands(path: str, shown: str) -> None:
    assert shown_url(f"https://feeds.example{path}") == f"https://feeds.example{shown}"


def test_a_client_gives_up_waiting() -> None:
    with WebClient() as client:
        assert client._client.timeout == httpx.Timeout(20.0)


@pytest.mark.parametrize(
    "proxy",
    ["socks5://me:secret@127.0.0.1:7890", "socks://me:secret@127.0.0.1:7890", "http://me:secret@127.0.0.1:port"],
)
def test_a_proxy_that_cannot_be_used_is_said_without_its_address(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(
        LogUnfit, match=r"ALL_PROXY.* cannot be used for feeds: unset it or name an http:// one"
    ) as refused:
        WebClient()
    told = "".join(traceback.format_exception(refused.value, chain=True))
    assert "secret" not in told
    assert exit_code(refused.value) == 2


@pytest.mark.parametrize(
    ("name", "file"), [("SSL_CERT_FILE", "not-there.pem"), ("SSL_CERT_FILE", "empty"), ("SSLKEYLOGFILE", "")]
)
def test_a_file_for_tls_that_cannot_be_used_is_said(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.setenv(name, str(tmp_path / file))
    with pytest.raises(
        LogUnfit, match=rf"the environment names for TLS \(.*{name}.*\) cannot be used: unset it or mend"
    ):
        WebClient()


def test_only_gzip_is_asked_for_and_read(server: FeedServer) -> None:
    server.answers["/rss"] = Answer(gzip.compress(rss(item(1))), headers=(("Content-Encoding", "gzip"),))
    assert fetched(server.url("/rss")) == Fetched(rss(item(1)), "", "", "")
    assert server.asked[0][1]["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("encoding", "why"),
    [
        ("zstd", "comes packed as zstd, though only gzip was asked for"),
        ("gzip, br", "comes packed as gzip, br, though only gzip was asked for"),
        ("gzip", "is not gzip, though it says so"),
    ],
)
def test_what_is_packed_otherwise_is_told(server: FeedServer, encoding: str, why: str) -> None:
    server.answers["/rss"] = Answer(rss(item(1)), headers=(("Content-Encoding", encoding),))
    assert fetched(server.url("/rss")) == Failed(why)


def test_an_encoding_that_is_none_changes_nothing(server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(1)), headers=(("Content-Encoding", "UTF-8"),))
    assert fetched(server.url("/rss")) == Fetched(rss(item(1)), "", "", "")


@pytest.mark.parametrize("behind", [b"", b"x" * 3 * LARGEST])
def test_what_is_packed_takes_no_more_memory_than_the_largest_feed(server: FeedServer, behind: bytes) -> None:
    headers = (("Content-Encoding", "gzip"), ("Location", "/whole"))
    server.answers["/"] = Answer(BOMB, 301, headers)
    server.answers["/whole"] = Answer(gzip.compress(rss(item(1))) + behind if behind else BOMB, headers=headers[:1])
    tracemalloc.start()
    answer = fetched(server.url("/"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer == (Fetched(rss(item(1)), "", "", "") if behind else Failed("has more than 10,000,000 bytes"))
    assert most < 4 * LARGEST


def test_a_server_that_sends_back_and_forth_is_given_up(server: FeedServer) -> None:
    server.answers["/a"] = Answer(status=301, headers=(("Location", "/b"),))
    server.answers["/b"] = Answer(status=302, headers=(("Location", "/a"),))
    assert fetched(server.url("/a")) == Failed("redirects more than 5 times")
    assert len(server.asked) == 6


@pytest.mark.parametrize("head", [b"", b"Content-Type: application/rss+xml\r\n\r\n"])
def test_a_feed_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """Neither headers nor text that come line by line can hold up the other feeds."""
    monkeypatch.setattr(fetch, "LONGEST_S", 0.5)
    with dripping(b"HTTP/1.1 200 OK\r\n" + head, b"X-Wait: yes\r\n") as url:
        assert fetched(url) == Failed("took longer than 0.5 s")


def fetched(url: str) -> Fetched | Unchanged | Failed:
    with WebClient() as client:
        return client.fetch(url, now)


@contextmanager
def dripping(head: bytes, line: bytes) -> Iterator[str]:
    """A server that sends `head`, and then `line` again and again until nobody listens, or 5 s."""

    def answer() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(head)
            for _ in range(100):
                connection.sendall(line)
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join()


def test_a_name_server_that_does_not_answer_holds_up_neither_the_answer_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    impatient = threading.Timer(30, answered.set)
    impatient.start()

    def look_up(*_: object, **__: object) -> None:
        answered.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(fetch, "LONGEST_S", 0.5)
    with WebClient() as client:
        assert client.fetch("http://feeds.example/a", now) == Failed("took longer than 0.5 s")
    assert not answered.is_set()
    impatient.cancel()
    answered.set()
