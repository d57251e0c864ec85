"""Which dead letters are put back, and with what in them."""

import base64
import codecs
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from bellwether.clock import now
from bellwether.opening import kept_logs
from bellwether.settings import Settings
from ingest.deadletters import Letter
from ingest.decode import BadDocument, Decoder, field_mapping
from ingest.instants import microseconds
from ingest.logs import Logs, LogUnfit, Place, Record

Repaired = tuple[Letter, bytes]
Chosen = tuple[Letter, bytes | None]


class _Line(Struct):
    letter: str
    value: str | None = None
    value_base64: str | None = None


def as_they_are(letters: Iterable[Letter], reason: str | None) -> Iterator[Chosen]:
    """Letters of one reason, or all, unchanged."""
    return ((letter, letter.value) for letter in letters if reason in {None, letter.reason})


def repaired(letters: Iterable[Letter], file: Path, refused: list[str]) -> Iterator[Chosen]:
    """The letters that `file` names, with their values from there; a sentence into `refused` for each that is not there."""
    values: dict[str, bytes] = {}
    with file.open("rb") as lines:
        for number, given in enumerate(lines, 1):
            line = given.removeprefix(codecs.BOM_UTF8) if number == 1 else given
            if line.strip():
                try:
                    name, value = _value(line)
                except (msgspec.DecodeError, ValueError, RecursionError):
                    refused.append(
                        f"{file}:{number}: is no line of an export any more: "
                        "it has to hold `letter` and `value` or `value_base64`"
                    )
                else:
                    values[name] = value
    for letter in letters:
        if letter.name in values:
            yield letter, values.pop(letter.name)
    refused += [f"{name}: there is no such dead letter (any more)" for name in values]


def _value(line: bytes) -> tuple[str, bytes]:
    found = msgspec.json.decode(line, type=_Line)
    if found.value is None:
        return found.letter, base64.b64decode(found.value_base64 or "", validate=True)
    return found.letter, found.value.encode()


def sound(
    chosen: Iterable[Chosen], settings: Settings, logs: Logs, done: Container[str], refused: list[str]
) -> Iterator[Repaired]:
    """Those that are whole, have a place and would be read under the settings in force; a sentence into `refused` for each other.

    What is `done`, by the letter's name, was put back before: nobody needs to read it again. Raises `LogAway`.
    """
    displaced = _displaced(settings, logs)
    came_at = now()
    names = [each.name for each in settings.destination]
    bound_us = microseconds(settings.windows.out_of_orderness)
    decoders = {
        each.kafka_topic: Decoder(
            field_mapping(each.fields, each.timezone, each.epoch), bound_us=bound_us, replay=settings.replay
        )
        for each in settings.input
    }
    for letter, value in chosen:
        if letter.name in done:
            yield letter, value or b""
            continue
        if letter.destination and letter.destination not in names:
            refused.append(
                f"{letter.name}: no [[destination]] is called {letter.destination!r} (there are {', '.join(names) or 'none'}): "
                "put it back under settings that give that name"
            )
            continue
        if sentence := displaced(letter.place) or _lack(letter, value):
            refused.append(f"{letter.name}: {sentence}")
            continue
        decoder = decoders.get(letter.place.log)
        try:
            if decoder is not None:
                decoder.decode(Record(letter.offset, came_at, letter.key, value))
        except BadDocument as error:
            refused.append(f"{letter.name}: {error.reason}: {error.sentence}")
        else:
            yield letter, value or b""


def _lack(letter: Letter, value: bytes | None) -> str:
    """What of the record is not there, if so."""
    if value is None:
        return "it has no value; put one into its line of an export"
    if letter.cut and value == letter.value:
        return "only its beginning is kept; put the whole record into `value`"
    return ""


def _displaced(settings: Settings, logs: Logs) -> Callable[[Place], str]:
    """What says why a place is not there, if so. Each log is asked for once, and never raises `LogUnfit`."""
    made = {kept.log for kept in kept_logs(settings)}

    @cache
    def partitions(log: str) -> int | str:
        try:
            return logs.partitions(log)
        except LogUnfit as error:
            return str(error) if log in made else f"{error} (once an [[input]] names it: none does)"

    def sentence(place: Place) -> str:
        found = partitions(place.log)
        if isinstance(found, str):
            return found
        return (
            "" if place.partition < found else f"{place.log} has no partition {place.partition} any more, only {found}"
        )

    return sentence
