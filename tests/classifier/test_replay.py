"""A replay ends where its input ended when it began, and only documents move its time."""

from classifier.scorer import Scorer
from ingest.logs import Batch, Ended, Opened
from tests.classifier.turning import HERE, Desk, Member, assert_consecutive, documents, news


def test_a_replay_ends_where_the_input_ended_when_it_began(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(20))
    member = Member(desk, scorer, replay=True, limit=8)
    member.turn()
    desk.append(*news(5, 20))  # too late for this replay
    member.run()
    list(member.steps([member.ended()]))
    ranges = desk.ranges()
    assert_consecutive(ranges, 0, 20)
    assert [scores.final for scores in ranges] == [False] * (len(ranges) - 1) + [True]
    assert all(scores.read_at is None for scores in ranges)
    assert documents(ranges) == [f"n{number}" for number in range(20)]


def test_a_replay_of_an_empty_partition_has_one_final_range(desk: Desk, scorer: Scorer) -> None:
    member = Member(desk, scorer, replay=True)
    member.run()
    list(member.steps([member.ended()]))
    (scores,) = desk.ranges()
    assert (scores.start, scores.next, scores.first, scores.final) == (0, 0, True, True)


def test_a_replay_whose_last_positions_hold_no_records_ends_all_the_same(desk: Desk, scorer: Scorer) -> None:
    member = Member(desk, scorer, replay=True)
    opened = Opened(HERE, "x", 1, None, 0, 10)
    good = Batch(HERE, 0, 3, 10, ())
    list(member.steps([opened, good]))
    assert not list(member.steps([Ended(HERE, 3, 10, 1)]))
    for _ in member.steps([Ended(HERE, 10, 10, 1)]):
        pass
    assert not list(member.steps([Ended(HERE, 10, 10, 2)]))
    assert [(scores.start, scores.next, scores.final) for scores in desk.ranges()] == [(0, 3, False), (3, 10, True)]


def test_a_replay_that_was_through_says_so_again_when_it_is_started_again(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    first = Member(desk, scorer, replay=True)
    first.run()
    first.close()
    Member(desk, scorer, replay=True).run()
    assert [(scores.start, scores.next, scores.final) for scores in desk.ranges()] == [(0, 3, True), (3, 3, True)]
