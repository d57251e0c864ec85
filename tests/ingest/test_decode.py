import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.deadletters import REASONS
from ingest.decode import BadDocument, FieldMapping, Limits, field_mapping
from ingest.document import Document
from ingest.instants import DAY, HOUR, MINUTE, SECOND
from tests.ingest.decoding import BOUND, GOOD, PUBLISHED, decoder, read, record, refusal


def test_a_native_document_is_read_and_cleaned() -> None:
    given = GOOD | {
        "text": "<p>Northwind &amp; Co</p>", "lang": "en-GB", "url": "https://x.example/1", "kind": "news", "author": " A\nB ",
        "entities": ["Northwind", {"name": "Co", "role": "peer"}, "Northwind", " "], "unknown": {"ignored": [1]},
    }  # fmt: skip
    assert read(given) == Document(
        id="a1",
        source="wire",
        published_at=PUBLISHED,
        event_at=PUBLISHED,
        appended_at=PUBLISHED + SECOND,
        text="Northwind & Co",
        language="en",
        kind="news",
        url="https://x.example/1",
        entities=("Northwind", "Co"),
    )


def test_title_and_body_become_one_text_and_text_wins_over_both() -> None:
    parts = {key: value for key, value in GOOD.items() if key != "text"} | {"title": "A\ntitle", "body": "<p>B</p>"}
    assert read(parts).text == "A title\nB"
    assert read(parts | {"body": None}).text == "A title"
    assert read(parts | {"title": ""}).text == "B"
    assert read(parts | {"text": "T"}).text == "T"
    assert read(parts | {"text": "<p> </p>"}).text == "A title\nB"


def test_null_and_blank_options_count_as_absent() -> None:
    blank = dict.fromkeys(("lang", "url", "kind", "author", "published_precision"), "")
    assert read(GOOD | blank) == read(GOOD | dict.fromkeys([*blank, "entities", "title"])) == read(GOOD)


@pytest.mark.parametrize("number", [12, -(2**63) - 1, 2**63, 2**64 - 1, 10**30])
def test_a_number_can_be_an_id(number: int) -> None:
    assert read(GOOD | {"id": number}).id == str(number)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"Bank run in \ud83d", "Bank run in \ufffd"),
        (r"\uDE00 up", "\ufffd up"),
        (r"\ud83d\n\ud83d\ud83d\ude00", "\ufffd\n\ufffd\U0001f600"),
        (r"C:\\ud83d \ud83d", r"C:\ud83d" + " \ufffd"),
        (r"\\\ud83d", "\\\ufffd"),
    ],
)
def test_half_an_emoji_costs_no_more_than_itself(written: str, text: str) -> None:
    """JavaScript writes one where it has cut a text."""
    native = json.dumps(GOOD | {"text": "?"}).replace("?", written).encode()
    assert read(native).text == read(native, decoder(field_mapping({"lang": "language"}))).text == text
    assert refusal(native[:-1]) == ("not_json", "the record is not JSON: Input data was truncated")


def test_an_address_that_is_not_of_the_web_is_left_out() -> None:
    assert read(GOOD | {"url": "javascript:alert(1)"}).url == ""


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()) == read(GOOD)


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"id": None}, "missing_field", "`id` is missing"),
        ({"id": " "}, "missing_field", "`id` is blank"),
        ({"source": ""}, "missing_field", "`source` is missing"),
        ({"published_at": None}, "missing_field", "`published_at` is missing"),
        ({"text": None}, "missing_field", "there is no text: neither `text` nor `title` nor `body`"),
        ({"text": "<p>\u200b</p>"}, "empty_text", "nothing is left of the text"),
        ({"text": 5}, "wrong_type", "`text` is a whole number; it has to be a text"),
        ({"id": [1]}, "wrong_type", "`id` is a list; it has to be a whole number or a text"),
        ({"id": 1.5}, "wrong_type", "`id` is a number; it has to be a whole number or a text"),
        ({"id": "i" * 513}, "wrong_type", "`id` is too long: more than 512 characters"),
        ({"id": 10**512}, "wrong_type", "`id` is too long: more than 512 characters"),
        ({"kind": "tweet"}, "wrong_type", '`kind` is "tweet"; it can be "news" or "comment", or be left out'),
        ({"entities": "A"}, "wrong_type", "`entities` is a text; it has to be a list"),
        (
            {"entities": ["A", 3]},
            "wrong_type",
            "`entities` holds at `entities[1]` a whole number; it has to be a text or an object",
        ),
        ({"entities": [{"nom": "A"}]}, "wrong_type", "`entities` holds at `entities[0]` an object without `name`"),
        ({"published_precision": "week"}, "wrong_type", '`published_precision` is "week"'),
        ({"published_at": {}}, "wrong_type", "`published_at` is not a text with a time"),
        ({"published_at": "soon"}, "bad_time", '`published_at` is "soon", which is no time like'),
        ({"published_at": 1772357400}, "bad_time", "`published_at` is the number 1772357400; set `epoch`"),
        ({"published_at": "0001-01-01T00:00:00+14:00"}, "bad_time", "in the year 1"),
        (
            {"published_at": "2026-03-01 09:30"},
            "bad_time",
            '`published_at` is "2026-03-01 09:30" and has no time zone; add one, or set `timezone` for this input',
        ),
        ({"published_at": "2026-03-01"}, "bad_time", "is a date without a time zone"),
    ],
)
def test_a_refusal_says_what_and_where(change: dict[str, Any], reason: str, says: str) -> None:
    told = refusal(GOOD | change)
    assert told[0] == reason
    assert says in told[1]


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (None, "no_value", "no value"),
        (b"", "not_json", "truncated"),
        (b"{", "not_json", "truncated"),
        (b"[1]", "not_json", "the record is a list, not a JSON object"),
        (b"null", "not_json", "the record is null"),
        (b'{"a":' * 100_000, "not_json", "nested too deeply"),
        (b"\xff\xfe\x00", "not_utf8", "byte 0 (0xFF) is not UTF-8"),
        ('{"text": "银行"}'.encode("gb18030"), "not_utf8", "it could be GB18030"),
        (b'{"text": "caf\xe9"}', "not_utf8", "it could be Windows-1252"),
        (
            '\ufeff{"text": "bank"}'.encode("utf-16-le"),
            "not_utf8",
            "byte 0 (0xFF) is not UTF-8; it could be UTF-16: convert",
        ),
        ('\ufeff{"text": "银行"}'.encode("utf-16-be"), "not_utf8", "it could be UTF-16: convert it to UTF-8"),
        (
            b'{"id": ' + b"1" * 5_000 + b"}",
            "wrong_type",
            "the record holds a number that is too large: write it as a text",
        ),
        (b'{"id": 1e999}', "wrong_type", "the record holds a number that is too large"),
        (b"{" + b" " * 1_000_000, "too_large", "1,000,001 bytes; at most 1,000,000"),
    ],
)
def test_bytes_that_are_no_object_say_so(value: bytes | None, reason: str, says: str) -> None:
    told = refusal(value)
    assert told[0] == reason
    assert says in told[1]


def test_a_refusal_never_quotes_the_text() -> None:
    secret = "Confidential: call 555-0100"
    for change in ({"kind": 5}, {"published_at": "soon"}, {"id": None}, {"text": [secret]}, {"body": {"a": secret}}):
        assert secret not in refusal({"text": secret, **GOOD, "title": secret} | change)[1]
    for name in ("published_at", "kind", "published_precision"):
        for value in (secret, f"1 Mar 2026 {secret}", "客户张三 13800138000", [secret], {"a": secret}):
            told = refusal(GOOD | {name: value})[1]
            assert not any(part in told for part in ("Confidential", "555", "张三", "13800138000"))


def test_a_text_beyond_the_limit_is_refused() -> None:
    small = Limits(bytes=500, characters=10)
    assert refusal(GOOD, decoder(limits=small)) == ("too_large", "the text has 32 characters; at most 10 are read")
    assert refusal(GOOD | {"text": "x" * 500}, decoder(limits=small))[0] == "too_large"
    assert read(GOOD | {"text": "<b></b>" * 20 + "short"}, decoder(limits=small)).text == "short"


def test_a_clock_that_runs_ahead_is_bounded_and_beyond_a_day_refused() -> None:
    assert decoder().decode(record(GOOD, PUBLISHED - MINUTE)).event_at == PUBLISHED
    ahead = decoder().decode(record(GOOD, PUBLISHED - HOUR))
    assert (ahead.published_at, ahead.event_at) == (PUBLISHED, PUBLISHED - HOUR + BOUND)
    assert decoder().decode(record(GOOD, PUBLISHED - DAY)).published_at == PUBLISHED
    with pytest.raises(BadDocument, match="more than a day after the record came") as bad:
        decoder().decode(record(GOOD, PUBLISHED - DAY - 1))
    assert bad.value.reason == "future"


def test_a_bare_date_counts_at_the_end_of_its_day_but_not_before_it_came() -> None:
    midnight = PUBLISHED - 9 * HOUR - 30 * MINUTE
    day = GOOD | {"published_at": "2026-03-01T00:00:00Z", "published_precision": "day"}
    during, after = decoder().decode(record(day, PUBLISHED)), decoder().decode(record(day, PUBLISHED + DAY))
    assert (during.published_at, during.event_at) == (midnight, PUBLISHED)
    assert (after.published_at, after.event_at) == (midnight, midnight + DAY - SECOND)
    assert decoder().decode(record(day | {"published_at": "2026-03-01T13:00:00Z"}, PUBLISHED)) == during
    assert decoder().decode(record(day | {"published_at": "2026-03-02T00:00:00Z"}, PUBLISHED)).event_at == PUBLISHED


def test_a_day_is_the_day_of_its_own_zone() -> None:
    mapping = field_mapping({}, "Asia/Shanghai")
    day = read(GOOD | {"published_at": "2026-03-01"}, decoder(mapping, replay=True))
    assert day.published_at == PUBLISHED - 9 * HOUR - 30 * MINUTE - 8 * HOUR
    assert day.event_at == day.published_at + DAY - SECOND
    assert (
        read(GOOD | {"published_at": "2026-03-01T00:00:00+08:00", "published_precision": "day"}).published_at
        == day.published_at
    )


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-03-09", 24), ("2026-11-01", 25)]
)  # New York puts its clocks forward, leaves them, puts them back
def test_a_day_ends_before_the_next_midnight_also_when_clocks_are_changed(day: str, hours: int) -> None:
    found = read(GOOD | {"published_at": day}, decoder(field_mapping({}, "America/New_York"), replay=True))
    assert found.event_at == found.published_at + hours * HOUR - SECOND


@pytest.mark.parametrize(
    "stamp", [PUBLISHED + 3 * HOUR, 0]
)  # of a producer whose clock runs ahead; of one that gives none
def test_a_record_has_come_by_now_whatever_its_time_stamp_says(stamp: int) -> None:
    ahead = GOOD | {"published_at": "2026-03-01T12:00:00Z"}
    found = decoder(clock=lambda: PUBLISHED).decode(record(ahead, stamp))
    assert (found.event_at, found.appended_at) == (PUBLISHED + BOUND, PUBLISHED)
    assert decoder(clock=lambda: PUBLISHED).decode(record(GOOD, PUBLISHED - HOUR)).event_at == PUBLISHED - HOUR + BOUND


def test_in_a_replay_no_clock_says_when_a_record_came() -> None:
    replayed = decoder(clock=lambda: PUBLISHED, replay=True)
    assert [replayed.decode(record(GOOD, stamp)).appended_at for stamp in (0, PUBLISHED + DAY)] == [0, PUBLISHED + DAY]


def test_a_replay_knows_no_future() -> None:
    late = decoder(replay=True).decode(record(GOOD, PUBLISHED - 400 * DAY))
    assert late.event_at == PUBLISHED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FieldMapping.__struct_fields__, "x"]), JSON), st.booleans())
def test_whatever_the_object_it_is_a_document_or_a_refusal(fields: dict[str, Any], mapped: bool) -> None:
    using = decoder(field_mapping({"url": "x"}, "UTC", "s") if mapped else None)
    told = ("empty_text", "")
    try:
        assert using.decode(record({**GOOD, **fields})).text
    except BadDocument as bad:
        told = (bad.reason, bad.sentence)
    assert told[0] in REASONS
    assert "\n" not in told[1]
    assert len(told[1]) < 300


@given(st.binary())
def test_whatever_the_bytes_they_are_a_refusal(value: bytes) -> None:
    assert refusal(value)[1]
