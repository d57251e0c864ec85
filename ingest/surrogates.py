"""JSON in which half a character stands: JavaScript leaves one behind where it cuts a text within an emoji."""

import re
from typing import Any

import msgspec

_HALF = rb"\\u[dD][89a-fA-F][\da-fA-F]{2}"
_PAIR = rb"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}"
_ESCAPE = re.compile(rb"(" + _PAIR + rb"|\\[^u])|" + _HALF)


def decoded(value: bytes) -> Any:
    """What the JSON `value` says, with U+FFFD for half a surrogate pair.

    Raises `msgspec.DecodeError`, `UnicodeDecodeError` or `RecursionError`.
    """
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        whole = _ESCAPE.sub(lambda escape: escape[1] or rb"\ufffd", value)
        if whole == value:
            raise
    return msgspec.json.decode(whole)
