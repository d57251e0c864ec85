"""Sentences of the demo: patterns from `phrases/*.toml` with their slots filled. All names are invented."""

import random
import re
import tomllib
from pathlib import Path

PHRASES = Path(__file__).with_name("phrases")
VICTIM = {"en": "Averley Bank", "zh": "埃弗利银行"}
STAR = {"en": "Harrowgate Devices", "zh": "云峤电子"}
GADGET = {"en": "Halo 7", "zh": "光环7"}
SOURCES = {
    "en": {
        "news": ("Harbour Wire", "Meridian Desk", "The Daily Ledger", "Northline Markets", "Quay Street Report"),
        "comment": ("tradetalk", "savers-forum"),
    },
    "zh": {
        "news": ("晨星财讯", "澜港财经", "每日账本", "北岑商报", "望川快讯"),
        "comment": ("股友社区", "储户论坛"),
    },
}
_SLOT = re.compile(r"\{(\w+)\}")


class Wording:
    """One language's patterns, and how to fill them."""

    def __init__(self, language: str, rng: random.Random) -> None:
        self.language = language
        self._rng = rng
        self._patterns = tomllib.loads((PHRASES / f"{language}.toml").read_text(encoding="utf-8"))
        self._names: dict[str, list[str]] = self._patterns.pop("slots")

    def patterns(self, path: str) -> list[str]:
        """The patterns at a dotted path; [] where there are none."""
        found = self._patterns
        for key in path.split("."):
            found = found.get(key, {})
        return list(found)

    def sentence(self, pattern: str) -> str:
        """The pattern filled, beginning as a sentence does if the pattern does."""
        filled = self.fill(pattern)
        return filled[0].upper() + filled[1:] if pattern.startswith("{") else filled

    def joined(self, first: str, second: str) -> str:
        """Two sentences of one comment."""
        if first[-1] in "?.？。":
            return f"{first} {second}" if self.language == "en" else f"{first}{second}"
        return f"{first}. {second}" if self.language == "en" else f"{first}，{second}"

    def fill(self, pattern: str) -> str:
        """The pattern with every slot filled; the same slot twice says the same."""
        filled = {
            "victim": VICTIM[self.language],
            "star": STAR[self.language],
            "gadget": GADGET[self.language],
        }
        for slot in _SLOT.findall(pattern):
            if slot not in filled:
                filled[slot] = self._value(slot, filled)
        return pattern.format_map(filled)

    def _value(self, slot: str, filled: dict[str, str]) -> str:
        rng = self._rng
        if slot == "co2":
            return rng.choice([name for name in self._names["co"] if name != filled.get("co")])
        if slot in self._names:
            return rng.choice(self._names[slot])
        return {
            "pct": lambda: f"{rng.uniform(1, 9.9):.1f}",
            "big": lambda: str(rng.randint(11, 38)),
            "rate": lambda: f"{rng.uniform(0.5, 4.5):.1f}",
            "ratio": lambda: str(rng.randint(112, 168)),
            "bp": lambda: rng.choice(["10", "15", "25"]),
            "n": lambda: str(rng.randint(3, 12)),
            "k": lambda: str(rng.randint(3, 40) * 50),
            "m": lambda: str(rng.randint(12, 95) * (10 if self.language == "en" else 100)),
            "bn": lambda: f"{rng.uniform(1.2, 9.8):.1f}",
            "yi": lambda: str(rng.randint(12, 90)),
        }[slot]()
