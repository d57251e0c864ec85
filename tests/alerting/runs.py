"""A keeper that tests drive, range by range."""

from msgspec import msgpack

from alerting.alerts import Alert
from alerting.counting.eventtime import Verdict
from alerting.counting.windows import WindowSettings
from alerting.keeper import Keeper
from alerting.state import AggregateSettings, Closing, State
from classifier.packing import encode_range
from classifier.scores import decode_columns
from tests.alerting.made import score_range

LATE_LOOK = AggregateSettings(inputs=("news",), windows=WindowSettings(early=False))
EARLY_LOOK = AggregateSettings(inputs=("news",))


class Run:
    """A keeper and everything it yielded."""

    def __init__(self, settings: AggregateSettings = LATE_LOOK) -> None:
        self.settings = settings
        self.keeper = Keeper(settings, "s1", State.fresh(settings.windows))
        self.found: list[Closing | Alert] = []

    def take(self, *ranges, poll: int = 1) -> "Run":
        """Take the ranges, so many at once."""
        for begin in range(0, len(ranges), poll):
            admitted = []
            for offset, scores in enumerate(ranges[begin : begin + poll], self.keeper.state.position):
                columns = decode_columns(encode_range(scores))
                verdict, fresh, _ = self.keeper.state.inputs.admit(columns)
                if verdict is not Verdict.AHEAD:
                    admitted.append(self.keeper.admitted(offset, columns, fresh))
            following = self.keeper.state.position + len(ranges[begin : begin + poll])
            for found in self.keeper.take(admitted):
                self.found.append(msgpack.decode(msgpack.encode(found), type=type(found)))
            self.keeper.state.position = following
        return self

    def crash(self) -> "Run":
        """Go on from a checkpoint, as another process would."""
        state = msgpack.decode(self.keeper.packed(), type=State)
        self.keeper = Keeper(self.settings, "s1", state)
        return self

    @property
    def alerts(self) -> list[Alert]:
        return [found for found in self.found if isinstance(found, Alert)]

    @property
    def counts(self) -> dict[tuple[str, int], tuple[int, int, int]]:
        """(documents, negatives, mass) of every window, as a reader of the windows log adds them up."""
        newest: dict[tuple[str, int], tuple[int, int, int]] = {}
        added: dict[tuple[str, int], tuple[int, int, int]] = {}
        for found in self.found:
            if isinstance(found, Closing):
                tally, key = found.tally, (found.subject, found.start)
                values = (tally.documents, tally.negatives, tally.negative_mass)
                if found.additive:
                    added[key] = tuple(a + b for a, b in zip(added.get(key, (0, 0, 0)), values, strict=True))
                else:
                    newest[key] = values
        for key, values in added.items():
            newest[key] = tuple(a + b for a, b in zip(newest.get(key, (0, 0, 0)), values, strict=True))
        return newest


def in_ranges(documents, size: int, **changes):
    return [score_range(documents[i : i + size], **changes) for i in range(0, len(documents), size)]
