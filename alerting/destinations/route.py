"""Which alerts a destination is for."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.notices import Notice

Path = Literal["direct", "alertmanager", "both"]
CHANGING = {"action", "language", "severity"}  # reasons that may hold for one revision of an alert and not for another


class Route(Struct, frozen=True):
    """What a destination takes; the defaults take everything."""

    severities: frozenset[str] = frozenset({"warning", "critical"})
    actions: frozenset[str] = frozenset({"page", "notify", "digest"})
    subjects: tuple[str, ...] = ()  # shell patterns for `kind/name`: topic/*, entity/Acme; none: all
    languages: frozenset[str] = frozenset()  # at least one of its documents is in one of these; none: all
    path: Path = "both"  # straight from the aggregator, as told again by Alertmanager, or whichever comes first
    notices: bool = True  # what Alertmanager says that is no alert of ours

    @property
    def takes_every_alert(self) -> bool:
        """Whether no alert is turned away: straight from the aggregator, each comes at least once."""
        return self.path != "alertmanager" and replace(self, path="both", notices=True) == Route()

    def turns_away(self, matter: Alert | Notice, via: str) -> str:
        """The reason why `matter`, which came `via` Alertmanager or not (empty), is not for this one; empty: it is."""
        if isinstance(matter, Notice):
            unwanted = {"notice": not self.notices}
        else:
            unwanted = {
                "path": self.path not in {"both", via or "direct"},
                "action": matter.action not in self.actions,
                "subject": bool(self.subjects) and not _matches(str(matter.subject), self.subjects),
                "language": bool(self.languages) and not self.languages & set(matter.languages),
            }
        unwanted["severity"] = matter.severity not in self.severities
        return next((reason for reason, applies in unwanted.items() if applies), "")


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
