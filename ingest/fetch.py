"""Asks a web server for a feed, politely: only for what has changed, no more of it than fits, and later if it says so."""

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from ingest.instants import SECOND, instant

LARGEST = 10_000_000  # bytes of a feed, unpacked
LONGEST = 60 * SECOND  # for one feed, so that a slow one does not hold up the others
_AGENT = "Bellwether (feed reader)"
# Sixteen letters and digits in a row, or twenty with hyphens, as headlines in addresses have them too.
_TOKEN = re.compile(r"(?=[\w=-]*\d)[\w=-]{20,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}", re.ASCII)
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


def web_client() -> httpx.Client:
    """A client for feeds."""
    headers = {"User-Agent": _AGENT, "Accept": _ACCEPT}
    return httpx.Client(follow_redirects=True, max_redirects=5, timeout=httpx.Timeout(20.0), headers=headers)


def fetch(
    client: httpx.Client, url: str, clock: Callable[[], int], etag: str = "", modified: str = ""
) -> Fetched | Unchanged | Failed:
    """Ask for `url` unless it is as it was at `etag` or `modified`. No sentence holds the address itself."""
    headers = {"If-None-Match": etag, "If-Modified-Since": modified}
    began = clock()
    try:
        with client.stream("GET", url, headers={name: value for name, value in headers.items() if value}) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return Unchanged()
            if response.status_code != httpx.codes.OK:
                return _refusal(response, clock())
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    return Failed(f"has more than {LARGEST:,} bytes")
                if clock() > began + LONGEST:
                    return Failed(f"took longer than {LONGEST // SECOND} s")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        return Failed(f"cannot be reached ({type(error).__name__})")
    told = response.headers
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
