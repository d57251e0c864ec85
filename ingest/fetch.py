"""Asks a web server for a feed, politely: only for what has changed, no more of it than fits, and later if it says so."""

import asyncio
import re
import zlib
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from ingest.instants import SECOND, instant
from ingest.logs import LogUnfit
from ingest.lookup import LookupLoop

LARGEST = 10_000_000  # bytes of a feed, unpacked
LONGEST_S = 60  # for one feed with all its redirects, so that a slow one does not hold up the others
_AGENT = "Bellwether (feed reader)"
# Sixteen letters and digits in a row, or twenty with hyphens, as headlines in addresses have them too.
_TOKEN = re.compile(r"(?=[\w=-]*\d)[\w=-]{20,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}", re.ASCII)
_PROXIES = "ALL_PROXY, HTTP_PROXY, HTTPS_PROXY"
_TLS_FILES = "SSL_CERT_FILE, SSLKEYLOGFILE"
_REDIRECTS = 5
_PACKINGS = ("br", "compress", "deflate", "gzip", "x-gzip", "zstd")
_ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"


class Fetched(Struct, frozen=True):
    """The feed as it is now."""

    content: bytes
    content_type: str
    etag: str
    modified: str


class Unchanged(Struct, frozen=True):
    """The feed is as it was."""


class Failed(Struct, frozen=True):
    """No feed this time. `wait_s` is what the server asked for, at most a day; `gone`: it says the feed will never come back."""

    why: str
    wait_s: int = 0
    gone: bool = False


class WebClient:
    """A client for feeds, bounded in what it takes and, as a whole, in how long: not thread-safe."""

    def __init__(self) -> None:
        """Raises `LogUnfit` if the environment names a proxy or a file that cannot be used; the sentence does not hold it."""
        headers = {"User-Agent": _AGENT, "Accept": _ACCEPT, "Accept-Encoding": "gzip"}
        try:
            self._client = httpx.AsyncClient(timeout=httpx.Timeout(20.0), headers=headers)
        except (ImportError, ValueError, httpx.InvalidURL):  # for SOCKS, another scheme, no address
            raise LogUnfit(
                f"the proxy in the environment ({_PROXIES}) cannot be used for feeds: unset it or name an http:// one"
            ) from None
        except OSError:  # not there, or no certificates in it
            raise LogUnfit(
                f"a file that the environment names for TLS ({_TLS_FILES}) cannot be used: unset it or mend the file"
            ) from None
        # Only what can be cancelled can be bounded: headers may come byte by byte, and names late.
        self._runner = asyncio.Runner(loop_factory=LookupLoop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    def fetch(
        self, url: str, clock: Callable[[], int], etag: str = "", modified: str = ""
    ) -> Fetched | Unchanged | Failed:
        """Ask for `url` unless it is as it was at `etag` or `modified`. No sentence holds the address itself."""
        known = {"If-None-Match": etag, "If-Modified-Since": modified}
        # What a server tells may be what no request can hold.
        sent = {name: value for name, value in known.items() if value.isascii() and value.isprintable() and value}
        return self._runner.run(self._within_limits(url, sent, clock))

    async def _within_limits(
        self, url: str, headers: dict[str, str], clock: Callable[[], int]
    ) -> Fetched | Unchanged | Failed:
        try:
            async with asyncio.timeout(LONGEST_S):
                return await self._answer(self._client.build_request("GET", url, headers=headers), clock)
        except TimeoutError:
            return Failed(f"took longer than {LONGEST_S} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            return Failed(f"cannot be reached ({type(error).__name__})")

    async def _answer(self, request: httpx.Request, clock: Callable[[], int]) -> Fetched | Unchanged | Failed:
        """What is at the end of the redirects. httpx would follow them itself, but reads all that each of them holds."""
        for _ in range(_REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            async with aclosing(response):
                if response.next_request is not None:
                    request = response.next_request
                elif response.status_code == httpx.codes.NOT_MODIFIED:
                    return Unchanged()
                elif response.status_code != httpx.codes.OK:
                    return _refusal(response, clock())
                else:
                    return await _whole(response)
        return Failed(f"redirects more than {_REDIRECTS} times")


async def _whole(response: httpx.Response) -> Fetched | Failed:
    """The answer, unpacked only as far as it fits: httpx unpacks all that has come, a thousand times as much."""
    told = response.headers
    packings = [name for name in re.split(r"[\s,]+", told.get("content-encoding", "").lower()) if name in _PACKINGS]
    if packings not in ([], ["gzip"], ["x-gzip"]):
        return Failed(f"comes packed as {', '.join(packings[:3])}, though only gzip was asked for")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16) if packings else None
    content = bytearray()
    try:
        async for part in response.aiter_raw():
            content += unpacking.decompress(part, LARGEST + 1 - len(content)) if unpacking else part
            if len(content) > LARGEST:
                return Failed(f"has more than {LARGEST:,} bytes")
            if unpacking and unpacking.eof:
                break
    except zlib.error:
        return Failed("is not gzip, though it says so")
    return Fetched(bytes(content), told.get("content-type", ""), told.get("etag", ""), told.get("last-modified", ""))


def _refusal(response: httpx.Response, now: int) -> Failed:
    gone = response.status_code == httpx.codes.GONE
    why = f"answered {response.status_code} {response.reason_phrase}".strip()
    wait_s = retry_after_s(response.headers.get("retry-after", ""), now) or 0.0
    return Failed(why, wait_s=min(int(wait_s), 86_400), gone=gone)


def retry_after_s(told: str, now: int) -> float | None:
    """What Retry-After says, seconds or an HTTP date, as seconds from now; None if it is neither."""
    told = told.strip()
    if told.isascii() and told.isdigit():
        return float(told[:12])
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (instant(at if at.tzinfo else at.replace(tzinfo=UTC)) - now) / SECOND)


def shown_url(url: str) -> str:
    """`url` without what may be a secret: user, password, query, and what looks like a token in the path."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    path = _TOKEN.sub("...", parts.path)
    return f"{parts.scheme}://{parts.hostname or ''}{port}{path}{'?...' if parts.query else ''}"
