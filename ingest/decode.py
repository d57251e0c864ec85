"""From the bytes of a record to a `Document`, once, at the edge; what cannot be one says why.

Native documents (`ingest.native`) take a fast path straight into a struct. What does not fit, and every input with a field
mapping, is looked at with care: looser times are read, and a refusal names the field, what it holds and what to do.

The instant a document counts at, `event_at`, is its published_at, but at most its append time plus a bound: a clock that runs
ahead moves nobody else's time. Of a bare date it is the last second of that day, at most the append time. A replay has no
append time to go by, and so no upper bound.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from ingest.cleaning import clean_line, clean_text
from ingest.complaints import TOO_LARGE, complaint, kind_of, not_utf8
from ingest.document import Document
from ingest.instants import DAY, SECOND, instant, rfc3339
from ingest.language import language_of
from ingest.logs import Record
from ingest.native import LONGEST_ID, NamedEntity, NativeDocument
from ingest.surrogates import decoded
from ingest.times import EPOCH_UNITS, UnreadableTime, plausible, read_time

_HASH = "=hash"
_NUMBERS_TOO = ("id", "source", "author")  # where other people's numbers are names
_WEB = re.compile(r"https?://", re.IGNORECASE)


class BadDocument(Exception):  # noqa: N818 - a state of the record
    """A record that is no document: `reason` is one of `ingest.deadletters.REASONS`, `sentence` is for a person."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class Limits(Struct, frozen=True):
    """What is too large to be a text."""

    bytes: int = 1_000_000  # of the whole record
    characters: int = 200_000  # of the cleaned text


class FieldMapping(Struct, frozen=True):
    """Where each field stands in the JSON of an input.

    A value is a key (`headline`), a dotted path into nested objects (`meta.time`; a key that has the dots itself wins), a
    constant after an equals sign (`=reuters`), or empty: never read. `id` may be `=hash`: made of source, time and text.
    A key that is given to one field is no longer read as another. Raises `ValueError` with a sentence.
    """

    id: str = "id"
    source: str = "source"
    published_at: str = "published_at"
    text: str = "text"
    title: str = "title"
    body: str = "body"
    lang: str = "lang"
    url: str = "url"
    kind: str = "kind"
    entities: str = "entities"
    author: str = "author"
    published_precision: str = "published_precision"
    timezone: str = ""  # of times without one; empty: they are refused
    epoch: str = ""  # the unit of times that are numbers; empty: they are refused

    def __post_init__(self) -> None:
        """Refuse what could never be read."""
        if self.epoch and self.epoch not in EPOCH_UNITS:
            raise ValueError(f"epoch is {self.epoch!r}; it is one of {', '.join(EPOCH_UNITS)}")
        if self.timezone:
            try:
                ZoneInfo(self.timezone)
            except (ValueError, OSError, KeyError):
                raise ValueError(f"there is no time zone {self.timezone!r}: name one like UTC") from None
        if self.id.startswith("=") and self.id != _HASH:
            raise ValueError(
                "id cannot be a constant: name its key, or write =hash to make it of source, time and text"
            )

    @property
    def keys(self) -> dict[str, str]:
        """Field to key, path or constant, for those that are read."""
        given = {name: getattr(self, name) for name in FIELDS}
        taken = {key for name, key in given.items() if key != name}
        return {name: key for name, key in given.items() if key and (key != name or key not in taken)}


FIELDS = tuple(name for name in FieldMapping.__struct_fields__ if name not in ("timezone", "epoch"))


def field_mapping(fields: Mapping[str, str], timezone: str | None = None, epoch: str | None = None) -> FieldMapping:
    """The mapping that settings or options spell. Raises `ValueError` with a sentence."""
    if unknown := sorted(set(fields) - set(FIELDS)):
        raise ValueError(f"a document has no field {', '.join(unknown)}; it has {', '.join(FIELDS)}")
    return FieldMapping(**fields, timezone=timezone or "", epoch=epoch or "")


class Decoder:
    """Reads the records of one input. Holds nothing that changes: several threads may use it at once."""

    def __init__(
        self,
        mapping: FieldMapping | None = None,
        limits: Limits | None = None,
        *,
        bound_us: int,
        replay: bool = False,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """With a `clock`, a record has come by its instant at the latest, whatever its writer says; not in a replay."""
        self._mapping, self._limits = mapping or FieldMapping(), limits or Limits()
        self._bound_us, self._replay, self._clock = bound_us, replay, clock
        self._keys = self._mapping.keys
        self._zone = ZoneInfo(self._mapping.timezone) if self._mapping.timezone else None
        self._is_native = self._mapping == FieldMapping()
        self._fast = msgspec.json.Decoder(NativeDocument)

    def decode(self, record: Record) -> Document:
        """The document in `record`. Raises `BadDocument`."""
        value = record.value
        if value is None:
            raise BadDocument("no_value", "the record has a key but no value: a mark that something was deleted")
        self._fits(value)
        came_at = record.appended_at  # 0: it has no time stamp
        if self._clock is not None and not self._replay:
            came_at = min(came_at or sys.maxsize, self._clock())
        return self.document(self._native(value), came_at)

    def decode_fields(self, fields: Mapping[str, Any], appended_at: int) -> tuple[NativeDocument, Document]:
        """The document that one line of a file describes, as it would be published and as it would be read.

        Raises `BadDocument`.
        """
        native = self._convert(fields, foreign=True)
        return native, self.document(native, appended_at)

    def encode(self, native: NativeDocument) -> bytes:
        """The record to publish. Raises `BadDocument` if it would be refused for its size, with all its markup."""
        value = msgspec.json.encode(native)
        self._fits(value)
        return value

    def document(self, native: NativeDocument, appended_at: int) -> Document:
        """The cleaned document. Raises `BadDocument` for an empty or overlong text and for a time in the future."""
        published_at, event_at = self._times(native, appended_at)
        text = self._text(native)
        identity, source = str(native.id).strip(), clean_line(native.source)
        if not identity or not source:
            raise BadDocument("missing_field", f"`{'source' if identity else 'id'}` is blank")
        if len(identity) > LONGEST_ID:  # of a number nothing else says so
            raise BadDocument("wrong_type", f"`id` is too long: more than {LONGEST_ID} characters")
        url = (native.url or "").strip()
        return Document(
            id=identity,
            source=source,
            published_at=published_at,
            event_at=event_at,
            appended_at=appended_at,
            text=text,
            language=language_of(text, native.lang),
            kind=native.kind or "",
            url=url if _WEB.match(url) else "",  # the console makes a link of it
            entities=_names(native.entities or ()),
        )

    def _fits(self, value: bytes) -> None:
        limit = self._limits.bytes
        if len(value) > limit:
            raise BadDocument("too_large", f"the record has {len(value):,} bytes; at most {limit:,} are read")

    def _native(self, value: bytes) -> NativeDocument:
        if self._is_native:
            try:
                return self._fast.decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # the careful way knows more ways to write a time, and how to say what is wrong
        return self._convert(self._object(value), foreign=not self._is_native)

    def _object(self, value: bytes) -> Mapping[str, Any]:
        try:
            fields = decoded(value.removeprefix(b"\xef\xbb\xbf"))
        except RecursionError:
            raise BadDocument("not_json", "the record is nested too deeply to be read") from None
        except msgspec.ValidationError:
            raise BadDocument("wrong_type", f"the record holds {TOO_LARGE}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if sentence := not_utf8(value):
                raise BadDocument("not_utf8", sentence) from None
            raise BadDocument(
                "not_json", f"the record is not JSON: {str(error).removeprefix('JSON is malformed: ')}"
            ) from None
        if not isinstance(fields, dict):
            raise BadDocument("not_json", f"the record is {kind_of(fields)}, not a JSON object with fields")
        return fields

    def _convert(self, fields: Mapping[str, Any], *, foreign: bool) -> NativeDocument:
        """The native document of a JSON object. Raises `BadDocument`."""
        found = {name: value for name, key in self._keys.items() if (value := value_at(fields, key)) not in (None, "")}
        if foreign:
            _adapt(found)
        for name in ("id", "source", "published_at"):
            if name not in found:
                raise BadDocument("missing_field", f"`{name}` is missing{self._instead(name)}")
        try:
            at, precise = read_time(found["published_at"], self._zone, self._mapping.epoch)
        except UnreadableTime as error:
            where = f"`published_at`{self._read_from('published_at')}"
            raise BadDocument("wrong_type" if error.wrong_type else "bad_time", f"{where} is {error}") from None
        found["published_at"] = at
        if not precise:
            found["published_precision"] = "day"
        try:
            native = msgspec.convert(found, NativeDocument)
        except msgspec.ValidationError as error:
            name, sentence = complaint(error, found)
            raise BadDocument("wrong_type", f"`{name}`{self._read_from(name)} {sentence}") from None
        return structs.replace(native, id=_hash(native)) if self._keys["id"] == _HASH else native

    def _instead(self, name: str) -> str:
        key = self._keys.get(name)
        return "" if key is None or key == name else f": the record has no `{key}`"

    def _read_from(self, name: str) -> str:
        key = self._keys.get(name, name)
        return "" if key == name else f" (read from `{key}`)"

    def _times(self, native: NativeDocument, appended_at: int) -> tuple[int, int]:
        """The instant of publication, and the one it counts at."""
        at = native.published_at
        try:
            plausible(at, at.isoformat())
        except UnreadableTime as error:
            raise BadDocument("bad_time", f"`published_at`{self._read_from('published_at')} is {error}") from None
        is_day = native.published_precision == "day"
        start = at.replace(hour=0, minute=0, second=0, microsecond=0) if is_day else at
        published_at = instant(start)
        # A day is added to the clock on the wall: where that is changed, a day has 23 or 25 hours.
        event_at = instant(start + timedelta(days=1)) - SECOND if is_day else published_at
        if self._replay:
            return published_at, event_at
        if published_at > appended_at + DAY:
            sentence = f"`published_at` is {rfc3339(published_at)}, more than a day after the record came"
            raise BadDocument("future", f"{sentence} ({rfc3339(appended_at)})")
        return published_at, min(event_at, appended_at if is_day else appended_at + self._bound_us)

    def _text(self, native: NativeDocument) -> str:
        given = [part for part in (native.text, native.title, native.body) if part]
        if not given:
            raise BadDocument("missing_field", "there is no text: neither `text` nor `title` nor `body` holds anything")
        text = clean_text(native.text or "", native.title or "", native.body or "")
        if not text:
            raise BadDocument("empty_text", "nothing is left of the text without markup, blanks and control characters")
        if len(text) > self._limits.characters:
            limit = self._limits.characters
            raise BadDocument("too_large", f"the text has {len(text):,} characters; at most {limit:,} are read")
        return text


def value_at(fields: Mapping[str, Any], key: str) -> Any:
    """What stands at `key`, a path or a constant; None where nothing does."""
    if key.startswith("="):
        return key[1:]
    if key in fields or "." not in key:
        return fields.get(key)
    value: Any = fields
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _adapt(found: dict[str, Any]) -> None:
    """Other people's formats, and tables, write names as numbers, and lists as `a; b`."""
    for name in _NUMBERS_TOO:
        if isinstance(found.get(name), int | float) and not isinstance(found[name], bool):
            found[name] = str(found[name])
    if isinstance(found.get("entities"), str):
        found["entities"] = [name for each in found["entities"].split(";") if (name := each.strip())]


def _names(entities: tuple[str | NamedEntity, ...]) -> tuple[str, ...]:
    """Each name once, in the order given."""
    names = (clean_line(each if isinstance(each, str) else each.name) for each in entities)
    return tuple(dict.fromkeys(name for name in names if name))


def _hash(native: NativeDocument) -> str:
    """An id made of what is published: the same again for the same text at the same time."""
    parts = (native.source, rfc3339(instant(native.published_at)), native.text, native.title, native.body)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
