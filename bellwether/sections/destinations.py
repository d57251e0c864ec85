"""Where alerts go, which of them, and when."""

import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from bellwether.kinds import Address, Duration, ReadableFile, Zone, web_address
from bellwether.sections.section import Section, twice
from ingest.document import LANGUAGES

Type = Literal["log", "webhook", "dingtalk", "feishu", "wecom", "apprise", "alertmanager"]
HTTP = ("url", "token", "ca_file", "proxy", "timeout")
TEXT = ("language", "timezone")
LATER = ("cool_down", "quiet", "digest")
# What each type takes beside what all take, and what it cannot do without.
TAKES: dict[str, tuple[str, ...]] = {
    "log": LATER,
    "webhook": (*HTTP, *LATER, "secret"),
    "dingtalk": (*HTTP, *LATER, *TEXT, "secret"),
    "feishu": (*HTTP, *LATER, *TEXT, "secret"),
    "wecom": (*HTTP, *LATER, *TEXT),
    "apprise": (*LATER, *TEXT, "url"),
    "alertmanager": (*HTTP, *TEXT),
}
NEEDS: dict[str, tuple[str, ...]] = {"log": (), "webhook": ("url", "secret")}  # all others: an address
FOR_ALL = {"name", "type", "deadline", "per_minute", "route"}
WHY = {"secret": ": its receiver checks signatures with it"}


def _short_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise ValueError("a name has small letters, digits and '-', at most 63")
    return name


def _within_a_step(timeout: timedelta) -> timedelta:
    if timeout > timedelta(seconds=5):
        raise ValueError("must be at most 5s, so that a stop does not wait for a slow receiver")
    return timeout


def _time_of_day(value: object) -> object:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("write a time of day as hours and minutes, for example 22:30")
    return time.fromisoformat(value)


def _language(name: str) -> str:
    if name not in LANGUAGES:
        raise ValueError(f"there is no language {name!r}: name one of {', '.join(LANGUAGES)}")
    return name


def _fits_a_subject(pattern: str) -> str:
    plain = re.split(r"[*?[]", pattern, maxsplit=1)[0]  # whatever it fits begins so; without wildcards, is so
    for kind in ("topic/", "entity/"):
        if (plain.startswith(kind) and plain != kind) or (kind.startswith(plain) and plain != pattern):
            return pattern
    raise ValueError(f"{pattern!r} fits no subject: write topic/... or entity/...")


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


class RouteSection(Section):
    """Which alerts a destination is for."""

    severities: tuple[Literal["warning", "critical"], ...] = ("warning", "critical")
    actions: tuple[Literal["page", "notify", "digest"], ...] = ("page", "notify", "digest")
    subjects: tuple[Annotated[str, AfterValidator(_fits_a_subject)], ...] = ()
    languages: tuple[Annotated[str, AfterValidator(_language)], ...] = ()
    path: Literal["direct", "alertmanager", "both"] = "both"
    notices: bool = True

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """Something is told."""
        if not given.get("severities", True):
            yield "severities is empty: name at least one"
        if not given.get("actions", True) and not given.get("notices"):
            yield "actions is empty: name at least one, or set notices = true for notices alone"


class QuietSection(Section):
    """Hours in which only what is critical is told."""

    start: TimeOfDay
    end: TimeOfDay
    timezone: Zone = "UTC"

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """No day has only quiet hours."""
        if "start" in given and given.get("start") == given.get("end"):
            yield "start and end are the same; name two times"


class DigestSection(Section):
    """When is told what was held back."""

    every: Literal["day", "hour"] = "day"
    at: TimeOfDay = time(8)
    timezone: Zone = "UTC"


class DestinationSection(Section):
    """Where alerts go."""

    name: Annotated[str, AfterValidator(_short_name)]
    type: Type
    url: SecretStr | None = None
    url_file: ReadableFile | None = None
    secret: SecretStr | None = None
    secret_file: ReadableFile | None = None
    token: SecretStr | None = None
    token_file: ReadableFile | None = None
    ca_file: ReadableFile | None = None
    proxy: Address | None = None
    timeout: Annotated[Duration, AfterValidator(_within_a_step)] = timedelta(seconds=5)
    language: Literal["en", "zh"] = "en"
    timezone: Zone = "UTC"
    deadline: Duration = timedelta(hours=24)
    per_minute: Annotated[int, Field(ge=0, le=10_000)] | None = None
    cool_down: Duration | None = None
    route: RouteSection = RouteSection()
    quiet: QuietSection | None = None
    digest: DigestSection = DigestSection()

    @field_validator("url")
    @classmethod
    def _is_one(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if url is None or info.data.get("type") != "apprise":
            return url if url is None else web_address(url)
        if "://" not in url.get_secret_value():
            raise ValueError("must be a URL of apprise, for example slack://... or mailtos://...")
        return url

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """Each type takes its own."""
        yield from twice(given, "url", "secret", "token")
        kind = given.get("type")
        if not isinstance(kind, str) or kind not in TAKES:
            return
        a = f"an {kind}" if kind.startswith("a") else f"a {kind}"
        for name in NEEDS.get(kind, ("url",)):
            if name not in given and f"{name}_file" not in given:
                yield f"{a} needs {name}_file (or {name}){WHY.get(name, '')}"
        for name in sorted(set(given) & set(cls.model_fields) - FOR_ALL):
            if _root(name) not in map(_root, TAKES[kind]):
                yield f"a destination of type {kind} takes no {name}; remove it"

    @property
    def takes(self) -> set[str]:
        """The keys that mean something for its type."""
        roots = {_root(name) for name in TAKES[self.type]}
        return {name for name in type(self).model_fields if name in FOR_ALL or _root(name) in roots}


def _root(name: str) -> str:
    return name.removesuffix("_file")


def default_destinations() -> tuple[DestinationSection, ...]:
    """Alerts are written into the process's own log."""
    return (DestinationSection(name="log", type="log"),)
