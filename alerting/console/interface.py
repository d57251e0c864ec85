"""The same as JSON, for other programs, and its description as OpenAPI."""

from collections.abc import Callable
from typing import Any

from msgspec import MsgspecError, Struct, json
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerting.bodies import limited
from alerting.cases import Entry
from alerting.console.answers import Now, Standing, Story
from alerting.console.forms import LARGEST_BODY, handled, judged
from alerting.console.guard import is_same_origin
from alerting.console.incidents import Incident, Line
from alerting.console.pages import found
from alerting.console.room import Room
from alerting.console.saying import Said, Unfit
from alerting.console.why import Why
from ingest.records import decoded

LIMIT, MOST = 100, 1000
_said = json.Decoder(Said)


class Refusal(Struct, frozen=True):
    """Why there is no answer."""

    error: str


class Call(Struct, frozen=True):
    """One call: where, what it gives, what it takes."""

    path: str
    method: str
    does: str
    gives: Any
    takes: Any = None

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """As OpenAPI has them."""
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        found: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
        if self.path.endswith("s") and self.gives in (list[Line], list[Incident]):
            limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}
            state = {"type": "string", "enum": ["open", "closed"]}
            found += [
                {"name": "limit", "in": "query", "schema": limit},
                {"name": "state", "in": "query", "schema": state},
            ]
        return found


CALLS = {
    "board": Call("/api/board", "get", "Every topic and watched name at present.", list[Now]),
    "alerts": Call("/api/alerts", "get", "Alerts, the newest first.", list[Line]),
    "alert": Call("/api/alerts/{alert}", "get", "One alert with all that is known of it.", Story),
    "why": Call("/api/alerts/{alert}/why", "get", "Would it fire without one source or story?", Why),
    "judge": Call("/api/alerts/{alert}/verdicts", "post", "Confirm, dismiss or correct an alert.", Entry, Said),
    "incidents": Call("/api/incidents", "get", "Incidents, the newest first.", list[Incident]),
    "incident": Call("/api/incidents/{incident}", "get", "One incident and its case.", Incident),
    "handle": Call("/api/incidents/{incident}/acts", "post", "Acknowledge, assign, comment, mute, close.", Entry, Said),
    "precision": Call("/api/precision", "get", "How often alerts were right, by subject.", list[Standing]),
}


class Interface:
    """The calls."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[Route]:
        """Where they are."""
        made = [
            Route(call.path, getattr(self, name), methods=[call.method.upper()], name=f"api-{name}")
            for name, call in CALLS.items()
        ]
        return [*made, Route("/api/openapi.json", self.described)]

    def board(self, _: Request) -> Response:
        """See `CALLS`."""
        return told(self._room.answers.board(self._room.clock()))

    def alerts(self, request: Request) -> Response:
        """See `CALLS`."""
        return told(_some(request, self._room.answers.alerts(), lambda line: line.alert.state))

    def alert(self, request: Request) -> Response:
        """See `CALLS`."""
        return told(found(self._room.answers.story(request.path_params["alert"], self._room.clock())))

    def why(self, request: Request) -> Response:
        """See `CALLS`."""
        story = found(self._room.answers.story(request.path_params["alert"], self._room.clock()))
        return told(self._room.explain(story.composed))

    def incidents(self, request: Request) -> Response:
        """See `CALLS`."""
        return told(_some(request, self._room.answers.incidents(self._room.clock()), lambda each: each.state))

    def incident(self, request: Request) -> Response:
        """See `CALLS`."""
        return told(found(self._room.answers.incident(request.path_params["incident"], self._room.clock())))

    def precision(self, _: Request) -> Response:
        """See `CALLS`."""
        return told(self._room.answers.standings())

    async def judge(self, request: Request) -> Response:
        """See `CALLS`."""
        return told(await run_in_threadpool(judged, self._room, request, await _body(request)), 201)

    async def handle(self, request: Request) -> Response:
        """See `CALLS`."""
        return told(await run_in_threadpool(handled, self._room, request, await _body(request)), 201)

    def described(self, _: Request) -> Response:
        """The description of all this."""
        return told(openapi())


def openapi() -> dict[str, Any]:
    """OpenAPI 3.1 of every call."""
    kinds = [call.gives for call in CALLS.values()] + [Said, Refusal]
    schemas, components = json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_name = dict(zip([*CALLS, "said", "refusal"], schemas, strict=True))
    refused = {"description": "Why not.", "content": {"application/json": {"schema": by_name["refusal"]}}}
    paths: dict[str, dict[str, Any]] = {}
    for name, call in CALLS.items():
        status = "201" if call.takes else "200"
        answer = {"description": call.does, "content": {"application/json": {"schema": by_name[name]}}}
        operation = {
            "operationId": name,
            "summary": call.does,
            "parameters": call.parameters,
            "responses": {status: answer, "default": refused},
        }
        if call.takes:
            body = {"application/json": {"schema": by_name["said"]}}
            operation["requestBody"] = {"required": True, "content": body}
        paths.setdefault(call.path, {})[call.method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bellwether console", "version": "1"},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def told(answer: object, status: int = 200) -> Response:
    """The answer as JSON."""
    return Response(json.encode(answer), status, media_type="application/json")


def _some(request: Request, every: list[Any], state: Callable[[Any], str]) -> list[Any]:
    given, wanted = request.query_params.get("limit", str(LIMIT)), request.query_params.get("state")
    limit = min(int(given), MOST) if given.isdecimal() and len(given) < 7 else LIMIT
    return [each for each in every if wanted in {None, "", state(each)}][:limit]


async def _body(request: Request) -> Said:
    """What is said. A browser sends JSON to another site only if that site allows it, which this one does not."""
    is_json = request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    if not is_json or not is_same_origin(request):
        raise HTTPException(403)
    try:
        return decoded(_said, await limited(request, LARGEST_BODY))
    except MsgspecError:
        raise Unfit("field") from None
