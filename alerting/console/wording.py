"""What the console says, in English and Chinese: a catalogue of sentences, numbers and times in words, names of topics."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from alerting.alerts import Subject
from alerting.cases import Entry
from alerting.detection.spikes import LONGEST
from ingest.instants import moment

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Every sentence by its key."""
    text = (files("alerting.console") / "words" / f"{language}.toml").read_text("utf-8")
    return {f"{group}.{key}": each for group, keys in tomllib.loads(text).items() for key, each in keys.items()}


def chosen(wanted: str, accepted: str) -> Language:
    """`wanted` if we speak it, else the first language of an Accept-Language header that we do, else English."""
    for part in [wanted, *accepted.split(",")]:
        name = part.split(";")[0].strip().lower()
        if name.startswith("zh"):
            return "zh"
        if name.startswith("en"):
            return "en"
    return "en"


class Wording:
    """How things are said in one language, with times in one zone."""

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language, self.zone = language, zone
        self._words = catalogue(language)

    def say(self, key: str, **values: object) -> str:
        """The sentence with this key. Raises `KeyError`: a template that asks for what nobody wrote is wrong."""
        return self._words[key].format(**values)

    def subject(self, subject: Subject) -> str:
        """A topic by its name in this language; a watched name as it is."""
        return subject.name if subject.kind == "entity" else self.topic(subject.name)

    def verdict(self, entry: Entry) -> str:
        """`confirmed`, `wrong topic, rather Foreign exchange`."""
        right = self.topic(entry.topic) if entry.topic else entry.sentiment and self.say(f"sentiment.{entry.sentiment}")
        return self.say(f"verdict.{entry.act}_was", right=right)

    def topic(self, name: str) -> str:
        """A topic by its name in this language, if it has one."""
        return self._words.get(f"topic.{name}", name.replace("_", " "))

    def count(self, thing: str, count: int) -> str:
        """`1 source`, `12 sources`."""
        return self.say(f"count.{thing}_one") if count == 1 else self.say(f"count.{thing}", count=self.number(count))

    def language_name(self, code: str) -> str:
        """A language of texts by its name, if it has one."""
        return self._words.get(f"language.{code}", code)

    def outcome(self, name: str) -> str:
        """What became of a delivery, in this language if there is a word for it."""
        return self._words.get(f"outcome.{name}", name)

    def languages(self, counts: Mapping[str, int]) -> str:
        """`42 English, 31 Chinese`, the most frequent first."""
        told = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return self.say("page.comma").join(f"{self.number(count)} {self.language_name(name)}" for name, count in told)

    def period(self, days: float) -> str:
        """How rare: `once in 19 days`."""
        if days >= LONGEST:
            return self.say("period.longest", count=f"{LONGEST / 365:.1f}")
        if days >= 730:
            return self.say("period.years", count=f"{days / 365:.1f}")
        if days >= 60:
            return self.say("period.months", count=f"{days / 30.4:.0f}")
        if days >= 1.5:
            return self.say("period.days", count=f"{days:.0f}")
        return self.say("period.day") if days >= 0.75 else self.say("period.hours", count=f"{max(days * 24, 1):.0f}")

    def duration(self, seconds: float) -> str:
        """`16 ms`, `4.2 s`, `12 min`, `3 h`, `2 days`."""
        if seconds < 0.1:
            return self.say("duration.milliseconds", count=f"{seconds * 1000:.0f}")
        for unit, size in (("days", 172_800), ("hours", 5400), ("minutes", 90)):
            if seconds >= size:
                divisor = {"days": 86_400, "hours": 3600, "minutes": 60}[unit]
                return self.say(f"duration.{unit}", count=f"{seconds / divisor:.0f}")
        return self.say("duration.seconds", count=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")

    def time(self, when: datetime | int) -> str:
        """`2026-03-01 09:30`, in the zone; instants may be microseconds since 1970."""
        at = when if isinstance(when, datetime) else moment(when)
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def span(self, start: datetime, end: datetime) -> tuple[str, str]:
        """From when to when, `end` not included: the first and the last day where both begin at midnight."""
        if any((at.hour, at.minute) != (0, 0) for at in (start, end)):
            return self.time(start), self.time(end)
        return f"{start:%Y-%m-%d}", f"{end - timedelta(days=1):%Y-%m-%d}"

    def clock(self, when: datetime | int) -> str:
        """`09:30:07.250`, in the zone."""
        at = when if isinstance(when, datetime) else moment(when)
        return f"{at.astimezone(self.zone):%H:%M:%S.%f}"[:-3]

    @staticmethod
    def percent(share: float | None) -> str:
        """`78 %`; a dash where there is nothing to take a share of."""
        return "–" if share is None else f"{share * 100:.0f}\N{NO-BREAK SPACE}%"

    @staticmethod
    def number(value: float | None) -> str:
        """`1,204`, `6.5`; a dash where it is not known."""
        if value is None:
            return "–"
        return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
