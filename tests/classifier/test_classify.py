"""Every position of an input partition stands in the scores log, in order, before it is committed."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from time import sleep

import pytest
from prometheus_client import CollectorRegistry

from bellwether.loop import Loop, Role
from bellwether.metrics import LoopMetrics
from classifier.classify import Classify
from classifier.metrics import ClassifyMetrics
from classifier.privacy import MASK
from classifier.reading import KEPT_CHARACTERS
from classifier.scorer import Scorer
from classifier.scores import WHOLE, ScoreRange, decode_range
from classifier.stories import story_signature
from ingest import logs
from ingest.decode import Decoder
from ingest.document import Document
from ingest.instants import MINUTE, SECOND
from ingest.logs import Batch, Closed, Ended, Message, Opened, Place, Position, Record, Skipped
from ingest.steps import Step
from tests.classifier.made import document
from tests.classifier.turning import HERE, NEWS, NOW, Desk, Member, assert_consecutive, documents, news

BAD = {
    "not_json": b"{",
    "missing_field": b'{"id": "x", "source": "wire"}',
    "empty_text": b'{"id": "x", "source": "wire", "published_at": "2026-03-02T09:30:00Z", "text": "<p> </p>"}',
    "future": b'{"id": "x", "source": "wire", "published_at": "2036-03-02T09:30:00Z", "text": "Shares fall"}',
}


def test_ranges_cover_the_input_exactly_with_bad_records_among_good_ones(desk: Desk, scorer: Scorer) -> None:
    good = news(60)
    bad = [Message(NEWS.log, value) for value in BAD.values()]
    mixed = [message for pair in zip(good[:40], bad * 10, strict=True) for message in pair] + good[40:]
    desk.append(*mixed)
    member = Member(desk, scorer, limit=33)
    member.run()
    assert_consecutive(desk.ranges(), 0, len(mixed))
    assert documents(desk.ranges()) == [f"n{number}" for number in range(60)]
    assert sum(scores.dead for scores in desk.ranges()) == 40
    assert [letter.reason for letter in desk.dead()] == [*BAD] * 10
    assert [letter.offset for letter in desk.dead()] == list(range(1, 80, 2))
    for reason in BAD:
        assert desk.metric("dead_letters_total", reason=reason) == 10
    assert sum(desk.metric("documents_total", language=tag) or 0 for tag in ("en", "zh", "und")) == 60


def test_a_scored_document_carries_all_that_later_boxes_need(desk: Desk, scorer: Scorer) -> None:
    body = "Northbank halts withdrawals as depositors queue. " * 100
    desk.append(
        Message(
            NEWS.log,
            b'{"id": "n1", "source": "wire", "published_at": "2026-03-02T09:30:00Z", "lang": "en", "kind": "news", '
            b'"url": "https://wire.example/1", "entities": ["Northbank"], "text": "' + body.encode() + b'"}',
        )
    )
    Member(desk, scorer).run()
    (scores,) = desk.ranges()
    (scored,) = scores.documents
    assert (scores.log, scores.partition, scores.partitions, scores.topics) == (NEWS.log, 0, 1, scorer.topics)
    assert (scores.artifact, scores.provider, scores.read_at) == (scorer.artifact, scorer.provider, desk.clock.now)
    assert (scored.id, scored.source, scored.language, scored.kind) == ("n1", "wire", "en", "news")
    assert (scored.url, scored.entities) == ("https://wire.example/1", ("Northbank",))
    assert scored.published_at == scored.event_at < scored.appended_at == desk.clock.now
    assert scored.text == body[:KEPT_CHARACTERS]
    assert scored.story == story_signature(body.strip())
    assert sum(scored.sentiment) == WHOLE
    assert all(0 <= span.start < span.end <= KEPT_CHARACTERS for span in scored.spans)


def test_private_data_is_masked_in_the_scores_and_kept_in_dead_letters_for_repair(desk: Desk, scorer: Scorer) -> None:
    told = "Depositor li.wei@example.cn, mobile 13812345678, queues at Northbank"
    article = {"id": "n1", "source": "wire", "published_at": "2026-03-02T09:30:00Z", "text": told}
    desk.append(
        Message(NEWS.log, json.dumps(article | {"entities": ["li.wei@example.cn"]}).encode()),
        Message(NEWS.log, json.dumps(article | {"published_at": "yesterday"}).encode()),
    )
    Member(desk, scorer).run()
    ((scored,),) = (scores.documents for scores in desk.ranges() if scores.documents)
    assert scored.text == f"Depositor {MASK * 17}, mobile {MASK * 11}, queues at Northbank"
    assert scored.entities == (MASK * 17,)
    (letter,) = desk.dead()
    assert told.encode() in (letter.value or b"")


def test_a_link_that_holds_private_data_is_left_out_however_it_is_encoded(desk: Desk, scorer: Scorer) -> None:
    public = "https://wire.example/2026/03/01/%E9%93%B6%E8%A1%8C?page=2"
    private = (
        "to=li.wei@example.cn",
        "to=li.wei%40example.cn",
        "tel=138%200013%208000",
        "tel=138+0013+8000",
        "tel=%2B8613800138000",
        "next=https%3A%2F%2Fb.example%2F%3Fto%3Dli.wei%2540example.cn",
    )
    links = (public, *(f"https://wire.example/?{query}" for query in private))
    article = {"id": "n", "source": "wire", "published_at": "2026-03-02T09:30:00Z", "text": "Northbank pays"}
    desk.append(*(Message(NEWS.log, json.dumps(article | {"url": link}).encode()) for link in links))
    Member(desk, scorer).run()
    (documents,) = (scores.documents for scores in desk.ranges() if scores.documents)
    assert [document.url for document in documents] == [public, *[""] * len(private)]


def test_only_the_very_first_range_of_a_partition_says_so(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    member = Member(desk, scorer)
    member.run()
    member.close()
    desk.append(*news(3, 3))
    Member(desk, scorer).run()
    assert [scores.first for scores in desk.ranges()] == [True, False]


def test_a_process_that_dies_before_the_first_range_leaves_it_to_the_next_to_say_so(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    dying = Member(desk, scorer)
    dying.turn()
    begun = next(dying.steps(dying.poll()))
    assert begun.commits
    assert not begun.messages
    dying.do(begun)  # its note is kept; then it is gone
    dying.close()
    Member(desk, scorer).run()
    (scores,) = desk.ranges()
    assert (scores.first, scores.start, scores.next) == (True, 0, 3)


def test_progress_is_told_once_a_second_also_when_nothing_comes(desk: Desk, scorer: Scorer) -> None:
    member = Member(desk, scorer)
    member.run()
    for _ in range(2):
        desk.clock.now += SECOND
        list(member.steps([member.ended()]))
    desk.append(*news(2))
    member.run()
    desk.clock.now += SECOND
    list(member.steps([member.ended()]))
    told = [(scores.start, scores.next, scores.end, scores.first) for scores in desk.ranges()]
    assert told == [(0, 0, 0, True), (0, 0, 0, False), (0, 2, 2, False), (2, 2, 2, False)]
    assert [scores.read_at for scores in desk.ranges()] == [desk.clock.now - back * SECOND for back in (2, 1, 1, 0)]


def test_progress_of_all_partitions_is_told_in_one_step(desk: Desk, scorer: Scorer) -> None:
    box = Member(desk, scorer).box
    places = [Place(NEWS.log, number) for number in range(3)]
    assert not list(box.step([Opened(place, "id", 3, None, 0, 0) for place in places], NOW))
    (step,) = box.step([Ended(place, 0, 0, NOW) for place in places], NOW)
    assert [decode_range(message.value or b"").partition for message in step.messages] == [0, 1, 2]
    assert set(step.commits) == set(places)
    assert [len(each.messages) for each in box.step([Ended(place, 0, 0, NOW) for place in places], NOW)] == [3]


def test_progress_is_as_old_as_the_question_about_the_end(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(2))
    member = Member(desk, scorer)
    member.turn()
    events = [*member.poll(), member.ended()]
    asked_at = desk.clock.now
    desk.clock.now += 5 * SECOND  # what was read is scored meanwhile
    list(member.steps(events))
    assert desk.ranges()[-1].read_at == asked_at


def test_an_end_asked_before_more_was_read_is_passed_over(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(2))
    member = Member(desk, scorer)
    member.turn()
    old = member.ended()
    member.run()
    before = desk.ranges()
    assert list(member.steps([old])) == []
    assert desk.ranges() == before


def test_progress_does_not_say_the_end_was_reached_when_it_was_not(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(5))
    member = Member(desk, scorer, limit=2)
    opened = member.poll()
    list(member.steps(opened))
    list(member.steps([*member.poll(), member.ended()]))
    assert [(scores.next, scores.end) for scores in desk.ranges()] == [(2, 5), (2, 5)]


def test_records_fetched_long_ago_do_not_say_that_the_end_was_reached(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(2))
    member = Member(desk, scorer, limit=1)
    member.turn()
    fetched = [*member.poll(), *member.poll()]
    desk.append(*news(3, 2))
    desk.clock.now += 240 * SECOND  # others were scored meanwhile
    list(member.steps([fetched[0], Ended(HERE, 1, 5, desk.clock.now)]))
    list(member.steps([fetched[1]]))  # less than a second later, so nothing was asked
    assert {scores.next for scores in desk.ranges()} == {1, 2}
    assert {scores.end for scores in desk.ranges()} == {5}


def test_what_the_log_has_lost_is_said_and_not_passed_over(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    member = Member(desk, scorer)
    member.run()
    lost = Skipped(HERE, 3, 50, desk.ranges()[0].log_id, 1)
    for _ in member.steps([lost, Ended(HERE, 50, 60, desk.clock())]):
        pass
    skipped = desk.ranges()[-2]
    assert (skipped.start, skipped.next, skipped.end, skipped.documents) == (3, 50, 60, ())
    assert skipped.skipped == "news no longer has positions 3 to 50"
    assert desk.metric("positions_skipped_total") == 47


def test_a_log_that_lost_its_newest_records_goes_on_below(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(30))
    member = Member(desk, scorer)
    member.run()
    list(member.steps([Skipped(HERE, 30, 20, desk.ranges()[0].log_id, 1)]))
    list(member.steps([Batch(HERE, 20, 22, 22, ())]))
    told = [(scores.start, scores.next, bool(scores.skipped)) for scores in desk.ranges()]
    assert told[-2:] == [(30, 20, True), (20, 22, False)]


def test_a_log_that_was_made_again_begins_anew(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    member = Member(desk, scorer)
    member.run()
    list(member.steps([Skipped(HERE, 3, 0, "another", 2, remade=True)]))
    remade = desk.ranges()[-1]
    assert (remade.log_id, remade.partitions, remade.start, remade.next) == ("another", 2, 0, 0)
    assert remade.first
    assert "made again" in remade.skipped


def test_a_partition_is_committed_in_portions_each_after_its_ranges(desk: Desk, scorer: Scorer) -> None:
    desk.append(*[document(number, "Shares fall " * 120) for number in range(100)])
    member = Member(desk, scorer)
    member.turn()
    ends = []
    for step in member.steps(member.poll()):
        if step.messages:
            ends.append(step.commits[HERE].offset)
            assert len(desk.ranges()) == len(ends) - 1  # not yet published, not yet committed
    assert len(ends) > 1
    assert ends == sorted(set(ends))
    assert ends[-1] == 100


def test_what_was_not_committed_is_read_again_by_the_next(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(20))
    first = Member(desk, scorer, limit=10)
    first.turn()
    first.turn()
    first.poll()  # read, and then it is gone
    first.close()
    Member(desk, scorer).run()
    assert_consecutive(desk.ranges(), 0, 20)
    assert documents(desk.ranges()) == [f"n{number}" for number in range(20)]


@pytest.mark.parametrize("seed", range(12))
def test_wherever_processes_are_dropped_each_document_counts_once(desk: Desk, scorer: Scorer, seed: int) -> None:
    chance = random.Random(seed)
    desk.append(*news(40), Message(NEWS.log, b"{"), *news(20, 40))
    position = 0
    while position < 61:
        member = Member(desk, scorer, limit=chance.choice([3, 10, 500]))
        left = chance.randrange(8)
        steps = (step for _ in range(20) for step in member.box.step(member.poll(), desk.clock()))
        for step in itertools.islice(steps, left):
            member.do(step)
            position = max([position, *(commit.offset for commit in step.commits.values())])
        if (torn := next(steps, None)) and chance.random() < 0.5:
            member.publish(torn)  # published, and dropped before the commit
        member.close()
    assert counted_once(desk.ranges(), 61) == [f"n{number}" for number in range(60)]
    assert [letter.offset for letter in desk.dead()] == [40]


def counted_once(ranges: Sequence[ScoreRange], end: int) -> list[str]:
    """Ids, as the aggregator counts them: whatever was published first wins."""
    position, ids = 0, []
    for scores in ranges:
        assert scores.start <= position  # nothing is left out
        assert scores.first == (scores.start == 0)
        ids += [document.id for document in scores.documents if document.offset >= position]
        position = max(position, scores.next)
    assert position == end
    return ids


def test_a_closed_partition_is_forgotten(desk: Desk, scorer: Scorer) -> None:
    member = Member(desk, scorer)
    opened = member.turn()
    assert isinstance(opened[0], Opened)
    assert list(member.steps([Closed(HERE), member.ended()])) == []


def test_a_stop_publishes_nothing_more_and_blames_nobody(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(30))
    answers = iter([False, True])
    stopped = Member(desk, scorer, stop=lambda: next(answers, True))
    stopped.turn()
    steps = list(stopped.steps(stopped.poll()))
    stopped.close()
    assert [bool(step.messages) for step in steps] == [False, False]
    assert desk.ranges() == []
    next_one = Member(desk, scorer)
    (opened,) = next_one.turn()
    assert isinstance(opened, Opened)
    assert opened.committed == Position(0, '{"first":true}')
    next_one.run()
    assert documents(desk.ranges()) == [f"n{number}" for number in range(30)]


def test_who_is_asked_to_stop_before_a_range_is_begun_notes_nothing(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    stopped = Member(desk, scorer, stop=lambda: True)
    stopped.turn()
    assert list(stopped.steps(stopped.poll())) == []


class Interrupted(Classify):
    """Is asked to stop by the time that it has committed its first note."""

    def __init__(self, scorer: Scorer, stop: Event) -> None:
        metrics = ClassifyMetrics(CollectorRegistry(), scorer)
        super().__init__({NEWS.log: Decoder(bound_us=2 * MINUTE)}, scorer, metrics, replay=False, stop=stop.is_set)
        self._asked = stop

    def step(self, events: Sequence[logs.Event], now: int) -> Iterator[Step]:
        for step in super().step(events, now):
            if not step.messages:
                self._asked.set()
            yield step


def test_a_stop_while_the_note_is_committed_blames_nobody(desk: Desk, scorer: Scorer) -> None:
    desk.append(*news(3))
    stop = Event()
    role = Role("classify", "classify", (NEWS.log,), partial(Interrupted, scorer, stop))
    Loop(role, desk.logs, desk.clock, LoopMetrics(CollectorRegistry(), [role.name])).run(stop)
    assert documents(desk.ranges()) == []
    next_one = Member(desk, scorer)
    (opened,) = next_one.turn()
    assert isinstance(opened, Opened)
    assert opened.committed == Position(0)
    next_one.run()
    assert documents(desk.ranges()) == ["n0", "n1", "n2"]


@pytest.mark.parametrize("replay", [False, True])
def test_when_scores_were_ready_is_told_as_it_is_and_in_a_replay_does_not_hang_on_how_long_it_took(
    desk: Desk, scorer: Scorer, *, replay: bool
) -> None:
    class Slow(Decoder):
        def decode(self, record: Record) -> Document:
            sleep(0.1)
            return super().decode(record)

    desk.append(*news(3))
    Member(desk, scorer, replay=replay, decoder=Slow(bound_us=2 * MINUTE, replay=replay)).run()
    (scores,) = desk.ranges()
    took = scores.classified_at - desk.clock.now
    assert took == 0 if replay else took >= 0.3 * SECOND
    assert scores.read_at == (None if replay else desk.clock.now)


def test_scores_are_the_same_whatever_the_poll_size(tmp_path: Path, scorer: Scorer) -> None:
    told = []
    for limit in (1, 7, 500):
        scorer.forget()
        desk = Desk(tmp_path / str(limit))
        desk.append(*news(40))
        Member(desk, scorer, limit=limit).run()
        told.append([document for scores in desk.ranges() for document in scores.documents])
    assert told[0] == told[1] == told[2]
