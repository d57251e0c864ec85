"""What people do: sign in and out, judge an alert, work on a case. Forms in, the page again out."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from msgspec import ValidationError, convert
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerting.bodies import limited
from alerting.cases import Entry
from alerting.console.guard import SESSION, cookie, is_own_form
from alerting.console.pages import found, own_path, page
from alerting.console.room import Room
from alerting.console.saying import Said, Unfit, handling, verdict
from ingest.instants import SECOND

LARGEST_BODY = 64 * 1024
FIELDS = 20


class Forms:
    """Every form there is."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[Route]:
        """Where they are sent; what needs no caller is in `doors`."""
        return [
            Route("/alerts/{alert}", self.judge, methods=["POST"]),
            Route("/incidents/{incident}", self.handle, methods=["POST"]),
        ]

    def doors(self) -> list[Route]:
        """The way in, and out."""
        return [
            Route("/login", self.login, methods=["POST"]),
            Route("/login", self.door, methods=["GET"]),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    async def judge(self, request: Request) -> Response:
        """A verdict on an alert."""
        alert, said = request.path_params["alert"], _said(await self._form(request))

        def make() -> Entry:
            now = self._room.clock()
            story = found(self._room.answers.story(alert, now))
            return verdict(said, story, self._room.answers.topics(), request.state.caller.name, now)

        return await self._keep(make, f"/alerts/{alert}?said=1#verdict")

    async def handle(self, request: Request) -> Response:
        """Something done to a case."""
        name, said = request.path_params["incident"], _said(await self._form(request))

        def make() -> Entry:
            now = self._room.clock()
            return handling(said, found(self._room.answers.incident(name, now)), request.state.caller.name, now)

        return await self._keep(make, f"/incidents/{name}?said=1#case")

    async def door(self, request: Request) -> Response:
        """The page that asks for a token."""
        return ask(request, self._room, request.query_params.get("back", "/"))

    async def login(self, request: Request) -> Response:
        """A token, once, for a session."""
        form = await self._form(request)
        name = self._room.access.bearer(form.get("token", ""))
        back = own_path(form.get("back", "/"))
        if name is None:
            return ask(request, self._room, back, wrong=True)
        answer = RedirectResponse(back, 303)
        held = self._room.access.open_session(name, self._room.clock())
        seconds = self._room.access.settings.session // SECOND
        kept = cookie(SESSION, held, is_secure=request.state.is_secure, seconds=seconds)
        answer.headers.append("set-cookie", kept)
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session on this browser."""
        await self._form(request)
        answer = RedirectResponse("/login", 303)
        answer.headers.append("set-cookie", cookie(SESSION, "", is_secure=request.state.is_secure, seconds=0))
        return answer

    async def _form(self, request: Request) -> dict[str, str]:
        """The fields of a form that one of our own pages sent."""
        body = await limited(request, LARGEST_BODY)
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
        except ValueError:
            raise Unfit("field") from None
        fields = dict(pairs)
        if not is_own_form(request, fields.pop("form", "")):
            raise HTTPException(403)
        return fields

    async def _keep(self, make: Callable[[], Entry], then: str) -> Response:
        def keep() -> None:
            self._room.desk.say(make())

        await run_in_threadpool(keep)
        return RedirectResponse(then, 303)


def ask(request: Request, room: Room, back: str, *, wrong: bool = False) -> Response:
    """Ask for a token: 401. The page leads `back`, if that is a path of ours."""
    back = own_path(back)
    takes_tokens = bool(room.access.settings.tokens)
    answer = page(request, room, "login.html", status=401, back=back, wrong=wrong, takes_tokens=takes_tokens, user=None)
    answer.headers["www-authenticate"] = 'Bearer realm="bellwether"'
    return answer


def _said(fields: dict[str, str]) -> Said:
    try:
        return convert(fields, Said, strict=False)
    except ValidationError:
        raise Unfit("field") from None
