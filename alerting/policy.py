"""How loudly an alert is told: a small table with a version; of its rules the first that fits decides.

Rarity has decided before that there is an alert at all, and how severe it is. See `docs/policy.md`.
"""

from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct, convert, json

from alerting.alerts import Action, Severity
from ingest.tables import WrongTables, read_tables

SHIPPED = Path(__file__).parent / "policy.toml"
NO_NAME = 0  # the tier of an alert that is about a topic
_LOUDEST_FIRST = get_args(Action)
_ALLOWED: dict[str, Collection[object]] = {
    "action": get_args(Action),
    "severities": get_args(Severity),
    "kinds": ("share", "volume", "both", "flash"),
    "name_tiers": (NO_NAME, 1, 2, 3),
    "source_tiers": (1, 2, 3),
}


class Facts(Struct, frozen=True):
    """What of an alert a rule may ask for."""

    topics: frozenset[str]  # its own, or those of the texts behind an alert on a name
    name_tier: int  # NO_NAME: it is about a topic
    source_tier: int  # of the best source behind it
    severity: Severity
    kind: str


class Rule(Struct, frozen=True):
    """One row. It fits where each list that is not empty has what the alert has; of topics, one at least."""

    action: Action
    topics: tuple[str, ...] = ()
    name_tiers: tuple[int, ...] = ()
    source_tiers: tuple[int, ...] = ()
    severities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def fits(self, facts: Facts) -> bool:
        """Whether this row decides about such an alert."""
        return (
            (not self.topics or not facts.topics.isdisjoint(self.topics))
            and (not self.name_tiers or facts.name_tier in self.name_tiers)
            and (not self.source_tiers or facts.source_tier in self.source_tiers)
            and (not self.severities or facts.severity in self.severities)
            and (not self.kinds or facts.kind in self.kinds)
        )


class Policy(Struct, frozen=True):
    """The table. Without rules everything is a page."""

    version: str = ""
    rules: tuple[Rule, ...] = ()

    def action(self, facts: Facts) -> Action:
        """What the first rule that fits says."""
        return next((rule.action for rule in self.rules if rule.fits(facts)), "page")

    @property
    def label(self) -> str:
        """Its version and a hash of what it says, as it stands in alerts; empty without rules."""
        if not self.rules:
            return ""
        return f"{self.version}-{blake2b(json.encode(self.rules), digest_size=4).hexdigest()}"

    @property
    def topics(self) -> set[str]:
        """Every topic that a rule names."""
        return {topic for rule in self.rules for topic in rule.topics}


def is_louder(action: Action, other: Action) -> bool:
    """Whether `action` reaches people sooner than `other`."""
    return _LOUDEST_FIRST.index(action) < _LOUDEST_FIRST.index(other)


def read_policy(file: Path = SHIPPED) -> Policy:
    """The table in `file`, a TOML file with a `version` and `[[rule]]` tables. Raises `WrongTables` with every mistake."""
    tables, rest = read_tables(file, "rule")
    version = rest.pop("version", None)
    mistakes = [f"{file}: there is no {key}; known are version and [[rule]]" for key in rest]
    if not isinstance(version, str) or not version.strip() or len(version) > 40:
        mistakes.append(f"{file}: version is missing or no short text; set it, and change it with the rules")
    if not tables or set(tables[-1].values) != {"action"}:
        mistakes.append(f"{file}: the last [[rule]] must have nothing but action, so that it fits whatever comes")
    mistakes += [f"{table.place}: {sentence}" for table in tables for sentence in _faults(table.values)]
    if mistakes:
        raise WrongTables(*mistakes)
    return Policy(str(version), tuple(convert(table.values, Rule) for table in tables))


def _faults(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in one rule."""
    if "action" not in values:
        yield f"action is missing: {' or '.join(_LOUDEST_FIRST)}"
    for key, value in values.items():
        if key == "topics":
            if not (isinstance(value, list) and value and all(isinstance(each, str) for each in value)):
                yield "topics must be a list of names of topics, at least one"
        elif key not in _ALLOWED:
            yield f"there is no {key}; known are {', '.join(Rule.__struct_fields__)}"
        elif key != "action" and (not isinstance(value, list) or not value):
            yield f"{key} must be a list, of {_listed(key)}"
        elif strange := [
            each for each in ([value] if key == "action" else value) if not _is_one_of(each, _ALLOWED[key])
        ]:
            yield f"{key} cannot be {strange[0]!r}: it is one of {_listed(key)}"


def _is_one_of(value: object, allowed: Collection[object]) -> bool:
    return type(value) in {type(each) for each in allowed} and value in allowed


def _listed(key: str) -> str:
    return ", ".join(str(each) for each in _ALLOWED[key])
