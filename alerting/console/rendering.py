"""From answers to HTML. Whatever a template prints is escaped; markup of ours is made in `marking` and `charts` only."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alerting.alerts import Evidence, Subject
from alerting.console.charts import chart
from alerting.console.marking import marked, plain, safe_link
from alerting.console.series import Point
from alerting.console.wording import Wording

SIZE = (300, 80)  # of every drawing, in its own units: the style sheet stretches it


@cache
def environment() -> Environment:
    """The templates; a name that a template asks for and nobody gave is an error."""
    made = Environment(
        loader=PackageLoader("alerting.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "plain": plain,
        "safe_link": safe_link,
        "marked": _marked,
        "chart": _chart,
        "subject_address": subject_address,
    }
    return made


def render(template: str, wording: Wording, **values: Any) -> str:
    """The page."""
    return environment().get_template(template).render(w=wording, **values)


def static(name: str) -> bytes:
    """A file that pages load."""
    return (files("alerting.console") / "static" / name).read_bytes()


def subject_address(subject: Subject) -> str:
    """Where a subject's page is."""
    return f"/subjects/{subject.kind}/{quote(subject.name, safe='')}"


def _marked(document: Evidence) -> Markup:
    return marked(document.text, document.spans)


def _chart(
    points: Sequence[Point],
    usual: float | None,
    subject: Subject,
    w: Wording,
    *,
    week: bool = False,
) -> Markup:
    title = w.say(
        "board.chart_week" if week else "board.chart",
        subject=w.subject(subject),
        documents=sum(point.documents for point in points),
        negatives=sum(point.negatives for point in points),
        usual=w.percent(usual),
    )
    return chart(points, usual, SIZE, title)
