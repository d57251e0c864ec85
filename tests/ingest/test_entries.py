from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingest.feeds import FeedSettings
from ingest.fetch import LARGEST
from tests.ingest.feedserver import Answer, FeedServer, item, rss
from tests.ingest.reading import Reading


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"<html><body>Sign in</body></html>", "is neither RSS nor Atom"),
        (rss(item(1), item(2))[:-80], "breaks off in the middle"),
        (b"x" * (LARGEST + 1), "has more than 10,000,000 bytes"),
    ],
)
def test_what_is_no_whole_feed_is_told_and_publishes_nothing(
    reading: Reading, server: FeedServer, content: bytes, why: str
) -> None:
    server.answers["/rss"] = Answer(content)
    assert reading.visit(reading.feed(server.url("/rss"))).why == why
    assert reading.ids() == []


def test_a_feed_that_nothing_can_be_made_of_is_told_and_publishes_nothing(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(1), head="<gml:pos>1</gml:pos>"))
    assert reading.visit(reading.feed(server.url("/rss"))).why == "cannot be read (KeyError)"
    assert reading.ids() == []


@pytest.mark.parametrize(
    "inner",
    [
        "<enclosure " + " ".join(f'a{number}="1"' for number in range(50_000)) + "/>",
        "".join(f'<a{number}:b xmlns:a{number}="u{number}"/>' for number in range(20_000)),
    ],
    ids=["attributes", "namespaces"],
)
def test_a_feed_that_would_be_read_for_hours_is_refused(reading: Reading, server: FeedServer, inner: str) -> None:
    server.answers["/rss"] = Answer(rss(item(1).replace("<title>", f"{inner}<title>")))
    why = reading.visit(reading.feed(server.url("/rss"))).why
    assert why == "has more than 100 namespaces, or attributes of one element"
    assert reading.ids() == []


def test_a_feed_may_declare_its_namespaces_in_each_entry(reading: Reading, server: FeedServer) -> None:
    entries = "".join(
        f"""<entry><id>urn:{number}</id><updated>2026-03-01T08:00:00Z</updated><content type="xhtml">
          <div xmlns="http://www.w3.org/1999/xhtml">Body {number}</div></content></entry>"""
        for number in range(500)
    )
    server.answers["/atom"] = Answer(f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode())
    assert reading.visit(reading.feed(server.url("/atom"))).new == 500


@pytest.mark.parametrize("codes", ["&#55357;&#56832;", "&#xD83D;", "&#99999999999;", f"&#{'9' * 5000};", "&#x110000;"])
def test_a_character_that_there_is_not_costs_no_entry(reading: Reading, server: FeedServer, codes: str) -> None:
    server.answers["/rss"] = Answer(rss(item(2, title=f"Up {codes} &#128512;"), item(1)))
    assert reading.visit(reading.feed(server.url("/rss"))).new == 2
    assert reading.documents()[1]["title"] == "Up " + "\ufffd" * codes.count(";") + " \U0001f600"


def test_a_file_of_this_machine_is_not_read_whatever_the_answer_holds(
    reading: Reading, server: FeedServer, tmp_path: Path
) -> None:
    (tmp_path / "local.rss").write_bytes(rss(item(1)))
    server.answers["/rss"] = Answer(str(tmp_path / "local.rss").encode())
    assert reading.visit(reading.feed(server.url("/rss"))).why == "is neither RSS nor Atom"
    assert reading.ids() == []


@pytest.mark.parametrize("media_type", ["text/html", "text/html; charset=utf-8", "application/rss+xml"])
@pytest.mark.parametrize("title", ["Whole", "AT&T & Co"])
def test_a_remark_behind_its_end_does_not_make_a_feed_a_part(
    reading: Reading, server: FeedServer, media_type: str, title: str
) -> None:
    remark = b"\n<!-- Dynamic page generated in 0.3 seconds. -->\n<!-- Cached -->\n"
    server.answers["/rss"] = Answer(rss(item(1, title=title)) + remark, headers=(("Content-Type", media_type),))
    assert reading.visit(reading.feed(server.url("/rss"))).why == ""
    assert reading.ids() == ["guid-1"]


def test_a_whole_feed_is_read_whatever_its_media_type_and_its_prefix(reading: Reading, server: FeedServer) -> None:
    atom = """<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>T</a:title><a:entry><a:id>urn:1</a:id>
      <a:title>A</a:title><a:updated>2026-03-01T08:00:00Z</a:updated></a:entry></a:feed>"""
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    server.answers["/atom"] = Answer(atom.encode(), headers=headers)
    feed = reading.feed(server.url("/atom"))
    assert reading.visit(feed).new == 1
    server.answers["/atom"] = Answer(atom.encode()[:-12], headers=headers)
    assert reading.visit(feed).why == "breaks off in the middle"


def test_xml_that_is_only_careless_is_read(reading: Reading, server: FeedServer) -> None:
    server.answers["/rss"] = Answer(rss(item(1, title="AT&T & Co")) + b"\n")
    assert reading.visit(reading.feed(server.url("/rss"))).why == ""
    assert "AT&T" in reading.documents()[0]["title"]


@pytest.mark.parametrize("declared", ["xml", "header"])
def test_a_chinese_feed_in_an_older_encoding_is_read(reading: Reading, server: FeedServer, declared: str) -> None:
    head = ' encoding="gbk"' if declared == "xml" else ""
    content = (
        rss(item(1, title="某银行发生挤兑")).decode().replace('version="1.0"', f'version="1.0"{head}').encode("gbk")
    )
    charset = "; charset=gbk" if declared == "header" else ""
    server.answers["/rss"] = Answer(content, headers=(("Content-Type", f"application/xml{charset}"),))
    reading.visit(reading.feed(server.url("/rss")))
    assert reading.documents()[0]["title"] == "某银行发生挤兑"


def test_a_broken_character_costs_no_other(reading: Reading, server: FeedServer) -> None:
    content = rss(*(item(number, title=f"银行{number}") for number in range(3)))
    server.answers["/rss"] = Answer(content.replace("银行1".encode(), "银行1".encode()[:-2]))
    reading.visit(reading.feed(server.url("/rss")))
    assert [document["title"] for document in reading.documents()] == ["银行2", "银\ufffd", "银行0"]


@pytest.mark.parametrize("name", ["author", "managingEditor", "dc:creator", "itunes:author"])
@pytest.mark.parametrize("end", ["", " &"])
def test_an_author_without_end_takes_no_time(reading: Reading, server: FeedServer, name: str, end: str) -> None:
    written = item(1).replace("<title>", f"<{name}>{'a' * 2_000_000}{end}</{name}><title>")
    server.answers["/rss"] = Answer(rss(written))
    assert reading.visit(reading.feed(server.url("/rss"))).new == 1
    assert reading.documents()[0]["author"] == "a" * 512


@pytest.mark.parametrize("author", ["jane@news.example (Jane Doe)", "Jane Doe"])
def test_an_author_is_as_the_feed_says(reading: Reading, server: FeedServer, author: str) -> None:
    server.answers["/rss"] = Answer(rss(item(1).replace("<title>", f"<author>{author}</author><title>")))
    reading.visit(reading.feed(server.url("/rss")))
    assert reading.documents()[0]["author"] == author


def test_neither_blanks_before_its_beginning_nor_a_style_hold_up_a_feed(reading: Reading, server: FeedServer) -> None:
    styled = item(1).replace("&lt;p&gt;", f"&lt;p style='{'a' * 900_000}'&gt;")
    content = rss(styled).replace(b"<rss", b"<!-- -->" + b"\n" * 5_000_000 + b"<rss")
    server.answers["/rss"] = Answer(content)
    assert reading.visit(reading.feed(server.url("/rss"))).new == 1


@pytest.mark.parametrize(
    ("date", "zone", "published_at"),
    [
        ("Sun, 01 Mar 2026 08:00:00 +0800", None, "2026-03-01T08:00:00+08:00"),
        ("2026-03-01 08:00", "Asia/Shanghai", "2026-03-01T08:00:00+08:00"),
        ("2026-03-01 08:00", None, "2026-03-01T08:00:00Z"),
        ("Sun, 01 Mar 2026 08:00:00", "Asia/Shanghai", "2026-03-01T08:00:00+08:00"),
        ("Sun, 01 Mar 2026 08:00:00", None, "2026-03-01T08:00:00Z"),
        ("Sun, 01 Mar 2026 08:00:00 -0000", "Asia/Shanghai", "2026-03-01T08:00:00Z"),
        ("Sun, 01 Mar 2026 08:00:00 +08:00", None, "2026-03-01T08:00:00+08:00"),
        ("Sun, 01 Mar 2026 08:00:00 GMT+0800", None, "2026-03-01T08:00:00+08:00"),
        ("2026-03-01 08:00:00 UTC+08:00", None, "2026-03-01T08:00:00+08:00"),
        ("Sun, 01 Mar 2026 08:00:00 GMT +0800", None, "2026-03-01T08:00:00+08:00"),
        ("Sun, 01 Mar 2026 08:00:00 UTC +08:00", None, "2026-03-01T08:00:00+08:00"),
        ("Sun, 01 Mar, 2026 08:00:00 GMT", None, "2026-03-01T08:00:00Z"),
        ("20260301T080000Z", None, "2026-03-01T08:00:00Z"),
        ("Sun, 01 Mar 2026 23:00:00 GMT", None, "2026-03-01T09:30:00Z"),
        ("2026-03", None, "2026-03-01T09:30:00Z"),
        ("2026-01", None, "2026-03-01T09:30:00Z"),
        ("2026-01 01:30", None, "2026-03-01T09:30:00Z"),
        ("20-02-2026", None, "2026-03-01T09:30:00Z"),
        ("20-02-2026 11:45", None, "2026-03-01T09:30:00Z"),
        ("19-02-2026 20:15", None, "2026-03-01T09:30:00Z"),
        ("19-02-2026 20:15 GMT", None, "2026-03-01T09:30:00Z"),
        ("05-02-26 11:45:00", None, "2026-03-01T09:30:00Z"),
        ("05-02-26 11:45:00 BRT", None, "2026-03-01T09:30:00Z"),
        ("28-02-2026", None, "2026-03-01T09:30:00Z"),
        ("2026, Feb 28", None, "2026-03-01T09:30:00Z"),
        (f"2026 {'9' * 5_000}", None, "2026-03-01T09:30:00Z"),
        ("Sun Mar  1 08:00:00 2026", None, "2026-03-01T08:00:00Z"),
        ("", None, "2026-03-01T09:30:00Z"),
        ("rubbish", None, "2026-03-01T09:30:00Z"),
        ("0000-00-00 00:00:00", None, "2026-03-01T09:30:00Z"),
        ("0001-01-01T00:00:00Z", None, "2026-03-01T09:30:00Z"),
        ("-0001-11-30T00:00:00+00:00", None, "2026-03-01T09:30:00Z"),
        ("Wed, 30 Nov -0001 00:00:00 +0000", None, "2026-03-01T09:30:00Z"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None, "2026-03-01T09:30:00Z"),
    ],
)
def test_an_entry_was_published_when_it_says_but_not_after_it_was_seen(
    reading: Reading, server: FeedServer, date: str, zone: str | None, published_at: str
) -> None:
    server.answers["/rss"] = Answer(rss(item(1, date=date)))
    settings = FeedSettings(to="documents", zone=ZoneInfo(zone) if zone else None)
    reading.visit(reading.feed(server.url("/rss"), settings))
    assert reading.documents()[0]["published_at"] == published_at


def test_an_entry_published_before_there_were_feeds_was_published_when_it_was_updated(
    reading: Reading, server: FeedServer
) -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><entry><id>urn:1</id><title>A</title>
      <published>0001-01-01T00:00:00Z</published><updated>2026-03-01T08:00:00Z</updated></entry></feed>"""
    server.answers["/atom"] = Answer(atom.encode())
    told = reading.visit(reading.feed(server.url("/atom")))
    assert (told.new, told.unfit) == (1, 0)
    assert reading.documents()[0]["published_at"] == "2026-03-01T08:00:00Z"


@pytest.mark.parametrize(
    ("date", "zone", "published_at"),
    [
        ("2026-02-28", None, "2026-02-28T00:00:00Z"),
        ("Sat, 28 Feb 2026", None, "2026-02-28T00:00:00Z"),
        ("28 Feb 2026", "Asia/Shanghai", "2026-02-28T00:00:00+08:00"),
        ("2026-02-28 09:30:00 PM", "Asia/Shanghai", "2026-02-28T00:00:00+08:00"),
        ("Sat, 28 Feb 2026 02:30 PM GMT", None, "2026-02-28T00:00:00Z"),
        ("Sat, 28 Feb 2026 10:30:00 BRT", None, "2026-02-28T00:00:00Z"),
        ("Sat, 28 Feb 2026 10:30:00 UTC+8", None, "2026-02-28T00:00:00Z"),
        ("Sat, 28 Feb 2026 10:30:00 UTC +8", None, "2026-02-28T00:00:00Z"),
        ("Sat, 28 Feb 2026 10:30:00 CST +0800", None, "2026-02-28T00:00:00Z"),
    ]
    + [
        (date, "Asia/Shanghai", "2026-02-28T00:00:00+08:00")
        for date in (
            "2026/02/28 下午 03:30:00",
            "2026/02/28 3:30:00 PM",
            "2026年2月28日 下午3:30",
            "2026年2月28日15时30分",
            "2026-02-28 15时30分",
            "2026/02/28 15:30 BRT",
            "2026/02/28 15:30:00 UTC+8",
            "20260228T1430Z",
            "Sat 28 Feb 2026",
            "28 Feb. 2026",
            "Sat, 28 Feb 26",
            "28 Feb 26 02:30 PM",
            "Sat, 28 Feb 26 14:30:00 BRT",
        )
    ],
)
def test_of_a_bare_date_or_an_hour_that_cannot_be_told_the_day_counts(
    reading: Reading, server: FeedServer, date: str, zone: str | None, published_at: str
) -> None:
    server.answers["/rss"] = Answer(rss(item(1, date=date)))
    settings = FeedSettings(to="documents", zone=ZoneInfo(zone) if zone else None)
    reading.visit(reading.feed(server.url("/rss"), settings))
    (document,) = reading.documents()
    assert (document["published_at"], document["published_precision"]) == (published_at, "day")
