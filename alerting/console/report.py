"""The incidents of a day or a week as one page that needs nothing else: to be kept, mailed, printed."""

from datetime import datetime
from math import inf
from zoneinfo import ZoneInfo

from markupsafe import Markup
from msgspec import Struct

from alerting.alerts import ALERTS
from alerting.cases import FEEDBACK
from alerting.console.answers import Answers
from alerting.console.incidents import Deadlines, Incident
from alerting.console.rendering import render, static
from alerting.console.view import View
from alerting.console.wording import Language, Wording
from ingest.instants import moment
from ingest.logs import Logs


class Judged(Struct, frozen=True):
    """How many alerts of the report were said to be what."""

    alerts: int
    confirmed: int
    dismissed: int
    corrected: int
    unjudged: int


class Span(Struct, frozen=True):
    """What a report is about: incidents that opened in [start, end), event time, told in a language and a zone."""

    start: datetime
    end: datetime
    language: Language
    zone: ZoneInfo


def report(logs: Logs, span: Span, deadlines: Deadlines, now: int) -> tuple[str, int]:
    """The page, and how many incidents are on it. Raises `LogAway` or `LogUnfit`."""
    view = View(most_alerts=inf)
    for log in (FEEDBACK.log, ALERTS.log):
        for record in logs.scan(log):
            view.take(log, record)
    found = Answers(view, deadlines, dict).incidents(now)
    incidents = [each for each in reversed(found) if span.start <= min(_opened(each)) < span.end]
    wording = Wording(span.language, span.zone)
    first, last = wording.span(span.start, span.end)
    page = render(
        "report.html",
        wording,
        first=first,
        last=last,
        made=moment(now),
        incidents=incidents,
        judged=_judged(incidents),
        style=Markup(static("console.css").decode()),  # noqa: S704 - our own file
    )
    return page, len(incidents)


def _opened(incident: Incident) -> list[datetime]:
    return [line.alert.opened_at for line in incident.alerts]


def _judged(incidents: list[Incident]) -> Judged:
    verdicts = [line.verdict.act if line.verdict else "" for each in incidents for line in each.alerts]
    corrected = verdicts.count("wrong_topic") + verdicts.count("wrong_sentiment")
    confirmed, dismissed, unjudged = (verdicts.count(act) for act in ("confirm", "dismiss", ""))
    return Judged(len(verdicts), confirmed, dismissed, corrected, unjudged)
