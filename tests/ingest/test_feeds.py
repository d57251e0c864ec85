import msgspec
import pytest
from msgspec import structs

from ingest import feeds
from ingest.feeds import FEEDS, FeedSettings, FeedState, due
from ingest.instants import DAY, HOUR, SECOND, rfc3339
from ingest.logs import LogAway
from tests.ingest.dying import Dying
from tests.ingest.feedserver import Answer, FeedServer, item, rss
from tests.ingest.reading import NOW, Reading


def test_an_entry_becomes_a_document_oldest_first(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(2), item(1)))
    told = reading.visit(reading.feed(server.url("/rss")))
    assert (told.new, told.unfit, told.why) == (2, 0, "")
    assert reading.ids() == ["guid-1", "guid-2"]
    assert reading.documents()[0] == {
        "id": "guid-1",
        "source": "127.0.0.1",
        "published_at": "2026-03-01T08:00:00Z",
        "title": "Headline 1",
        "body": "<p>Body 1</p>",
        "url": "https://news.example/1",
        "kind": "news",
    }


def test_atom_is_read_too(reading: Reading, server: FeedServer) -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr"><title>T</title><entry><id>urn:1</id><title>Titre</title>
      <updated>2026-03-01T09:00:00+01:00</updated><author><name>A. Person</name></author>
      <link href="https://news.example/1"/><summary>S</summary><content type="html">longer content</content></entry></feed>"""
    server.answers["/atom"] = Answer(atom.encode())
    reading.visit(reading.feed(server.url("/atom"), FeedSettings(to="documents", source="wire")))
    (document,) = reading.documents()
    assert document["published_at"] == "2026-03-01T09:00:00+01:00"
    assert (document["source"], document["author"], document["body"]) == ("wire", "A. Person", "longer content")
    assert document["lang"] == "fr"


def test_only_what_is_new_is_published(reading: Reading, server: FeedServer) -> None:
    feed = reading.feed(server.url("/rss"))
    for numbers in ([1], [2, 1], [2, 1], [4, 3]):
        server.answers["/rss"] = Answer(rss(*map(item, numbers)))
        reading.visit(feed)
    assert reading.ids() == ["guid-1", "guid-2", "guid-3", "guid-4"]


def test_a_restart_goes_on_without_copies(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(2), item(1)))
    reading.visit(reading.feed(server.url("/rss")))
    server.answers["/rss"] = Answer(rss(item(3), item(2)))
    assert reading.visit(reading.feed(server.url("/rss"))).new == 1
    assert reading.ids() == ["guid-1", "guid-2", "guid-3"]


@pytest.mark.parametrize("flushes", [0, 1, 2, 3])
@pytest.mark.parametrize("guid", ["guid-1", "guid-2"])
def test_a_crash_at_any_point_neither_loses_nor_doubles(
    reading: Reading, server: FeedServer, flushes: int, guid: str
) -> None:
    second = item(2).replace("guid-2", guid)  # of its own, or the first one's
    server.answers["/rss"] = Answer(rss(second, item(1)))
    dying = Dying(reading.logs.writer(), flushes)
    with pytest.raises(LogAway):
        reading.feed(server.url("/rss")).visit(reading.client, dying)
    dying.close()
    server.answers["/rss"] = Answer(rss(item(3), second, item(1)))
    reading.visit(reading.feed(server.url("/rss")))
    assert sorted(reading.ids()) == ["guid-1", guid, "guid-3"]


def news(number: int, title: str = "") -> str:
    return item(number, title=title).replace(f"guid-{number}", "news")


def test_entries_that_share_a_guid_are_each_published_once(reading: Reading, server: FeedServer) -> None:
    """Alone at first, together, alone again, together with others: as a feed moves on."""
    feed, new = reading.feed(server.url("/rss")), []
    for numbers in ([1], [2, 1], [3, 2, 1], [3], [3], [4], [5, 4], [5, 4, 3]):
        server.answers["/rss"] = Answer(rss(*map(news, numbers)))
        new.append(reading.visit(feed).new)
        feed = reading.feed(server.url("/rss"))
    assert new == [1, 1, 1, 0, 0, 1, 1, 0]
    assert [document["title"] for document in reading.documents()] == [f"Headline {number}" for number in range(1, 6)]


def test_an_entry_that_alone_has_its_guid_is_not_published_again_when_it_is_changed(
    reading: Reading, server: FeedServer
) -> None:
    feed, new = reading.feed(server.url("/rss")), []
    for title in ("Bank pays", "Bank pays out", "Bank pays"):
        server.answers["/rss"] = Answer(rss(item(2), item(1, title=title)))
        new.append(reading.visit(feed).new)
    server.answers["/rss"] = Answer(rss(news(2).replace("news<", "guid-1<"), item(1, title="Bank pays")))
    assert [*new, reading.visit(feed).new] == [2, 0, 0, 1]


def test_an_entry_listed_twice_is_one(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(1), item(1)))
    assert reading.visit(reading.feed(server.url("/rss"))).new == 1


def test_a_feed_that_has_not_changed_is_not_sent_again(reading: Reading, server: FeedServer) -> None:
    modified = "Sun, 01 Mar 2026 08:00:00 GMT"
    server.answers["/rss"] = Answer(rss(item(1)), headers=(("ETag", '"v1"'), ("Last-Modified", modified)))
    reading.visit(reading.feed(server.url("/rss")))
    kept = reading.states()
    told = reading.visit(reading.feed(server.url("/rss")))
    assert (told.new, told.why) == (0, "")
    asked = [headers for _, headers in server.asked]
    assert "If-None-Match" not in asked[0]
    assert (asked[1]["If-None-Match"], asked[1]["If-Modified-Since"]) == ('"v1"', modified)
    assert reading.states() == kept, "an unchanged feed leaves no trace in the log"


def test_a_feed_is_left_alone_as_long_as_it_asks(reading: Reading, server: FeedServer) -> None:
    feed = reading.feed(server.url("/rss"))
    server.answers["/rss"] = Answer(rss(item(1)))
    assert reading.visit(feed).next_at == NOW + 300 * SECOND
    server.answers["/rss"] = Answer(rss(item(1), head="<ttl>30</ttl>"))
    assert reading.visit(feed).next_at == NOW + 1800 * SECOND
    server.answers["/rss"] = Answer(status=304)
    assert reading.visit(feed).next_at == NOW + 1800 * SECOND, "also if it has not changed"
    server.answers["/rss"] = Answer(rss(item(1), head="<ttl>1</ttl>"))
    assert reading.visit(feed).next_at == NOW + 300 * SECOND
    server.answers["/rss"] = Answer(rss(item(1), head="<ttl>525600</ttl>"))
    assert reading.visit(feed).next_at == NOW + 86_400 * SECOND, "no feed can ask for more than a day"


@pytest.mark.parametrize("told", ["1200", "Sun, 01 Mar 2026 09:50:00 GMT"])
def test_too_many_requests_means_later_also_after_a_restart(reading: Reading, server: FeedServer, told: str) -> None:
    server.answers["/rss"] = Answer(status=429, headers=(("Retry-After", told),))
    visit = reading.visit(reading.feed(server.url("/rss")))
    assert visit.why == "answered 429 Too Many Requests"
    assert visit.next_at == NOW + 1200 * SECOND
    again = reading.feed(server.url("/rss"))
    assert list(due([again], reading.ticks.now + 1199 * SECOND)) == []
    assert list(due([again], reading.ticks.now + 1200 * SECOND)) == [again]


def test_a_clock_that_is_set_back_does_not_silence_a_feed(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(1)))
    feed = reading.feed(server.url("/rss"))
    reading.visit(feed)
    reading.clock.now -= 6 * HOUR
    reading.ticks.now += 300 * SECOND
    assert list(due([feed], reading.ticks.now)) == [feed]


def test_a_server_that_wants_to_be_left_alone_is_for_a_day_at_most_also_if_the_clock_was_set_back(
    reading: Reading, server: FeedServer
) -> None:
    server.answers["/rss"] = Answer(status=429, headers=(("Retry-After", "1200"),))
    reading.visit(reading.feed(server.url("/rss")))
    reading.clock.now -= 365 * DAY
    again = reading.feed(server.url("/rss"))
    assert list(due([again], reading.ticks.now + DAY)) == [again]


@pytest.mark.parametrize("year", [99999, 2**31])
def test_a_date_that_is_none_asks_for_nothing(reading: Reading, server: FeedServer, year: int) -> None:
    server.answers["/rss"] = Answer(status=503, headers=(("Retry-After", f"Sun, 01 Mar {year} 09:50:00 GMT"),))
    assert reading.visit(reading.feed(server.url("/rss"))).next_at == NOW + 300 * SECOND


def test_a_feed_that_fails_is_asked_ever_less_often_up_to_an_hour(reading: Reading, server: FeedServer) -> None:
    feed = reading.feed(server.url("/missing"))
    waits = [(reading.visit(feed).next_at - NOW) // SECOND for _ in range(7)]
    assert waits == [300, 600, 1200, 2400, 3600, 3600, 3600]
    server.answers["/missing"] = Answer(rss(item(1)))
    assert reading.visit(feed).next_at == NOW + 300 * SECOND
    server.answers["/missing"] = Answer(status=500)
    waits = [(reading.visit(feed).next_at - NOW) // SECOND for _ in range(2)]
    assert waits == [300, 600], "failures of before it recovered count no more"


def test_a_feed_asked_for_less_often_than_once_an_hour_is_not_asked_more_often_when_it_fails(
    reading: Reading, server: FeedServer
) -> None:
    feed = reading.feed(server.url("/missing"), FeedSettings(to="documents", every_s=7200))
    assert [(reading.visit(feed).next_at - NOW) // SECOND for _ in range(2)] == [7200, 7200]


def test_of_feeds_that_are_due_the_one_that_waits_longest_comes_first(reading: Reading) -> None:
    feeds = [reading.feed(f"http://news.example/{number}") for number in range(3)]
    now = reading.ticks.now
    for feed, next_at in zip(feeds, (now, now - SECOND, now + 1), strict=True):
        feed.next_at = next_at
    assert list(due(feeds, now)) == [feeds[1], feeds[0]]


def test_a_feed_that_is_gone_for_good_is_not_asked_again(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(status=410)
    feed = reading.feed(server.url("/rss"))
    assert reading.visit(feed).gone
    assert list(due([feed], reading.ticks.now + 10**15)) == []


def test_what_the_server_says_of_its_version_in_other_letters_is_not_sent_back(
    reading: Reading, server: FeedServer
) -> None:
    server.answers["/rss"] = Answer(rss(item(1)), headers=(("ETag", '"\xe9"'), ("Last-Modified", "Di, 1. M\xe4rz")))
    feed = reading.feed(server.url("/rss"))
    assert [reading.visit(feed).why for _ in range(2)] == ["", ""]
    assert "If-None-Match" not in server.asked[1][1]
    assert "If-Modified-Since" not in server.asked[1][1]


def test_an_entry_without_text_is_counted_and_not_tried_again(reading: Reading, server: FeedServer) -> None:
    feed = reading.feed(server.url("/rss"))
    server.answers["/rss"] = Answer(rss(item(1), "<item><guid>empty</guid></item>"))
    assert [(told.new, told.unfit) for told in (reading.visit(feed), reading.visit(feed))] == [(1, 1), (0, 0)]


def test_an_entry_too_large_for_a_record_is_passed_over(reading: Reading, server: FeedServer) -> None:
    large = item(1).replace("Body 1", "Body 1" + "&lt;br&gt;" * 300_000)
    server.answers["/rss"] = Answer(rss(large, item(2)))
    told = reading.visit(reading.feed(server.url("/rss")))
    assert (told.new, told.unfit, reading.ids()) == (1, 1, ["guid-2"])


def test_what_is_read_of_a_long_feed_is_remembered_though_it_once_comes_empty(
    reading: Reading, server: FeedServer
) -> None:
    feed = reading.feed(server.url("/rss"))
    whole = Answer(rss(*(f"<item><guid>{number}</guid><title>A</title></item>" for number in range(1100))))
    new = []
    for answer in (whole, Answer(rss()), whole):
        server.answers["/rss"] = answer
        new.append(reading.visit(feed).new)
    assert new == [1100, 0, 0]


def test_entries_long_gone_are_forgotten(reading: Reading, server: FeedServer) -> None:
    feed = reading.feed(server.url("/rss"))
    gone = tuple(f"{number:012x}.{number:012x}" for number in range(6_000))
    feed.state = structs.replace(feed.state, seen=gone)
    server.answers["/rss"] = Answer(rss(item(1)))
    reading.visit(feed)
    assert feed.state.seen[:-1] == gone[1_000:]


def test_the_largest_state_fits_into_a_record() -> None:
    names = tuple(f"{number:012x}.{number:012x}" for number in range(15_000))
    assert len(msgspec.json.encode(FeedState("s" * 1000, seen=names[:10_000], begun=names[10_000:]))) < 500_000


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_a_feed_that_only_grows_the_newest_are_read_and_that_is_told_once(
    reading: Reading, server: FeedServer, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_ENTRIES", 50)

    def entry(number: int) -> str:
        at = rfc3339(NOW - (1_000 - number) * SECOND)
        return f"<item><guid>{number}</guid><title>A</title><pubDate>{at}</pubDate></item>"

    feed, ids, told = reading.feed(server.url("/rss")), [], []
    for entries in (60, 62):
        listed = [entry(number) for number in range(entries)]
        server.answers["/rss"] = Answer(rss(*(reversed(listed) if newest_first else listed)))
        told.append(reading.visit(feed).left_out)
        ids.append(reading.ids())
    assert ids[0] == [str(number) for number in range(10, 60)]
    assert ids[1][50:] == ["60", "61"]
    assert told == [("of its 60 entries only the 50 newest are read",), ()]


def test_an_entry_is_not_lost_for_a_name_or_an_address_that_is_too_long(reading: Reading, server: FeedServer) -> None:
    long = item(1).replace("guid-1", "g" * 513).replace("https://news.example/1", "https://news.example/" + "1" * 4096)
    server.answers["/rss"] = Answer(rss(long))
    assert reading.visit(reading.feed(server.url("/rss"))).new == 1
    (document,) = reading.documents()
    assert 0 < len(document["id"]) <= 512
    assert "url" not in document


def test_that_a_feed_says_english_or_chinese_is_not_passed_on(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(1, title="某银行发生挤兑"), head="<language>en-us</language>"))
    reading.visit(reading.feed(server.url("/rss")))
    assert "lang" not in reading.documents()[0]


def test_secrets_of_an_address_are_nowhere(reading: Reading, server: FeedServer) -> None:
    url = server.url("/rss?token=s3cret").replace("http://", "http://me:passw0rd@")
    server.answers["/rss"] = Answer(rss(item(1)))
    told = reading.visit(reading.feed(url))
    kept = b"".join(record.value or b"" for log in ("documents", FEEDS.log) for record in reading.logs.scan(log))
    for text in (repr(told), kept.decode()):
        assert "s3cret" not in text
        assert "passw0rd" not in text
    assert server.asked[0][1]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/s3cret?s3cret", "http://[s3cret", "ftp://s3cret/", "s3cret", ""])
def test_an_address_that_cannot_be_reached_is_told_without_naming_secrets(reading: Reading, url: str) -> None:
    told = reading.visit(reading.feed(url))
    assert told.why.startswith("cannot be reached (")
    assert "s3cret" not in told.why


def test_a_redirect_is_followed(reading: Reading, server: FeedServer) -> None:
    server.answers["/old"] = Answer(status=301, headers=(("Location", "/rss"),))
    server.answers["/rss"] = Answer(rss(item(1)))
    assert reading.visit(reading.feed(server.url("/old"))).new == 1
