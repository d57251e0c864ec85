"""Texts of which one is enough."""

from hashlib import blake2b

from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.composing.flash import FlashSettings
from alerting.counting.windows import WindowSettings
from alerting.policy import read_policy
from alerting.sources import Sources
from alerting.state import AggregateSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY
from tests.alerting.made import START, ordinary, scored
from tests.alerting.runs import Run, in_ranges

SETTINGS = AggregateSettings(
    inputs=("news",),
    windows=WindowSettings(early=False),
    tiers={"Northbank": 1, "Halden": 2, "Orrin": 2},
    sources=Sources(tier_1=("wire",)),
    policy=read_policy(),
    flash=FlashSettings(budget_per_day=2, words=(("停兑", "储户"), ("halts", "withdrawals"))),
)
BEFORE = ordinary(1)
T = START + DAY


def severe(number: int, at: int = T, **changes: object) -> ScoredDocument:
    """A text that is a flash; its own story."""
    story = int.from_bytes(blake2b(str(number).encode(), digest_size=8).digest(), "big")
    made = scored(len(BEFORE) + number, at, negative=True, names=("Northbank",), source="wire", story=story)
    return replace(made, **changes)


def flashes(run: Run) -> list[Alert]:
    return [alert for alert in run.alerts if alert.kind == "flash"]


def told(*documents: ScoredDocument, settings: AggregateSettings = SETTINGS, **changes: object) -> list[Alert]:
    return flashes(Run(settings).take(*in_ranges(BEFORE, 50), *in_ranges(list(documents), 1, **changes)))
