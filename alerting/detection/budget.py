"""The alert budget: how many alerts a week a team wants to see, and the threshold that follows from it.

By design each of K subjects fires once in `7 K / budget` days; where names are watched, half of the budget is theirs. Real
tails are not quite the ones assumed, and floors keep some subjects silent, so the threshold is eased or tightened slowly until
the budget is what is spent: a stochastic approximation that every alert moves one way and the passing of time the other. For
names this is also what their pool says of rarity: hardly any name has a tail of its own to go by.
"""

import math

from msgspec import Struct

from ingest.instants import DAY

RATE = 0.05  # by how much (natural logarithm) one alert tightens the threshold
BOUND = math.log(8)  # the design for topics is never off by more than this
NAMES_BOUND = math.log(32)  # and the one for names by this
MEMORY_DAYS = 28.0  # of the achieved rate, and of how far apart documents usually are
LONGEST_GAPS = 3.0  # usual gaps; a longer silence is an outage, in which nothing could have been found
LEAST_GAP = 1 / 24  # days
OUTAGE = 7.0  # days; one that is longer than this, too, is no time at all to any topic or name


class Budget(Struct):
    """The state of the budget. Part of the aggregator's state."""

    ease: float = 0.0  # natural logarithm of the factor on the designed return period of topics
    names_ease: float = 0.0  # and of names
    has_names: bool = False
    at: int | None = None
    recent: float = 0.0  # alerts that began an incident, fading over MEMORY_DAYS
    days: float = 0.0  # watched, fading
    squared_gaps: float = 0.0  # between instants at which there was something to watch, fading

    def alarm_days(self, per_week: float, subjects: int, *, of_names: bool = False) -> float:
        """The return period from which on one of so many topics, or names, fires, in days."""
        mine = per_week / 2 if self.has_names else per_week
        return 7.0 * max(subjects, 1) / mine * math.exp(self.names_ease if of_names else self.ease)

    def pass_time(self, at: int, per_week: float, ready: float, *, has_names: bool = False) -> int:
        """Event time has come to `at`, and there is something to watch. Returns how long nobody watched, in microseconds.

        Args:
            at: event time.
            per_week: the budget.
            ready: share of topics whose baseline is known, in [0, 1]; so it is said of names.
            has_names: names were heard of.
        """
        elapsed = 0.0 if self.at is None else max(at - self.at, 0) / DAY
        self.at = at if self.at is None else max(at, self.at)
        usual_gap = self.squared_gaps / self.days if self.days else 0.0
        watched = min(elapsed, LONGEST_GAPS * max(usual_gap, LEAST_GAP))
        fade = math.exp(-watched / MEMORY_DAYS)
        weight = min(elapsed, MEMORY_DAYS)
        self.days, self.squared_gaps = self.days * fade + weight, self.squared_gaps * fade + weight * watched
        self.has_names = has_names
        spent = RATE * per_week / 7 * watched * ready / (2 if has_names else 1)
        self.ease = max(self.ease - spent, -BOUND)
        if has_names:
            self.names_ease = max(self.names_ease - spent, -NAMES_BOUND)
        self.recent *= fade
        return round(elapsed * DAY) if elapsed > max(OUTAGE, LONGEST_GAPS * usual_gap) else 0

    def spend(self, *, of_name: bool = False) -> None:
        """An alert on a topic, or a name, began an incident."""
        if of_name:
            self.names_ease = min(self.names_ease + RATE, NAMES_BOUND)
        else:
            self.ease = min(self.ease + RATE, BOUND)
        self.recent += 1

    @property
    def achieved_per_week(self) -> float:
        """Incidents a week over the last weeks; in the first one, those that there were."""
        return 7 * self.recent / max(self.days, 7.0)
