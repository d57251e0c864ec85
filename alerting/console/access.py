"""Who may look, and as whom: tokens, sessions that a token opened, or the name that a trusted proxy gives.

Of a token only its SHA-256 is held. A session is a cookie signed with that hash: it needs no memory here, holds on every
process that has the same file, and ends with its token.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

import structlog
from msgspec import Struct

from alerting.tokens import SENDABLE, is_sendable
from ingest.instants import SECOND

Network = IPv4Network | IPv6Network
LOOPBACK = ("127.0.0.1", "::1", "localhost")
LEAST_TOKEN = 20  # characters: long enough that guessing is pointless
LONGEST_NAME = 60

_log = structlog.get_logger(__name__)


class Caller(Struct, frozen=True):
    """Somebody who may use the console. Only a bearer is no browser: what comes by itself with a request needs care."""

    name: str
    way: Literal["bearer", "session", "proxy", "open"]


class AccessSettings(Struct, frozen=True):
    """Who is let in. With neither tokens nor proxies everybody is, and then only on this machine."""

    tokens: Mapping[str, bytes] = {}  # SHA-256 of each token, by its owner's name
    proxies: tuple[Network, ...] = ()  # whose word about the user is taken
    user_header: str = "x-forwarded-user"
    session: int = 12 * 3600 * SECOND

    @property
    def is_open(self) -> bool:
        """Nobody is asked who they are."""
        return not (self.tokens or self.proxies)


def read_tokens(lines: str) -> dict[str, bytes]:
    """From `name:token` lines to hashes by name; empty lines and those with # are passed over. Raises `ValueError`."""
    tokens: dict[str, bytes] = {}
    for number, line in enumerate(lines.splitlines(), 1):
        name, _, token = (part.strip() for part in line.partition(":"))
        if not line.strip() or name.startswith("#"):
            continue
        if not (name and len(token) >= LEAST_TOKEN and is_sendable(token)):
            raise ValueError(
                f"line {number} must be name:token, the token of at least {LEAST_TOKEN} characters, {SENDABLE}"
            )
        if name in tokens or len(name) > LONGEST_NAME or not name.isprintable():
            raise ValueError(f"line {number}: a name stands there once and has at most {LONGEST_NAME} characters")
        known = sha256(token.encode()).digest()
        if known in tokens.values():
            raise ValueError(f"line {number}: a token stands there once, for one name")
        tokens[name] = known
    if not tokens:
        raise ValueError("holds no name:token line")
    return tokens


class Access:
    """Decides who a request is from."""

    def __init__(self, settings: AccessSettings) -> None:
        self.settings = settings
        self._complaints: set[str] = set()

    def bearer(self, token: str) -> str | None:
        """Whose token it is. Takes the same time whatever is wrong with it."""
        given, owner = sha256(token.strip().encode()).digest(), None
        for name, known in self.settings.tokens.items():
            if hmac.compare_digest(given, known):
                owner = name
        return owner

    def open_session(self, name: str, now: int) -> str:
        """The cookie of a session of `name`, who has just shown a token."""
        until = (now + self.settings.session) // SECOND
        return f"{until}.{self._signature(name, until)}.{name.encode().hex()}"

    def session(self, cookie: str, now: int) -> str | None:
        """Whose session the cookie is; None if it is forged, over, or its token is no more."""
        until, _, rest = cookie.partition(".")
        signature, _, encoded = rest.partition(".")
        try:
            name, ends = bytes.fromhex(encoded).decode(), int(until)
        except ValueError:
            return None
        if name not in self.settings.tokens or now // SECOND >= ends:
            return None
        return name if hmac.compare_digest(signature.encode(), self._signature(name, ends).encode()) else None

    def is_proxy(self, peer: str) -> bool:
        """Whether a request's other end is a proxy whose word is taken."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.settings.proxies)

    def caller(self, peer: str, headers: Mapping[str, Sequence[str]], cookie: str, now: int) -> Caller | None:
        """Who asks, or None. `headers` by small names, all that was sent of each; `cookie` that of a session."""
        scheme, _, token = next(iter(headers.get("authorization", ())), "").partition(" ")
        if scheme.lower() == "bearer":
            if owner := self.bearer(token):
                return Caller(owner, "bearer")
            if not self.is_proxy(peer):
                return None  # from a proxy it may be the proxy's own token, which says nothing here
        if self.is_proxy(peer):
            names = headers.get(self.settings.user_header, ())
            if len(names) > 1:
                self._complain("came twice: the proxy must replace what users send")
                return None  # which one is whose cannot be told
            told = _unicode("".join(names)).strip()[:LONGEST_NAME]
            if told and told.isprintable():
                return Caller(told, "proxy")
            if told:
                self._complain("holds what cannot be printed")
        if cookie and (name := self.session(cookie, now)):
            return Caller(name, "session")
        return Caller("local", "open") if self.settings.is_open else None

    def _complain(self, why: str) -> None:
        """Once, however often it is so."""
        if why not in self._complaints:
            self._complaints.add(why)
            _log.warning("user header not taken", header=self.settings.user_header, why=why)

    def _signature(self, name: str, until: int) -> str:
        key = self.settings.tokens[name]
        return hmac.new(key, f"bellwether session {until} {name}".encode(), sha256).hexdigest()


def _unicode(header: str) -> str:
    """What was sent as UTF-8; a header is read as Latin-1, and may be meant so."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def may_be_open(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    return host in LOOPBACK


def host_of(header: str) -> str:
    """The host that a Host header names, without its port."""
    return header.rpartition(":")[0].strip("[]") if header.count(":") == 1 or "]:" in header else header.strip("[]")


def networks(names: Sequence[str]) -> tuple[Network, ...]:
    """Addresses or networks as they are written. Raises `ValueError`."""
    return tuple(ip_network(name) for name in names)
