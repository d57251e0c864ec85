"""What people do: sign in and out, judge an alert, work on a case. Forms in, the page again out."""

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
        entry = await run_in_threadpool(judged, self._room, request, _said(await self._form(request)))
        return RedirectResponse(f"/alerts/{entry.alert}?said=1#verdict", 303)

    async def handle(self, request: Request) -> Response:
        """Something done to a case."""
        entry = await run_in_threadpool(handled, self._room, request, _said(await self._form(request)))
        return RedirectResponse(f"/incidents/{entry.incident}?said=1#case", 303)

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


def judged(room: Room, request: Request, said: Said) -> Entry:
    """Keep a verdict on the alert that the request's path names. Raises `Unfit`."""
    now = room.clock()
    story = found(room.answers.story(request.path_params["alert"], now))
    entry = verdict(said, story, room.answers.topics(), request.state.caller.name, now)
    room.desk.say(entry)
    return entry


def handled(room: Room, request: Request, said: Said) -> Entry:
    """Keep what was done to the case that the request's path names. Raises `Unfit`."""
    now = room.clock()
    incident = found(room.answers.incident(request.path_params["incident"], now))
    entry = handling(said, incident, request.state.caller.name, now)
    room.desk.say(entry)
    return entry


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
