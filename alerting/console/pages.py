"""The pages to look at. Each is a function of a request, run in a thread, since rendering is work."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from alerting.alerts import Subject
from alerting.console.guard import LANGUAGE, cookie
from alerting.console.incidents import Incident, Line
from alerting.console.rendering import render, static
from alerting.console.room import Room
from alerting.console.wording import LANGUAGES, Wording, chosen
from ingest.instants import SECOND, moment

ROWS = 50  # of a list
NAMES = 12  # watched names on the board
LONG_OVER = 10  # incidents that are over and that nobody took up, on the board
KINDS = {"console.css": "text/css; charset=utf-8", "bell.svg": "image/svg+xml"}

T = TypeVar("T")


class Pages:
    """Every page that changes nothing."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/", self.board),
            Route("/alerts", self.alerts),
            Route("/alerts/{alert}", self.alert),
            Route("/incidents", self.incidents),
            Route("/incidents/{incident}", self.incident),
            Route("/subjects/{kind}/{name:path}", self.subject),
            Route("/precision", self.precision),
        ]

    def board(self, request: Request) -> Response:
        """Topics now."""
        answers, now = self._room.answers, self._room.clock()
        found, incidents = answers.board(now, NAMES), answers.incidents(now)
        present = answers.present
        overdue = [each for each in incidents if each.is_overdue]
        return page(
            request, self._room, "board.html",
            present=present, ago=(now - (present or now)) / SECOND, live="live" in request.query_params,
            overdue=overdue, shown=LONG_OVER,
            running=[each for each in incidents if each.state == "open" and not each.is_overdue],
            topics=[each for each in found if each.subject.kind == "topic"],
            names=[each for each in found if each.subject.kind == "entity"],
        )  # fmt: skip

    def alerts(self, request: Request) -> Response:
        """A list of alerts, by state, severity, verdict and subject."""
        wanted = request.query_params

        def fits(line: Line) -> bool:
            verdict = line.verdict.act if line.verdict else "none"
            alert, asked = line.alert, wanted.get("verdict")
            return _fits(alert.state, wanted.get("state")) and (
                _fits(alert.severity, wanted.get("severity"))
                and _fits(verdict, asked)
                and _fits(str(alert.subject), wanted.get("subject"))
            )

        lines = self._room.answers.alerts()
        subjects = sorted({line.alert.subject for line in lines})
        return self._list(request, "alerts", [line for line in lines if fits(line)], subjects)

    def incidents(self, request: Request) -> Response:
        """A list of incidents, by state, severity, case and subject."""
        wanted = request.query_params

        def fits(each: Incident) -> bool:
            subject = wanted.get("subject")
            return (
                _fits(each.state, wanted.get("state"))
                and _fits(each.severity, wanted.get("severity"))
                and _fits(each.case.stands, wanted.get("stands"))
                and (not subject or subject in map(str, each.subjects))
            )

        incidents = self._room.answers.incidents(self._room.clock())
        subjects = sorted({subject for each in incidents for subject in each.subjects})
        return self._list(request, "incidents", [each for each in incidents if fits(each)], subjects)

    def alert(self, request: Request) -> Response:
        """One alert."""
        story = found(self._room.answers.story(request.path_params["alert"], self._room.clock()))
        return page(
            request, self._room, "alert.html",
            story=story, topics=self._topics(), said="said" in request.query_params,
            why=self._room.explain(story.composed) if "why" in request.query_params else None,
        )  # fmt: skip

    def incident(self, request: Request) -> Response:
        """One incident and its case."""
        incident = found(self._room.answers.incident(request.path_params["incident"], self._room.clock()))
        return page(request, self._room, "incident.html", incident=incident, said="said" in request.query_params)

    def subject(self, request: Request) -> Response:
        """One topic or watched name."""
        kind, name = request.path_params["kind"], request.path_params["name"]
        subject = Subject("entity" if kind == "entity" else "topic", name)
        at_present, week = found(self._room.answers.subject(subject, self._room.clock()))
        lines = [line for line in self._room.answers.alerts() if line.alert.subject == subject][:ROWS]
        standing = next((each for each in self._room.answers.standings() if each.subject == subject), None)
        return page(request, self._room, "subject.html", subject=at_present, week=week, lines=lines, standing=standing)

    def precision(self, request: Request) -> Response:
        """How often alerts were right."""
        return page(request, self._room, "quality.html", standings=self._room.answers.standings())

    def _topics(self) -> list[str]:
        known = {each.subject.name for each in self._room.answers.standings() if each.subject.kind == "topic"}
        return sorted(known | self._room.answers.topics())

    def _list(self, request: Request, kind: str, rows: Sequence[Any], subjects: Sequence[Subject]) -> Response:
        wanted = dict(request.query_params)
        first = int(wanted["from"]) if wanted.get("from", "").isdecimal() and len(wanted["from"]) < 7 else 0

        def at(row: int) -> str:
            return f"/{kind}?{urlencode({**wanted, 'from': row})}"

        return page(
            request, self._room, "alerts.html",
            kind=kind, count=len(rows), found=rows[first : first + ROWS], subjects=subjects,
            chosen={name: wanted.get(name, "") for name in ("state", "severity", "verdict", "stands", "subject")},
            newer=at(max(0, first - ROWS)) if first else None,
            older=at(first + ROWS) if first + ROWS < len(rows) else None,
        )  # fmt: skip


def page(request: Request, room: Room, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the caller's language."""
    path = request.url.path
    query = {name: value for name, value in request.query_params.items() if name != "said"}
    shared = {
        "user": request.state.caller,
        "now": moment(room.clock()),
        "form_token": request.state.form_token,
        "here": path,
        "back": (path + (f"?{urlencode(query)}" if query else "")) if request.method == "GET" else "/",
    }
    return HTMLResponse(render(template, wording_of(request, room), **(shared | values)), status)


def wording_of(request: Request, room: Room) -> Wording:
    """In the language of the cookie, else of the browser."""
    language = chosen(request.cookies.get(LANGUAGE, ""), request.headers.get("accept-language", ""))
    return Wording(language, room.zone)


def found(thing: T | None) -> T:
    """What there is; if there is nothing, the page that says so."""
    if thing is None:
        raise HTTPException(404)
    return thing


def own_path(path: str) -> str:
    """A path of ours to go back to; anything else leads to the board."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


def language(request: Request) -> Response:
    """Keep the language that was chosen, and go back."""
    wanted = request.query_params.get("to", "")
    answer = RedirectResponse(own_path(request.query_params.get("back", "/")), 303)
    if wanted in LANGUAGES:
        kept = cookie(LANGUAGE, wanted, is_secure=request.state.is_secure, seconds=365 * 86_400)
        answer.headers.append("set-cookie", kept)
    return answer


def statics() -> list[Route]:
    """The style sheet and the picture: nothing that anyone must not see."""

    def file(name: str, kind: str) -> Callable[[Request], Response]:
        def give(_: Request) -> Response:
            return Response(static(name), media_type=kind, headers={"cache-control": "max-age=3600"})

        return give

    return [Route(f"/static/{name}", file(name, kind)) for name, kind in KINDS.items()]


def _fits(value: str, wanted: str | None) -> bool:
    return not wanted or value == wanted
