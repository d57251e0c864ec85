"""An alert computed again from what the scores log keeps of what it was computed from, and no other."""

import random
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.console.why import why
from alerting.detection.rarity import days_of, days_without
from alerting.detection.rules import SpikeSettings
from alerting.detection.statistic import Sums
from alerting.rebuild import Rebuilt, rebuild
from alerting.state import AggregateSettings
from classifier.packing import encode_range
from classifier.scores import ScoreRange
from ingest.logs import Record
from tests.alerting.made import DAY, HOUR, MINUTE, START, crisis, ordinary, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

SLOW_S = 36 * 3600


def thin(dice: random.Random, start: int, hours: int, share: float) -> Iterator[tuple[int, bool]]:
    """Two texts an hour at random instants, so many of them negative."""
    at = start
    while (at := at + int(dice.expovariate(2) * HOUR)) <= start + hours * HOUR:
        yield at, dice.random() < share


def swelling() -> list[ScoreRange]:
    """Twenty days, and two in which negatives become so many more that a slow scale speaks of it; each text by itself."""
    dice = random.Random(3)
    bad = START + 20 * DAY
    texts = [*thin(dice, START, 20 * 24, 0.2), *thin(dice, bad, 40, 0.6), *thin(dice, bad + 40 * HOUR, 24, 0.2)]
    return in_ranges([scored(n, at, negative=negative) for n, (at, negative) in enumerate(sorted(texts))], 1)


def records(ranges: Sequence[ScoreRange]) -> list[Record]:
    return [Record(offset, 0, None, encode_range(each)) for offset, each in enumerate(ranges)]


def told(run: Run) -> list[Alert]:
    return [alert for alert in run.alerts if alert.change in {"opened", "escalated"}]


def again(alert: Alert, kept: Sequence[Record]) -> Rebuilt:
    return rebuild(alert, kept, MINUTE)


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_what_an_alert_was_computed_from_begins_with_the_first_text_that_it_counts(settings: AggregateSettings) -> None:
    ranges = swelling()
    log, alerts = records(ranges), told(Run(settings).take(*ranges))
    assert SLOW_S in {alert.detection.scale_s for alert in alerts}
    for alert in alerts:
        whole, since = again(alert, log), again(alert, log[alert.scores_from :])
        assert (whole.uncounted, whole.differences) == ("", ())
        assert since == whole
        cut = again(alert, log[alert.scores_from + 1 :])
        assert (cut.uncounted, cut.differences) == ("gone", ())


def test_why_an_alert_fired_is_said_of_all_its_texts() -> None:
    ranges = swelling()
    log = records(ranges)
    for alert in told(Run().take(*ranges)):
        answer = why(alert, log[alert.scores_from :], MINUTE, SpikeSettings())
        assert answer == why(alert, log, MINUTE, SpikeSettings())
        assert sum(each.documents for each in answer.sources) == alert.documents


def test_what_it_was_computed_from_does_not_hang_on_how_much_is_read_at_once() -> None:
    ranges = swelling()
    one, many = (told(Run().take(*ranges, poll=poll)) for poll in (1, 64))
    assert [alert.scores_from for alert in many] == [alert.scores_from for alert in one]


@pytest.mark.parametrize("last", [10, 12])
def test_what_was_written_ahead_counts_where_it_was_written_again(last: int) -> None:
    before = ordinary(12)
    storm = crisis(len(before), START + 12 * DAY, 40)
    ranges = [*in_ranges(before, 50), *in_ranges(storm, 4)]
    missing = len(ranges) - last
    log = [*ranges[:missing], ranges[missing + 1], *ranges[missing:]]
    alerts = told(Run().take(*log))
    assert alerts[-1].scores_to > missing + 2
    for alert in alerts:
        assert again(alert, records(log)).differences == ()


def test_floors_that_are_set_later_undo_no_alert() -> None:
    before = ordinary(12)
    ranges = [*in_ranges(before, 50), *in_ranges(crisis(len(before), START + 12 * DAY, 40), 4)]
    seen = told(Run().take(*ranges))[-1].detection
    floors = SpikeSettings(min_negatives=seen.negatives - 1)
    one, nothing = Sums(2.0, 2.0, 2.0), Sums(0.0, 0.0, 0.0)
    assert days_without(seen, one, floors) == 0.0
    assert days_without(seen, nothing, floors) == days_of(seen) > 0
    later = replace(floors, min_negatives=seen.negatives + 1)
    assert days_without(seen, nothing, later) == days_of(seen)
    assert days_without(seen, one, later) == days_without(seen, one, SpikeSettings()) > 0
