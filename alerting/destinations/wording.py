"""Alerts, notices and digests as text for people, in English or Chinese: the templates are in `templates/`."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from alerting.alerts import Alert
from alerting.destinations.answers import Matter
from alerting.destinations.digest import Digest
from alerting.notices import Notice

Language = Literal["en", "zh"]
EXCERPT = 200  # code points of a document
# A headline must not call anybody, nor lead elsewhere than it says: a tag, a name or a link loses its first mark.
INERT = str.maketrans({"<": "＜", "@": "＠", "[": "［"})


class Letter(Struct, frozen=True):
    """Plain text."""

    title: str  # one line
    body: str

    @property
    def whole(self) -> str:
        """Title and body, for services that know no titles."""
        return f"{self.title}\n{self.body}"


class Letters:
    """Writes in one language, with times in one zone. `console` is the address of the console, for links; may be empty."""

    def __init__(self, language: Language = "en", zone: ZoneInfo | None = None, console: str = "") -> None:
        self._language = language
        self._zone = zone or ZoneInfo("UTC")
        self._console = console.rstrip("/")
        self._templates = Environment(
            loader=PackageLoader("alerting.destinations"),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - plain text; what could call somebody is made inert
            finalize=_inert,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "percent": _percent,
            "number": _number,
            "excerpt": _excerpt,
            "address": _address,
            "place": _place,
            "when": self._when,
            "link": lambda alert: Markup(self.link(alert)),  # noqa: S704 - our own; its host may be [::1]
        }

    def write(self, matter: Matter) -> Letter:
        """The letter about `matter`."""
        kind = {Alert: "alert", Notice: "notice", Digest: "digest"}[type(matter)]
        template = self._templates.get_template(f"{kind}.{self._language}.txt")
        title, _, body = template.render({kind: matter}).strip().partition("\n")
        return Letter(title, body.strip())

    def link(self, alert: Alert) -> str:
        """The address of an alert's page; empty if there is no console."""
        return f"{self._console}/alerts/{alert.id}" if self._console else ""

    def _when(self, moment: datetime) -> str:
        """`2026-03-01 17:30 +08:00`: letters would not do, CST is Shanghai's and Chicago's."""
        at = moment.astimezone(self._zone)
        return f"{at:%Y-%m-%d %H:%M} {at.isoformat()[-6:]}"


def _inert(value: object) -> object:
    return value.translate(INERT) if isinstance(value, str) and not isinstance(value, Markup) else value


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _excerpt(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= EXCERPT else plain[: EXCERPT - 1] + "…"


def _address(url: str) -> str:
    """An address of the web as it may stand in a text; empty if it is none."""
    is_one = url.startswith(("https://", "http://")) and url.isprintable() and " " not in url
    return url.replace("<", "%3C").replace("@", "%40").replace("[", "%5B") if is_one else ""


def _place(runbook: str) -> str:
    """Where it stands what to do: an address of the web, or, in one line, whatever else the rule names."""
    return _address(runbook) or _excerpt(runbook)
