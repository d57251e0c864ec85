"""The console as one application: pages, forms and the JSON interface, behind the guard."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alerting.console.follow import NotKept
from alerting.console.forms import Forms, ask
from alerting.console.guard import Guard
from alerting.console.interface import Interface, Refusal, told
from alerting.console.pages import Pages, language, page, statics, wording_of
from alerting.console.room import Room
from alerting.console.saying import Unfit
from ingest.logs import LogAway

REASONS = {401: "unauthorized", 403: "forbidden", 413: "too_large"}


def console(room: Room) -> Mount:
    """The routes to mount beside those of the process."""
    forms = Forms(room)
    closed = [*Pages(room).routes(), *forms.routes(), *Interface(room).routes()]
    open_to_all = [*forms.doors(), *statics(), Route("/language", language)]
    application = Starlette(
        routes=[*open_to_all, Mount("/", routes=closed, middleware=[Middleware(Door, room=room)])],
        middleware=[Middleware(Guard, access=room.access, clock=room.clock)],
        exception_handlers={
            HTTPException: _refuser(room),
            Unfit: _refuser(room),
            NotKept: _refuser(room),
            LogAway: _refuser(room),
        },
    )
    return Mount("/", app=application)


class Door:
    """Lets in who is known, once there is something to show."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if Request(scope).state.caller is None:
            raise HTTPException(401)
        if not self._room.is_read():
            raise HTTPException(503)
        await self._app(scope, receive, send)


def _refuser(room: Room) -> Callable[[Request, Exception], Response]:
    def refuse(request: Request, error: Exception) -> Response:
        """What is not done is said in the caller's language, as a page or as JSON."""
        status, reason, why = _why_not(error)
        if status == 401 and not request.url.path.startswith("/api/"):
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return ask(request, room, back if request.method == "GET" else "/")
        if request.url.path.startswith("/api/"):
            wording = wording_of(request, room)
            sentence = wording.say(f"refused.{reason}", why=wording.say(f"wrong.{why}") if why else "")
            answer = told(Refusal(sentence), status)
            if status == 401:
                answer.headers["www-authenticate"] = 'Bearer realm="bellwether"'
            return answer
        return page(request, room, "refused.html", status=status, reason=reason, why=why)

    return refuse


def _why_not(error: Exception) -> tuple[int, str, str]:
    """Status, the key of a sentence, and what is wrong with what was said."""
    match error:
        case Unfit():
            return 422, "wrong", error.why
        case NotKept() | LogAway():
            return 503, "not_kept", ""
        case HTTPException(status_code=503):
            return 503, "reading", ""
        case HTTPException():
            return error.status_code, REASONS.get(error.status_code, "not_found"), ""
        case _:
            raise error
