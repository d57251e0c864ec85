"""What is published once is published once on a real broker too."""

import json
import random
import string
import uuid
from contextlib import closing

from kafka import KafkaAdminClient

from bellwether.clock import now, ticks
from ingest.deadletters import DEAD_LETTERS, LETTER_BYTES, dead_letter, letters, marks, put_back
from ingest.feeds import FEEDS, Feed, FeedSettings, feed_states
from ingest.fetch import WebClient
from ingest.logs import Kept, Logs, Message, Place, Record
from tests.ingest.feedserver import Answer, feed_server, item, rss
from tests.servers import Kafka


def test_the_largest_letter_fits_and_goes_back_to_its_partition_once(logs: Logs) -> None:
    logs.ensure([Kept("documents-of-letters", partitions=3), DEAD_LETTERS])
    place = Place("documents-of-letters", 2)
    record = Record(41, now(), b"k" * 200_000, b"x" * (2 * LETTER_BYTES))
    with closing(logs.writer()) as writer:
        writer.publish(dead_letter(place, record, "too_large", "s" * 1000, now()))
        writer.flush()
        (letter,) = [letter for letter in letters(logs) if letter.place == place]
        assert letter.cut
        assert put_back(logs, writer, [(letter, b"mended")], now()) == (1, 0)
        assert put_back(logs, writer, [(letter, b"mended")], now()) == (0, 1)
    assert marks(logs)[letter.name] == "done"
    assert [each.value for each in logs.scan(place.log, partition=2)] == [b"mended"]


def test_an_entry_that_the_log_does_not_take_is_told_and_costs_no_other(logs: Logs, kafka: Kafka) -> None:
    log = f"documents-{uuid.uuid4().hex[:8]}"
    with closing(KafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))) as admin:
        topic = {"num_partitions": 1, "configs": {"max.message.bytes": "4000"}}
        admin.create_topics({log: topic}, wait_for_metadata=True)
    logs.ensure([FEEDS])
    noise = "".join(random.Random(1).choices(string.ascii_letters, k=9_000))  # of which nothing can be packed away
    with feed_server() as server, WebClient() as client, closing(logs.writer()) as writer:
        server.answers["/rss"] = Answer(rss(item(3), item(2, title=noise), item(1)))
        feed = Feed(server.url("/rss"), FeedSettings(to=log), now, ticks, lambda: 0.0)
        told = feed.visit(client, writer)
        assert (told.new, told.unfit) == (2, 1)
        (why,) = told.left_out
        assert why.endswith(f"does not take a record this large: raise max.message.bytes of the log ({log})")
        again = feed.visit(client, writer)
        assert (again.new, again.unfit, again.left_out) == (0, 0, ())
    assert [record.key for record in logs.scan(log)] == [b"guid-1", b"guid-3"]


def test_a_feed_is_taken_up_where_a_crash_left_it(logs: Logs) -> None:
    """Announced and published, but not confirmed: the documents say which entries are there already."""
    logs.ensure([Kept("documents-of-feeds", partitions=3), FEEDS])
    settings = FeedSettings(to="documents-of-feeds")
    with feed_server() as server, WebClient() as client, closing(logs.writer()) as writer:
        server.answers["/rss"] = Answer(rss(item(2), item(1)))
        feed = Feed(server.url("/rss"), settings, now, ticks, lambda: 0.0)
        feed.visit(client, writer)
        begun = feed.state.seen
        state = {"shown": "", "begun": list(begun)}
        writer.publish(Message(FEEDS.log, json.dumps(state).encode(), key=feed.key.encode()))
        writer.flush()
        again = Feed(server.url("/rss"), settings, now, ticks, lambda: 0.0)
        again.remember(feed_states(logs)[again.key], logs, writer)
        assert sorted(again.state.seen) == sorted(begun)
        server.answers["/rss"] = Answer(rss(item(3), item(2), item(1)))
        assert again.visit(client, writer).new == 1
    records = [record for partition in range(3) for record in logs.scan("documents-of-feeds", partition=partition)]
    assert sorted(record.key or b"" for record in records) == [b"guid-1", b"guid-2", b"guid-3"]
