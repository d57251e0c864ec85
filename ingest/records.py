"""What the records of our own logs say. Of bytes that nobody should have written, msgspec raises more than its own errors."""

from typing import TypeVar

from msgspec import DecodeError, json, msgpack

T = TypeVar("T")


def decoded(decoder: json.Decoder[T] | msgpack.Decoder[T], value: bytes) -> T:
    """What `value` says. Raises `msgspec.DecodeError` on anything else, also on broken characters and deep nesting."""
    try:
        return decoder.decode(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from None
