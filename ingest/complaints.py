"""Says in words what is wrong with a record, where a library says it for programmers."""

import re
from calendar import day_abbr, day_name, month_abbr, month_name
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from typing import Any

import msgspec

_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_FIELD = re.compile(r"\w+")
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
_WANTED = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_LENGTH = re.compile(r"Expected `(?P<what>str|array)` of length (?P<side><=|>=) (?P<limit>\d+)")
_KINDS = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null", "datetime": "a time",
}  # fmt: skip
TOO_LARGE = "a number that is too large: write it as a text"  # all that JSON read without types is refused for
LONGEST_TIME = 64  # characters of anything that is a time
_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"[A-Za-z]+|[^\W\d_]")
_ZONE = re.compile(r"\b[A-Z]{2,5}$")
_LABEL = re.compile(r"[a-z_-]{1,20}")  # as of a choice; also "yesterday"
_OF_TIMES = {
    *(name.lower() for names in (day_name, day_abbr, month_name, month_abbr) for name in names),
    *("t", "z", "am", "pm"),
    *"年月日号时點点分秒上下午",
}
_UTF16 = (("utf-16", "UTF-16"),)
_OTHERS = (("gb18030", "GB18030"), ("cp1252", "Windows-1252"))
_CHOICES = {"kind": '"news" or "comment"', "published_precision": '"day", "minute" or "second"'}


def complaint(error: msgspec.ValidationError, found: Mapping[str, Any]) -> tuple[str, str]:
    """The field of `found` that msgspec refuses, and what is wrong with it: goes on from its name."""
    message = str(error)
    at = _PLACE.search(message)
    place = at["place"] if at else ""
    message = message[: at.start()] if at else message
    field = _FIELD.match(place)
    name = field[0] if field else ""
    inside = f" holds at `{place}`" if place not in (name, "") else " is"
    if (missing := _MISSING.match(message)) is not None:
        return name, f"holds at `{place}` an object without `{missing['name']}`"
    if name in _CHOICES:
        return name, f"is {shown(found.get(name))}; it can be {_CHOICES[name]}, or be left out"
    if (length := _LENGTH.match(message)) is not None:
        unit = "characters" if length["what"] == "str" else "entries"
        return name, f"{inside.strip()} too long: more than {int(length['limit']):,} {unit}"
    if (wanted := _WANTED.match(message)) is not None:
        allowed = " or ".join(dict.fromkeys(_kind(each) for each in wanted["wanted"].split(" | ") if each != "null"))
        return name, f"{inside.strip()} {_kind(wanted['got'])}; it has to be {allowed}"
    return name, f"cannot be read: {message}"


def kind_of(value: object) -> str:
    """What a decoded JSON value is, in words."""
    names = {str: "str", bool: "bool", int: "int", float: "float", list: "array", dict: "object", type(None): "null"}
    return _KINDS[names[type(value)]]


def shown(value: object) -> str:
    """`value` as JSON if it is a number, a time or one plain word; else what it is: a text may be private."""
    if isinstance(value, str) and not (_LABEL.fullmatch(value) or _like_time(value)):
        return f"a text of {len(value):,} characters"
    if isinstance(value, list | dict):
        return kind_of(value)
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:56]}…"


def not_utf8(value: bytes) -> str:
    """Where `value` stops being UTF-8, and what it may be instead; empty if it is UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        sentence = f"byte {error.start:,} (0x{value[error.start]:02X}) is not UTF-8"
    else:
        return ""
    for codec, name in _UTF16 if value.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else _OTHERS:
        try:
            value.decode(codec)
        except UnicodeDecodeError:
            continue
        return f"{sentence}; it could be {name}: convert it to UTF-8"
    return sentence


def _like_time(text: str) -> bool:
    """Whether it holds digits, and no words but those of a time."""
    if len(text) > LONGEST_TIME or not text.isprintable() or not _DIGIT.search(text):
        return False
    return all(word.lower() in _OF_TIMES for word in _WORDS.findall(_ZONE.sub("", text)))


def _kind(name: str) -> str:
    return _KINDS.get(name, name)
