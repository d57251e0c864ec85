"""In front of every page: who asks, from where a form was sent, and the headers that keep foreign text harmless."""

import hmac
import secrets
from collections.abc import Callable
from http.cookies import SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerting.console.access import LOOPBACK, Access, host_of

SESSION, FORM, LANGUAGE = "bellwether-session", "bellwether-form", "bellwether-language"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with `no-referrer` browsers send forms with an origin of null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Guard:
    """Adds to each request's state the `caller` (or None), `form_token`, and `is_secure`; to each answer the headers.

    Which pages need a caller the application decides: the page that asks for a token does not.
    """

    def __init__(self, app: ASGIApp, access: Access, clock: Callable[[], int]) -> None:
        self._app, self._access, self._clock = app, access, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        scope["headers"] = [(name, _quick(value) if name == b"cookie" else value) for name, value in scope["headers"]]
        headers = Headers(scope=scope)
        cookies = Request(scope).cookies
        peer = (scope.get("client") or ("", 0))[0]
        given = cookies.get(FORM, "")
        token = given if len(given) == 43 and given.replace("-", "").replace("_", "").isalnum() else ""
        is_new = not token
        state = scope.setdefault("state", {})
        state["form_token"] = token = token or secrets.token_urlsafe(32)
        state["is_secure"] = scope["scheme"] == "https" or (
            self._access.is_proxy(peer) and headers.get("x-forwarded-proto") == "https"
        )
        state["caller"] = None
        if not self._access.settings.is_open or host_of(headers.get("host", "")) in LOOPBACK:
            # Open to everybody here means everybody here: a name that leads here from elsewhere does not.
            sent: dict[str, list[str]] = {}
            for name, value in headers.items():  # one pass: to ask for each name reads all of them anew
                sent.setdefault(name, []).append(value)
            state["caller"] = self._access.caller(peer, sent, cookies.get(SESSION, ""), self._clock())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    told.setdefault(name, value)
                if is_new and scope["method"] == "GET" and told.get("content-type", "").startswith("text/html"):
                    told.append("set-cookie", cookie(FORM, token, is_secure=state["is_secure"]))
            await send(message)

        await self._app(scope, receive, answer)


def _quick(cookies: bytes) -> bytes:
    """Without backslashes, of which no cookie of ours has any: older Pythons take seconds to unquote many."""
    return cookies.replace(b"\\", b"")


def is_own_form(request: Request, token: str) -> bool:
    """Whether a form was sent from a page of ours: it holds what only such a page and the cookie know."""
    given = request.cookies.get(FORM, "")
    return bool(given) and hmac.compare_digest(given.encode(), token.encode()) and is_same_origin(request)


def is_same_origin(request: Request) -> bool:
    """Whether a browser, if it is one, says that the request comes from a page of ours."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def cookie(name: str, value: str, *, is_secure: bool, seconds: int | None = None) -> str:
    """A Set-Cookie header: for this site's own pages only, out of reach of scripts."""
    made: SimpleCookie = SimpleCookie({name: value})
    made[name]["path"], made[name]["httponly"], made[name]["samesite"] = "/", True, "Strict"
    if is_secure:
        made[name]["secure"] = True
    if seconds is not None:
        made[name]["max-age"] = seconds
    return made[name].OutputString()
