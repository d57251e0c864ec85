import pytest
from msgspec import DecodeError, Struct, json, msgpack

from ingest.records import decoded


class Kind(Struct):
    name: str


UNREADABLE = [b"", b'{"nonsense', b'{"name":5}', b'{"name":"hu\xffh"}', b'{"name":"x","other":' + b"[" * 100_000]


@pytest.mark.parametrize("value", UNREADABLE)
def test_json_that_cannot_be_read_is_one_kind_of_error(value: bytes) -> None:
    with pytest.raises(DecodeError):
        decoded(json.Decoder(Kind), value)


@pytest.mark.parametrize("value", [b"", b"\x81\xa4name\x05", b"\x81\xa4name\xa1\xff", b"\x81\xa1x" + b"\x91" * 100_000])
def test_msgpack_that_cannot_be_read_is_one_kind_of_error(value: bytes) -> None:
    with pytest.raises(DecodeError):
        decoded(msgpack.Decoder(Kind), value)


def test_what_can_be_read_is_read() -> None:
    assert (
        decoded(json.Decoder(Kind), b'{"name":"a"}')
        == decoded(msgpack.Decoder(Kind), b"\x81\xa4name\xa1a")
        == Kind("a")
    )
