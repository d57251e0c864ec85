"""Three weeks of an invented market, in English and Chinese, and then a bank run. The same seed gives the same documents.

Ordinary days have what makes an alarm's life hard: quiet nights and weekends, topics whose mood drifts from day to day,
wire stories copied by others, now and then an hour of bad news about one company, and once a product launch that brings
many texts without more bad ones. Only the bank run should wake anyone.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp

from deploy.demo.wording import SOURCES, Wording

SEED = 20
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
LAUNCH = (datetime(2026, 3, 17, 14, tzinfo=UTC), datetime(2026, 3, 17, 18, tzinfo=UTC))
RUN = (datetime(2026, 3, 24, 12, 30, tzinfo=UTC), datetime(2026, 3, 24, 17, tzinfo=UTC))
END = datetime(2026, 3, 24, 19, tzinfo=UTC)

# How much of the ordinary flow is about what.
SUBJECTS = {
    "earnings": 11, "deals": 6, "credit": 5, "liquidity": 6, "fraud": 2, "legal": 5, "macro": 8, "fx": 5, "commodities": 7,
    "markets": 11, "ratings": 5, "capital": 4, "people": 4, "operations": 9, "crypto": 5, "politics": 4, "comments": 34,
}  # fmt: skip
TONES = {"positive": 0.36, "neutral": 0.45, "negative": 0.19}

# (from, documents an hour) of the run: rumours, then queues, then the doors close. A fifth of it all is calming.
STAGES = (
    ("rumour", RUN[0], 22),
    ("queues", RUN[0] + timedelta(minutes=50), 95),
    ("halt", RUN[0] + timedelta(minutes=140), 120),
)


@dataclass(frozen=True)
class Text:
    """A text before it is published; copies of one text share everything but source and time."""

    language: str
    kind: str  # "news" or "comment"
    title: str
    body: str = ""


def documents(seed: int = SEED) -> list[dict[str, str]]:
    """All documents, oldest first, as `bellwether publish` reads them."""
    rng = random.Random(seed)  # noqa: S311 - a scenario, not a secret
    market = _Market(rng)
    rows = [*market.ordinary(), *market.bad_hours(), *market.launch(), *market.bank_run()]
    rows.sort(key=lambda row: row[0])
    return [_document(number, *row) for number, row in enumerate(rows)]


def _document(number: int, at: datetime, source: str, text: Text) -> dict[str, str]:
    document = {
        "id": f"demo-{number:05d}",
        "source": source,
        "published_at": at.isoformat().replace("+00:00", "Z"),
        "kind": text.kind,
        "lang": text.language,
    }
    return document | ({"title": text.title, "body": text.body} if text.body else {"text": text.title})


Row = tuple[datetime, str, Text]


class _Market:
    """What is written in this market. Rates are documents an hour, copies not counted."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._words = {language: Wording(language, rng) for language in ("en", "zh")}

    def ordinary(self) -> Iterator[Row]:
        """The everyday flow: daytime 24 an hour, evenings 12, nights 5, half at weekends."""
        mood = dict.fromkeys(SUBJECTS, 0.0)
        hour = START
        while hour < END:
            if hour.hour == 0:
                mood = {subject: 0.6 * value + self._rng.gauss(0, 0.3) for subject, value in mood.items()}
            rate = (5 if hour.hour < 7 or hour.hour >= 23 else 24 if hour.hour < 18 else 12) * (
                0.5 if hour.weekday() > 4 else 1
            )
            for at in self._moments(hour, hour + timedelta(hours=1), rate):
                subject = self._rng.choices(list(SUBJECTS), list(SUBJECTS.values()))[0]
                yield from self._published(at, self._written(subject, self._tone(mood[subject])))
            hour += timedelta(hours=1)

    def bad_hours(self) -> Iterator[Row]:
        """Every third day or so one company has a bad hour: four to eight texts, some of them copied."""
        subjects = ("earnings", "legal", "operations", "markets", "crypto", "commodities")
        for start in self._moments(START + timedelta(days=1), RUN[0] - timedelta(hours=12), 1 / 66):
            subject = self._rng.choice(subjects)
            for _ in range(self._rng.randint(4, 8)):
                at = start + timedelta(minutes=self._rng.uniform(0, 70))
                yield from self._published(at, self._written(subject, "negative"))

    def launch(self) -> Iterator[Row]:
        """Four times the usual volume about a new handset, with the usual share of grumbling."""
        for at in self._moments(*LAUNCH, 75):
            part = self._rng.choices(("news", "praise", "plain", "grumbles"), (30, 28, 28, 14))[0]
            kind = "news" if part == "news" else "comment"
            yield from self._published(at, self._told(f"launch.{part}", kind))

    def bank_run(self) -> Iterator[Row]:
        """Rumours, queues at the branches, a halt to withdrawals: each stage until the next one begins."""
        ends = [start for _, start, _ in STAGES[1:]] + [RUN[1]]
        for (stage, start, rate), end in zip(STAGES, ends, strict=True):
            for at in self._moments(start, end, rate):
                kind, part = self._rng.choices((("news", "news"), ("comment", "comments")), (45, 55))[0]
                spoken = "calm" if self._rng.random() < 0.2 else stage
                yield from self._published(at, self._told(f"run.{spoken}.{part}", kind))

    def _moments(self, start: datetime, end: datetime, rate: float) -> Iterator[datetime]:
        """Moments of a Poisson stream of `rate` an hour, to the second."""
        at = start
        while (at := at + timedelta(seconds=round(self._rng.expovariate(rate) * 3600))) < end:
            yield at

    def _tone(self, mood: float) -> str:
        weights = TONES | {"negative": TONES["negative"] * exp(mood)}
        return self._rng.choices(list(weights), list(weights.values()))[0]

    def _written(self, subject: str, tone: str) -> Text:
        kind = "comment" if subject == "comments" else "news"
        words = self._words[self._language()]
        patterns = words.patterns(f"{subject}.{tone}") or words.patterns(f"{subject}.neutral")
        return self._composed(words, kind, patterns, 0.3 if kind == "news" else 0)

    def _told(self, path: str, kind: str) -> Text:
        words = self._words[self._language()]
        return self._composed(words, kind, words.patterns(path), 0.5)

    def _composed(self, words: Wording, kind: str, patterns: list[str], second: float) -> Text:
        """One sentence, or with probability `second` two different ones."""
        first, *others = self._rng.sample(patterns, min(2, len(patterns)))
        title = words.sentence(first)
        if not others or self._rng.random() >= second:
            return Text(words.language, kind, title)
        body = words.sentence(others[0])
        if kind == "news":
            return Text(words.language, kind, title, body)
        return Text(words.language, kind, words.joined(title, body))

    def _language(self) -> str:
        return self._rng.choices(("en", "zh"), (55, 45))[0]

    def _published(self, at: datetime, text: Text) -> Iterator[Row]:
        """The text in one source, and for one news in four its copies in others within the hour."""
        sources = list(SOURCES[text.language][text.kind])
        self._rng.shuffle(sources)
        yield at, sources[0], text
        if text.kind == "news" and self._rng.random() < 0.25:
            for source in sources[1 : 1 + self._rng.randint(1, 3)]:
                copied_at = at + timedelta(seconds=self._rng.randint(60, 2400))
                if copied_at < END:
                    yield copied_at, source, text
