"""From what a form or a JSON body holds to an entry of the feedback log. What does not hold together is refused by name."""

from collections.abc import Collection
from datetime import timedelta
from typing import get_args

from msgspec import Struct

from alerting.cases import Entry, Handling, Verdict
from alerting.console.answers import Story
from alerting.console.incidents import Incident
from classifier.artifact import SENTIMENTS
from ingest.instants import moment

LONGEST_TEXT, LONGEST_WHOM = 2000, 60
LONGEST_MUTE = 24.0 * 366  # hours


class Unfit(Exception):  # noqa: N818 - what somebody said
    """It cannot be said so; `why` is a key of the catalogue's group `wrong`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody says, as it came."""

    act: str
    text: str = ""
    topic: str = ""
    sentiment: str = ""
    subject: str = ""
    hours: float = 0.0


def verdict(said: Said, story: Story, topics: Collection[str], who: str, now: int) -> Entry:
    """A verdict on an alert. Raises `Unfit`."""
    if said.act not in get_args(Verdict):
        raise Unfit("act")
    if said.act == "wrong_topic" and said.topic not in topics:
        raise Unfit("topic")
    if said.act == "wrong_sentiment" and said.sentiment not in SENTIMENTS:
        raise Unfit("sentiment")
    alert = story.line.alert
    return Entry(
        at=moment(now),
        who=who,
        alert=alert.id,
        incident=alert.incident,
        act=said.act,  # type: ignore[arg-type]
        text=_text(said),
        topic=said.topic if said.act == "wrong_topic" else "",
        sentiment=said.sentiment if said.act == "wrong_sentiment" else "",
    )


def handling(said: Said, incident: Incident, who: str, now: int) -> Entry:
    """Something done to a case. Raises `Unfit`."""
    if said.act not in get_args(Handling):
        raise Unfit("act")
    text = _text(said)
    if said.act == "assign" and not 0 < len(text) <= LONGEST_WHOM:
        raise Unfit("whom")
    if said.act == "comment" and not text:
        raise Unfit("text")
    if said.act in {"mute", "close", "reopen"} and not text:
        raise Unfit("reason")
    if said.act == "mute" and not 0 < said.hours <= LONGEST_MUTE:
        raise Unfit("until")
    about_subject = said.act in {"mute", "unmute"} and said.subject
    if about_subject and said.subject not in {str(subject) for subject in incident.subjects}:
        raise Unfit("subject")
    return Entry(
        at=moment(now),
        who=who,
        alert=incident.lead.id,
        incident=incident.id,
        act=said.act,  # type: ignore[arg-type]
        text=text,
        until=moment(now) + timedelta(hours=said.hours) if said.act == "mute" else None,
        subject=said.subject if about_subject else "",
    )


def _text(said: Said) -> str:
    text = said.text.strip()
    if len(text) > LONGEST_TEXT:
        raise Unfit("text")
    return text
