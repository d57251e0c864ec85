"""Bins open, closed and forgotten, and the sums of what they hold."""

from msgspec import msgpack

from alerting.counting.windows import Bins, Tally, amendment_message, decode_window, total, window_message
from ingest.instants import MINUTE
from tests.alerting.made import START

FRAUD = "topic/fraud"


def bins(*documents: int) -> Bins:
    """A bin a minute from `START` on, with so many documents."""
    made = Bins(MINUTE)
    for number, many in enumerate(documents):
        made.of(START + number * MINUTE)[FRAUD] = Tally(documents=many)
    return made


def kept(made: Bins, begin: int, end: int) -> list[int]:
    """Documents of the bins that start in [begin, end), told in minutes."""
    return [tally.documents for tally in made.between(FRAUD, START + begin * MINUTE, START + end * MINUTE)]


def test_a_bin_is_closed_when_the_watermark_has_passed_its_last_microsecond() -> None:
    made = bins(1, 2, 4)
    assert list(made.close(START + MINUTE - 1)) == []
    assert [start for start, _ in made.close(START + 2 * MINUTE)] == [START, START + MINUTE]
    assert [made.is_closed(START + number * MINUTE) for number in range(3)] == [True, True, False]
    assert list(made.close(START + 3 * MINUTE - 1)) == []


def test_bins_are_summed_from_the_first_instant_to_before_the_last_closed_or_not() -> None:
    made = bins(1, 2, 4, 8)
    for _ in made.close(START + 2 * MINUTE):
        pass
    assert [kept(made, *stretch) for stretch in ((0, 4), (1, 3), (2, 2))] == [[1, 2, 4, 8], [2, 4], []]


def test_what_ends_after_the_instant_is_not_forgotten_and_open_bins_never_are() -> None:
    made = bins(1, 2, 4)
    for _ in made.close(START + 2 * MINUTE):
        pass
    made.forget(START + 2 * MINUTE - 1)
    assert kept(made, 0, 3) == [2, 4]
    assert [made.is_forgotten(START + number * MINUTE) for number in range(2)] == [True, False]
    made.forget(START)  # an older instant brings nothing back
    assert made.is_forgotten(START)


def test_what_is_left_to_a_predecessor_is_closed_and_not_held_until_nobody_would_hold_it() -> None:
    made = Bins(MINUTE)
    made.leave(START + MINUTE)
    assert [made.is_closed(START + number * MINUTE) for number in range(3)] == [True, True, False]
    assert made.held_since(START) == START + 2 * MINUTE
    assert [made.is_left(START + number * MINUTE) for number in range(3)] == [True, True, False]
    made.forget(START + MINUTE)
    assert [made.is_left(START + number * MINUTE) for number in range(3)] == [False, True, False]
    assert made.held_since(START) == START + 2 * MINUTE


def test_what_is_changed_in_a_closed_bin_counts_once_it_is_packed() -> None:
    made = bins(1)
    for _ in made.close(START + MINUTE):
        pass
    tallies = made.of(START)
    tallies[FRAUD].documents += 1
    assert kept(made, 0, 1) == [1]
    made.pack(START, tallies)
    assert kept(made, 0, 1) == [2]


def test_where_to_read_from_is_known_of_the_bins_that_are_held() -> None:
    made = Bins(MINUTE)
    assert made.read_from(0, 7) == 7
    for position, newest in enumerate((0, 3 * MINUTE, MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE), 10):
        made.read(newest + 1, position)
    assert [made.read_from(minute * MINUTE, 16) for minute in range(6)] == [10, 11, 11, 11, 15, 16]
    made.forget(4 * MINUTE)
    assert made.positions == {4 * MINUTE: 15}
    older = msgpack.encode({"width": MINUTE})
    assert msgpack.decode(older, type=Bins).read_from(0, 7) == 7


def test_a_sum_has_every_language_and_each_source_once() -> None:
    first = Tally(3, 2, 15_000, 2, 1, 1, 5, {"en": 2, "zh": 1}, {"wire", "blog"})
    second = Tally(4, 1, 9_000, 4, 1, 0, 2, {"en": 4}, {"wire"})
    assert total([first, second]) == Tally(7, 3, 24_000, 6, 2, 1, 0, {"en": 6, "zh": 1}, {"wire", "blog"})


def test_a_newer_revision_has_the_key_of_the_window_and_each_addition_one_of_its_own() -> None:
    tally = Tally(documents=1, revision=3, sources={"wire", "blog"})
    window = window_message(FRAUD, START, MINUTE, tally, "a1")
    added = [amendment_message(FRAUD, START, MINUTE, tally, "a1", offset) for offset in (7, 8)]
    assert window.key == b"topic/fraud@2026-01-01T00:00:00Z"
    assert len({window.key, *(message.key for message in added)}) == 3
    told = [decode_window(message.value or b"") for message in (window, added[0])]
    assert [(each.additive, each.revision, each.sources) for each in told] == [(False, 3, 2), (True, 3, 2)]
