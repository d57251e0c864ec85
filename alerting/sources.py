"""How far each source is trusted: 1 is best, and one that nobody has listed is 3."""

import re
from fnmatch import translate

from msgspec import Struct

UNKNOWN = 3


class Sources(Struct, frozen=True):
    """Names of sources, or patterns with `*` and `?`, by tier; case makes no difference."""

    tier_1: tuple[str, ...] = ()
    tier_2: tuple[str, ...] = ()
    tier_3: tuple[str, ...] = ()


class Trust:
    """Tells the tier of a source: one that is listed by its name has that tier, else the best tier with a fitting pattern."""

    def __init__(self, sources: Sources) -> None:
        tiers = {3: sources.tier_3, 2: sources.tier_2, 1: sources.tier_1}
        self._named = {name.lower(): tier for tier, names in tiers.items() for name in names if not _is_pattern(name)}
        self._patterns = [(tier, _any_of(names)) for tier, names in sorted(tiers.items())]

    def tier(self, source: str) -> int:
        """1, 2 or 3."""
        source = source.lower()
        named = self._named.get(source)
        if named is not None:
            return named
        return next((tier for tier, patterns in self._patterns if patterns.match(source)), UNKNOWN)


def _is_pattern(name: str) -> bool:
    return any(mark in name for mark in "*?[")


def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    patterns = [translate(name.lower()) for name in names if _is_pattern(name)]
    return re.compile("|".join(patterns) or r"(?!)")
