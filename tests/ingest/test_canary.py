import pytest

from ingest.canary import SOURCE, canary, canary_keys
from ingest.decode import Decoder, FieldMapping, field_mapping
from ingest.instants import MINUTE
from ingest.logs import Record

NOW = 1_772_500_000_000_000


@pytest.mark.parametrize(
    "mapping",
    [
        FieldMapping(),
        field_mapping({"id": "=hash", "source": "wire", "published_at": "time", "title": "headline", "text": ""}),
        field_mapping({"text": "", "title": "", "body": "content"}),
        field_mapping({"published_at": "time"}, timezone="Asia/Shanghai", epoch="ms"),
    ],
)
def test_a_canary_is_a_document_of_the_input_it_is_for(mapping: FieldMapping) -> None:
    value = canary(canary_keys(mapping), NOW)
    document = Decoder(mapping, bound_us=MINUTE).decode(Record(0, NOW, None, value))
    assert (document.source, document.published_at) == (SOURCE, NOW)
    assert "texts come through" in document.text


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"source": "=wire"}, "its source is not read from a key"),
        ({"published_at": "meta.time"}, "its published_at is read from a path, meta.time"),
        ({"text": "", "title": "", "body": ""}, "its text is not read from a key"),
    ],
)
def test_an_input_that_cannot_take_one_says_why(fields: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        canary_keys(field_mapping(fields))


def test_no_canary_is_a_copy_of_another() -> None:
    keys = canary_keys(FieldMapping())
    assert canary(keys, NOW) != canary(keys, NOW + 1_000_000)
