import pytest

from ingest.decode import field_mapping
from tests.ingest.decoding import GOOD, PUBLISHED, decoder, read, refusal


def test_a_mapping_reads_other_keys_paths_and_constants() -> None:
    mapping = field_mapping(
        {
            "id": "news.id",
            "source": "=reuters",
            "published_at": "meta.time",
            "title": "headline",
            "body": "text",
            "author": "by",
        },
        "Asia/Shanghai",
    )
    found = read(
        {"news": {"id": 5}, "meta": {"time": "2026-03-01 17:30"}, "headline": "H", "text": "B", "source": "x", "by": 7},
        decoder(mapping),
    )
    assert (found.id, found.source, found.published_at, found.text) == ("5", "reuters", PUBLISHED, "H\nB")


def test_a_key_with_dots_in_it_wins_over_a_path() -> None:
    mapping = field_mapping({"id": "a.b"})
    assert read(GOOD | {"a.b": "flat", "a": {"b": "deep"}}, decoder(mapping)).id == "flat"


def test_epoch_times_are_read_where_the_mapping_says_so() -> None:
    assert (
        read(GOOD | {"published_at": PUBLISHED // 1000}, decoder(field_mapping({}, epoch="ms"))).published_at
        == PUBLISHED
    )
    assert read(GOOD, decoder(field_mapping({}, epoch="ms"))).published_at == PUBLISHED


def test_a_hashed_id_is_the_same_for_the_same_text_time_and_source_only() -> None:
    hashed = decoder(field_mapping({"id": "=hash"}))
    first = read(GOOD | {"id": "ignored"}, hashed).id
    assert first == read(GOOD, hashed).id
    assert len({first, *(read(GOOD | {key: value}, hashed).id for key, value in
                         [("text", "t"), ("source", "s"), ("published_at", "2026-03-01T09:29:00Z")])}) == 4  # fmt: skip


def test_a_refusal_under_a_mapping_names_the_key_that_was_read() -> None:
    mapped = decoder(field_mapping({"published_at": "meta.time", "id": "n"}))
    assert refusal({"source": "x"}, mapped)[1] == "`id` is missing: the record has no `n`"
    assert "`published_at` (read from `meta.time`) is" in refusal(GOOD | {"n": 1, "meta": {"time": "soon"}}, mapped)[1]


def test_entities_of_a_mapped_input_can_be_one_text() -> None:
    mapped = decoder(field_mapping({"entities": "names"}))
    assert read(GOOD | {"names": "A; B;"}, mapped).entities == ("A", "B")


@pytest.mark.parametrize(
    ("fields", "timezone", "epoch", "says"),
    [
        ({"headline": "h"}, None, None, "a document has no field headline; it has id,"),
        ({"id": "=5"}, None, None, "id cannot be a constant"),
        ({}, "Mars/Base", None, "there is no time zone 'Mars/Base'"),
        ({}, "../etc", None, "there is no time zone"),
        ({}, None, "days", "epoch is 'days'"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(fields: dict[str, str], timezone: str, epoch: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        field_mapping(fields, timezone, epoch)


def test_both_ways_of_reading_agree() -> None:
    """A mapping that changes nothing takes the careful way; the result is that of the fast one."""
    careful = decoder(field_mapping({"author": "nobody"}))
    for change in (
        {},
        {"entities": ["A", {"name": "B"}]},
        {"kind": "comment", "lang": "zh"},
        {"published_precision": "day"},
    ):
        assert read(GOOD | change, careful) == read(GOOD | change)
