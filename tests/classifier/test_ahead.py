"""While more is there to be read, the last portion of a poll is in work during the next, and nothing is lost by it."""

import pytest
from msgspec import structs

from classifier.scorer import Scorer
from ingest.instants import SECOND
from ingest.logs import Batch, Closed, Opened, Place, Position, Skipped
from tests.classifier.turning import HERE, NEWS, Desk, Member, assert_consecutive, documents, news


def left_at_work(desk: Desk, scorer: Scorer) -> Member:
    """It has published ten documents of thirty, and ten more are in work."""
    desk.append(*news(30))
    member = Member(desk, scorer, limit=10)
    member.turn()
    member.turn()
    assert list(member.steps([*member.poll(), member.ended()])) == []
    assert [(scores.start, scores.next) for scores in desk.ranges()] == [(0, 10)]
    return member


def test_where_more_is_there_the_last_portion_is_in_work_while_it_is_polled(desk: Desk, scorer: Scorer) -> None:
    left_at_work(desk, scorer).run()
    assert_consecutive(desk.ranges(), 0, 30)
    assert documents(desk.ranges()) == [f"n{number}" for number in range(30)]


def test_what_was_left_in_work_is_published_when_nothing_comes(desk: Desk, scorer: Scorer) -> None:
    list(left_at_work(desk, scorer).steps([]))
    assert_consecutive(desk.ranges(), 0, 20)


def test_what_was_left_in_work_is_published_before_what_the_log_lost(desk: Desk, scorer: Scorer) -> None:
    member = left_at_work(desk, scorer)
    list(member.steps([lost(desk)]))
    assert_consecutive(desk.ranges(), 0, 30)
    assert documents(desk.ranges()) == [f"n{number}" for number in range(20)]


def test_nothing_is_left_in_work_of_what_the_log_lost_more_of(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(30))
    member = Member(desk, scorer, limit=10)
    member.turn()
    member.turn()
    list(member.steps([*member.poll(), lost(desk)]))
    assert_consecutive(desk.ranges(), 0, 30)
    assert documents(desk.ranges()) == [f"n{number}" for number in range(20)]


def test_what_was_left_of_a_log_made_again_says_nothing_of_the_new_one(desk: Desk, scorer: Scorer) -> None:
    member = left_at_work(desk, scorer)
    published, skipped = member.steps([Skipped(HERE, 20, 0, "another", 1, remade=True)])
    assert len(published.messages) == 1
    assert published.commits == {}
    assert skipped.commits[HERE].offset == 0
    assert documents(desk.ranges()) == [f"n{number}" for number in range(20)]


def test_what_was_left_of_a_partition_given_away_is_its_next_readers(desk: Desk, scorer: Scorer) -> None:
    assert list(left_at_work(desk, scorer).steps([Closed(HERE)])) == []
    assert_consecutive(desk.ranges(), 0, 10)
    assert desk.metric("scoring_seconds_count") == 1  # what is given up is not counted


@pytest.mark.parametrize("is_remade", [False, True])
def test_what_was_left_of_a_partition_given_away_is_forgotten_though_more_of_another_is_left(
    desk: Desk, scorer: Scorer, *, is_remade: bool
) -> None:
    """Were it not, the next records at these positions, of a log made again, would be given its scores."""
    desk.append(*news(40))
    member = Member(desk, scorer, limit=10)
    member.turn()
    (first, second, third) = [batch for _ in range(3) for batch in member.poll() if isinstance(batch, Batch)]
    other = Place(NEWS.log, 1)
    list(member.steps([Opened(other, "other", 2, None, 0, 40), first, elsewhere(first, other)]))
    assert not list(member.steps([second]))  # ten of the one are in work
    gone = Skipped(HERE, 20, 10, "another", 1, remade=True) if is_remade else Closed(HERE)
    list(member.steps([gone, elsewhere(second, other)]))  # and now ten of the other, too
    if not is_remade:
        list(member.steps([Opened(HERE, "another", 1, Position(10), 0, 40), elsewhere(third, other)]))
    again = [structs.replace(record, offset=record.offset - 10) for record in third.records]
    list(member.steps([structs.replace(second, records=tuple(again))]))
    list(member.steps([]))
    ours = [scores for scores in desk.ranges() if scores.partition == 0 and scores.log_id == "another"]
    assert documents(ours) == [f"n{number}" for number in range(20, 30)]


def elsewhere(batch: Batch, place: Place) -> Batch:
    return structs.replace(batch, place=place)


def lost(desk: Desk) -> Skipped:
    """The last ten of thirty records are gone."""
    return Skipped(HERE, 20, 30, desk.ranges()[0].log_id, 1)


def test_of_several_partitions_any_that_has_more_is_enough_to_leave_a_portion_in_work(
    desk: Desk, scorer: Scorer
) -> None:
    desk.append(*news(3))
    member = Member(desk, scorer)
    member.turn()
    (batch,) = member.poll()
    assert isinstance(batch, Batch)
    list(member.steps([structs.replace(batch, next=1, records=batch.records[:1])]))
    list(member.steps([Opened(Place(NEWS.log, 1), "id", 2, None, 0, 5)]))
    polled_at = desk.clock.now
    assert not list(member.steps([structs.replace(batch, start=1, records=batch.records[1:])]))
    desk.clock.now += 30 * SECOND
    assert list(member.steps([]))
    assert desk.ranges()[-1].read_at == polled_at  # what came to its end meanwhile is not known to have been read
    assert desk.ranges()[-1].classified_at >= desk.clock.now
