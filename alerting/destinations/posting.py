"""One POST an attempt, bounded as a whole, on a connection of its own; whatever the world does becomes a value."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from pathlib import Path

import httpx
from msgspec import Struct
from pydantic import SecretStr

from alerting.destinations.answers import Answer, Away, Delivered, Refused
from alerting.tokens import SENDABLE, is_sendable
from ingest.fetch import retry_after_s
from ingest.lookup import LookupLoop

TIMEOUT_S = 5.0
DRAIN_S = 0.5  # for a body that means nothing
BODY_BYTES = 65_536  # of an answer; more is not read
LARGEST_PORT = 65_535
TRY_AGAIN = {408, 425, 429}


class Address(Struct, frozen=True):
    """Where requests go, and how. Shows nothing of what may be a password."""

    name: str  # of the destination
    url: SecretStr  # user, path and query of such an address often are its password
    token: SecretStr | None = None  # sent as a bearer token
    ca_file: Path | None = None  # trust these authorities only; None: those of the system
    proxy: SecretStr | None = None
    timeout_s: float = TIMEOUT_S  # until the answer is there, names and handshakes included


class Reply(Struct, frozen=True):
    """What a server answered."""

    status: int
    retry_after_s: float | None
    body: bytes  # its first `BODY_BYTES`; never shown, many servers repeat the address or the token in it
    took_s: float


class Posting:
    """Posts to one address. Raises `ValueError` with one sentence if the settings cannot work.

    No redirect is followed, no proxy or password taken from the environment.
    """

    def __init__(self, address: Address) -> None:
        name = self.name = address.name
        self._timeout_s = address.timeout_s
        url = http_url(address.url, f"the address of {name}")
        self._url = url.copy_with(userinfo=b"")
        self._proxy = http_url(address.proxy, f"the proxy of {name}") if address.proxy is not None else None
        self.shown = shown(url)
        self._fixed = {"Content-Type": "application/json", "User-Agent": "bellwether"}
        if url.userinfo and address.token is not None:
            raise ValueError(f"{name} has a bearer token and a user in its address: take one of them away")
        if address.token is not None:
            self._fixed["Authorization"] = f"Bearer {_token(address.token, name)}"
        elif url.userinfo:
            pair = f"{url.username}:{url.password}".encode()
            self._fixed["Authorization"] = f"Basic {b64encode(pair).decode()}"
        if not 0 < address.timeout_s <= TIMEOUT_S:
            raise ValueError(f"the timeout of {name} must be above 0 and at most {TIMEOUT_S:g} s")
        self._tls = _tls(address.ca_file, name)

    def __repr__(self) -> str:
        return f"Posting({self.name!r}, {self.shown!r})"

    def post(
        self,
        body: bytes,
        now: int,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        reads_body: bool = False,
    ) -> Reply | Away:
        """One attempt at instant `now`; `query` is added to that of the address.

        With `reads_body` the body of a 2xx is a part of the answer: without it there is none.
        """
        # A loop of its own, because only asyncio bounds the whole attempt: each of httpx's timeouts begins anew with
        # every byte, and none covers looking up a name.
        loop = LookupLoop()
        try:
            request = self._request(body, headers or {}, query or {})
            return loop.run_until_complete(self._attempt(request, now, reads_body))
        finally:
            loop.close()

    def judge(self, reply: Reply) -> Answer:
        """What a status means: 2xx yes; what may pass is tried again; other 4xx and redirects are refused for good."""
        status = reply.status
        if 200 <= status < 300:
            return Delivered(took_s=reply.took_s)
        sentence = f"{self.shown} answered {status}"
        if status in TRY_AGAIN or status >= 500:
            return Away(f"http_{status}", sentence, reply.retry_after_s, reply.took_s)
        if 300 <= status < 400:
            sentence += ": redirects are not followed, name the final address"
            return Refused("redirected", sentence, reply.took_s)
        return Refused(f"http_{status}", sentence, reply.took_s)

    def _request(self, body: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> httpx.Request:
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        url = self._url.copy_merge_params(query) if query else self._url
        return httpx.Request(
            "POST", url, headers=self._fixed | dict(headers), content=body, extensions={"timeout": timeouts}
        )

    async def _attempt(self, request: httpx.Request, now: int, reads_body: bool) -> Reply | Away:
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            status, retry_after, body = await self._post(request, reads_body)
        except (TimeoutError, httpx.TimeoutException):
            sentence = f"{self.shown} did not answer within {self._timeout_s:g} s"
            return Away("timeout", sentence, took_s=clock() - start)
        except Exception as error:  # noqa: BLE001 - whatever httpx and what it stands on raise, groups included
            reason, sentence = self._explain(error)
            return Away(reason, sentence, took_s=clock() - start)
        return Reply(status, retry_after_s(retry_after, now), body, clock() - start)

    async def _post(self, request: httpx.Request, reads_body: bool) -> tuple[int, str, bytes]:
        # The transport, not the client: that logs each address in full, with whatever password is in it.
        proxy = httpx.Proxy(self._proxy) if self._proxy else None
        body = bytearray()
        ends = asyncio.get_running_loop().time() + self._timeout_s
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, proxy=proxy) as transport:
            async with asyncio.timeout_at(ends):
                response = await transport.handle_async_request(request)
            async with aclosing(response):
                if reads_body and response.is_success:
                    # What came before the connection broke may be the whole answer: whoever reads it can tell.
                    with suppress(httpx.RequestError):
                        async with asyncio.timeout_at(ends):
                            await _read(response, body)
                else:
                    with suppress(TimeoutError, httpx.RequestError):
                        async with asyncio.timeout(DRAIN_S):
                            await _read(response, body)
        return response.status_code, response.headers.get("retry-after", ""), bytes(body)

    def _explain(self, error: Exception) -> tuple[str, str]:
        """Reason and sentence."""
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return "certificate", f"the certificate of {self.shown} is not trusted: {cause.verify_message}"
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return "tls", f"{self.shown} does not speak TLS with us"
        if isinstance(error, httpx.ProxyError):
            return "proxy", f"the proxy of {self.name} did not let us through"
        if isinstance(error, httpx.ConnectError):
            return "unreachable", f"{self.shown} cannot be reached"
        if isinstance(error, httpx.RemoteProtocolError):
            return "garbage", f"{self.shown} gave no whole answer in HTTP"
        return "broken", f"the connection to {self.shown} broke"


def shown(url: httpx.URL) -> str:
    """Scheme, host and port of an address; the rest may be a password."""
    bare = url.copy_with(userinfo=b"", raw_path=b"/", fragment=None)
    rest = url.raw_path != b"/" or url.userinfo
    return f"{bare}..." if rest else str(bare)


def http_url(address: SecretStr, what: str) -> httpx.URL:
    """The address, parsed. Raises `ValueError` that does not show it."""
    sentence = f"{what} must begin with https:// or http:// and name a host"
    try:
        url = httpx.URL(address.get_secret_value())
        is_one = url.scheme in {"http", "https"} and url.host
    except (httpx.InvalidURL, ValueError):  # whose words may hold the address
        raise ValueError(sentence) from None
    if not is_one:
        raise ValueError(sentence)
    if url.port is not None and url.port > LARGEST_PORT:
        raise ValueError(f"the port in {what} must be at most {LARGEST_PORT}")
    return url


def _token(secret: SecretStr, name: str) -> str:
    token = secret.get_secret_value()
    if not is_sendable(token):
        raise ValueError(f"the bearer token of {name} must be {SENDABLE}")
    return token


def _tls(ca_file: Path | None, name: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise ValueError(f"{ca_file}, the authorities that {name} trusts, cannot be read as PEM") from None


async def _read(response: httpx.Response, body: bytearray) -> None:
    """Read the answer's body, up to a bound, so that the receiver can end in peace."""
    async for part in response.aiter_raw():
        body += part
        if len(body) > BODY_BYTES:
            return


def _causes(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__
