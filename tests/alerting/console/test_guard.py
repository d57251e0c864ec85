"""What a request costs before it is known who asks."""

import asyncio
from typing import ClassVar

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from alerting.console.access import Access, AccessSettings, Caller, read_tokens
from alerting.console.guard import SESSION, Guard, is_same_origin
from tests.alerting.told import OPENED

TOKEN = "a-token-of-more-than-twenty"
ACCESS = Access(AccessSettings(tokens=read_tokens(f"ann:{TOKEN}")))
HEADERS = 400
BACKSLASHES = r"\054" * HEADERS


class Read(bytes):
    """A header's name that counts how often one of its kind is looked at."""

    times: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Read.times += 1
        return bytes.__eq__(self, other)

    __hash__ = bytes.__hash__

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        Read.times += 1
        return super().decode(encoding, errors)


def told(*headers: tuple[bytes, bytes]) -> tuple[Caller | None, dict[str, str]]:
    """Whom the application behind the guard is told that a request with these headers is from, and its cookies."""
    found: list[tuple[Caller | None, dict[str, str]]] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        found.append((scope["state"]["caller"], Request(scope).cookies))

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "scheme": "http", "method": "GET", "client": ("1.2.3.4", 5), "headers": headers}
    asyncio.run(Guard(application, ACCESS, lambda: OPENED)(scope, receive, send))
    return found[0]


def test_each_header_is_looked_at_a_few_times_however_many_there_are() -> None:
    bearer = (Read(b"authorization"), f"Bearer {TOKEN}".encode())
    Read.times = 0
    assert told(*[(Read(b"a"), b"")] * HEADERS, bearer)[0] == Caller("ann", "bearer")
    assert 0 < Read.times < 20 * HEADERS


def test_of_two_tokens_the_first_counts() -> None:
    right, wrong = (b"authorization", f"Bearer {TOKEN}".encode()), (b"authorization", b"Bearer nobodys")
    assert told(right, wrong)[0] == Caller("ann", "bearer")
    assert told(wrong, right)[0] is None


def test_no_backslash_of_a_cookie_is_unquoted_and_a_session_beside_it_holds() -> None:
    session = ACCESS.open_session("ann", OPENED)
    sent = f'other="{BACKSLASHES}"; {SESSION}={session}'
    caller, cookies = told((b"cookie", sent.encode()))
    assert caller == Caller("ann", "session")
    assert cookies == {"other": BACKSLASHES.replace("\\", ""), SESSION: session}


@pytest.mark.parametrize(
    ("origin", "is_ours"),
    [
        (b"http://desk.example:8700", True),
        (b"https://desk.example:8700", True),
        (b"http://desk.example", False),
        (b"null", False),
        (b"http://[", False),
        (b"", False),
        (b"desk.example:8700", False),
    ],
)
def test_an_origin_is_ours_or_not_whatever_stands_there(origin: bytes, is_ours: bool) -> None:
    headers = [(b"host", b"desk.example:8700"), (b"origin", origin)]
    assert is_same_origin(Request({"type": "http", "headers": headers})) is is_ours
