"""Which sources have fallen silent, each by its own rhythm, and how much of a topic's usual volume is missing for that.

A source is silent once it has said nothing for three times its longest pause of late. Only hours of the week in which it has
spoken in the last weeks count: neither a night nor a weekend is a pause. A silence that has ended makes the limit longer by a
fifth at most: an outage does not become the rule, and who has become slower for good is known to be so after some of them.
Volume is counted in bins in which a source was heard; it fades by giving what comes later more weight (Cormode et al., "Forward
decay: a practical time decay model for streaming systems", 2009), which is the same for all, so only shares are ever looked at.
"""

import math
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from alerting.alerts import Silent
from alerting.counting.windows import Tally, is_topic
from ingest.instants import DAY, HOUR, SECOND

HALF_LIFE = 28 * DAY  # of a longest pause and of how much is heard
MOST_HALVINGS = 500  # a weight of 2 to the 1024th does not fit into a float
WEEKS = 4  # an hour of the week counts for so long after a source was last heard in it
WEEK_HOURS = 168
PAUSES = 3.0  # so many times the longest pause are a silence
SLOWER = 1.2  # so many times the limit it becomes by one silence, at most
LEAST = 2 * HOUR  # shorter than this none is
KNOWN_AFTER, KNOWN_BINS = 14 * DAY, 20.0  # before that a source has no rhythm
GONE = 14 * DAY  # after so much silence a source is no longer expected
MOST_SOURCES = 256
MISSING = 0.5  # a subject of whose usual volume so much is missing is unknown
ALL = ""  # stands for all topics together
MOST_SHOWN = 8
LOOK_EVERY = 600 * SECOND  # no more often while a source may soon be silent, or is


class Rhythm(Struct):
    """One source: when it speaks, and on what."""

    since: int
    at: int  # end of the last bin in which it was heard
    longest: float = 0.0  # pause, in microseconds of its hours, fading
    # By hour of the week, the week it was last heard in.
    hours: bytearray = field(default_factory=lambda: bytearray(WEEK_HOURS))
    volumes: dict[str, float] = {}  # by topic, weighted
    is_silent: bool = False
    look_at: int = 0  # before that nothing can change, unless it is heard

    @property
    def limit(self) -> float:
        """The pause from which on it is silent."""
        return max(PAUSES * self.longest, LEAST)

    def hear(self, start: int, end: int) -> None:
        """It was heard in the bin [start, end)."""
        if end > self.at:
            pause = min(self.pause(start), self.limit * SLOWER / PAUSES if self.is_silent else math.inf)
            self.longest = max(pause, self.longest * 0.5 ** ((end - self.at) / HALF_LIFE))
            self.at = end
        hour = start // HOUR
        self.hours[hour % WEEK_HOURS] = _number(hour)
        self.is_silent, self.look_at = False, self.at + int(self.limit)

    def pause(self, now: int) -> int:
        """For how much of its hours nothing was heard of it, microseconds."""
        since = max(self.at, now - GONE)
        hours = (hour for hour in range(since // HOUR, -(-now // HOUR)) if self._speaks(hour))
        return sum(min((hour + 1) * HOUR, now) - max(hour * HOUR, since) for hour in hours)

    def look(self, now: int, unit: float) -> None:
        """Whether it has paused for too long by instant `now`; `unit` is the weight of one bin then."""
        is_known = self.at - self.since >= KNOWN_AFTER and self.volumes[ALL] >= KNOWN_BINS * unit
        left = self.limit - self.pause(now) if is_known and not self.is_silent else 0.0
        self.is_silent = is_known and left <= 0
        waits = is_known and not self.is_silent
        self.look_at = min(now + max(int(left), LOOK_EVERY), self.at + GONE) if waits else self.at + GONE

    def _speaks(self, hour: int) -> bool:
        heard = self.hours[hour % WEEK_HOURS]
        return heard > 0 and (_number(hour) - heard) % 255 <= WEEKS


class Rhythms(Struct):
    """All sources. Part of the aggregator's state."""

    began: int | None = None
    sources: dict[str, Rhythm] = {}
    missing: dict[str, float] = {}  # shares of usual volumes, by topic; only where something is missing
    look_at: int = 0  # before that nothing can change

    @property
    def silent(self) -> list[str]:
        """Who is silent, in order."""
        return sorted(name for name, rhythm in self.sources.items() if rhythm.is_silent)

    def hear(self, tallies: Mapping[str, Tally], start: int, end: int) -> None:
        """The bin [start, end) has closed with these tallies."""
        heard: set[str] = set()
        weight = self._weight(end)
        for topic, tally in tallies.items():
            if is_topic(topic):
                self._count(topic, tally.sources, end, weight)
                heard |= tally.sources
        self._count(ALL, heard, end, weight)
        for source in heard:
            self._hear(self.sources[source], start, end)
        if len(self.sources) > MOST_SOURCES:
            self._thin()

    def hear_late(self, source: str, at: int) -> None:
        """A document came so late that its bin had closed by `at`: its source speaks all the same."""
        if source in self.sources:
            self._hear(self.sources[source], at, at)

    def look(self, now: int) -> None:
        """Who is silent at instant `now`, and what is missing for it."""
        if now < self.look_at or not self.sources:
            return
        unit = self._weight(now)
        self._let_go(now)
        for rhythm in self.sources.values():
            if now >= rhythm.look_at:
                rhythm.look(now, unit)
        silent = [rhythm for rhythm in self.sources.values() if rhythm.is_silent]
        usual = _volumes(self.sources.values()) if silent else {}
        self.missing = {topic: volume / usual[topic] for topic, volume in _volumes(silent).items()}
        soonest = min((rhythm.look_at for rhythm in self.sources.values()), default=now)
        self.look_at = min(soonest, now + LOOK_EVERY) if silent else soonest

    def is_unknown(self, subject: str) -> bool:
        """Whether too much is missing to say anything of a subject; names hang on all topics together."""
        return self.missing.get(_topic(subject), 0.0) >= MISSING

    def of(self, subject: str) -> Silent | None:
        """The silent ones among the usual sources of a subject, those with most volume first."""
        topic = _topic(subject)
        if topic not in self.missing:
            return None
        volumes = {name: self.sources[name].volumes.get(topic, 0.0) for name in self.silent}
        names = sorted(filter(volumes.__getitem__, volumes), key=lambda name: (-volumes[name], name))
        return Silent(tuple(names[:MOST_SHOWN]), round(min(self.missing[topic], 1.0), 4))

    def _hear(self, rhythm: Rhythm, start: int, end: int) -> None:
        if rhythm.is_silent:
            self.look_at = 0
        rhythm.hear(start, end)
        self.look_at = min(self.look_at, rhythm.look_at)

    def _count(self, topic: str, sources: set[str], end: int, weight: float) -> None:
        for source in sorted(sources):  # a set has another order in each process, and sums round by theirs
            rhythm = self.sources.get(source)
            if rhythm is None:
                rhythm = self.sources[source] = Rhythm(end, end)
            rhythm.volumes[topic] = rhythm.volumes.get(topic, 0.0) + weight

    def _weight(self, at: int) -> float:
        self.began = at if self.began is None else self.began
        halvings = (at - self.began) // HALF_LIFE
        if halvings > MOST_HALVINGS:
            self.began += halvings * HALF_LIFE
            self._fade(2.0**-halvings)
        weight: float = 2.0 ** ((at - self.began) / HALF_LIFE)
        return weight

    def _fade(self, keep: float) -> None:
        """Weights begin anew: so much is kept of all volumes. A topic of which nothing is left is none."""
        for rhythm in self.sources.values():
            faded = {topic: volume * keep for topic, volume in rhythm.volumes.items()}
            rhythm.volumes = {topic: volume for topic, volume in faded.items() if volume or topic == ALL}

    def _let_go(self, now: int) -> None:
        """What a source that is gone has said is no longer usual."""
        for name in [name for name, rhythm in self.sources.items() if now >= rhythm.at + GONE]:
            del self.sources[name]

    def _thin(self) -> None:
        """Of too many sources those go of which least is heard."""
        by_volume = sorted(self.sources, key=lambda name: (self.sources[name].volumes[ALL], name))
        for name in by_volume[: len(by_volume) - MOST_SOURCES * 3 // 4]:
            del self.sources[name]


def _volumes(rhythms: Iterable[Rhythm]) -> dict[str, float]:
    """Of all of them together, by topic."""
    volumes: dict[str, float] = {}
    for rhythm in rhythms:
        for topic, volume in rhythm.volumes.items():
            volumes[topic] = volumes.get(topic, 0.0) + volume
    return volumes


def _topic(subject: str) -> str:
    return subject if is_topic(subject) else ALL


def _number(hour: int) -> int:
    """Of the week that an hour lies in, 1 to 255 in turn: a byte of 0 stands for never."""
    return 1 + hour // WEEK_HOURS % 255
