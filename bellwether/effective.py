"""The settings in force as a settings file, without what nobody else may read."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from pathlib import Path

from pydantic import BaseModel, SecretStr

from bellwether.kinds import duration_text, shown_address
from bellwether.sections.destinations import DestinationSection
from bellwether.settings import Settings

HIDDEN = "(hidden)"


def shown(settings: Settings) -> str:
    """TOML, with comments that say where it comes from and what follows from it."""
    file = "no settings file: defaults, and variables if there are any"
    if settings.file:
        file = f"from {_escaped(str(settings.file))}"
    lines = [f"# {file}", f"clock = {_value(settings.clock)}"]
    for name in Settings.model_fields:
        section = getattr(settings, name)
        if isinstance(section, BaseModel):
            lines += ["", f"[{name}]", *_keys(section)]
        elif isinstance(section, tuple):
            for each in section:
                lines += ["", f"[[{name}]]", *_keys(each), *_tables(name, each)]
    if settings.kafka is None:
        lines += ["", f"# no [kafka]: the embedded log in {_escaped(str(settings.log_path))}"]
    return "\n".join(lines)


def _tables(above: str, section: BaseModel) -> Iterator[str]:
    """The tables within a table."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from (f"[{above}.{name}]", *_keys(value))


def _keys(section: BaseModel) -> Iterator[str]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel) or (isinstance(section, DestinationSection) and name not in section.takes):
            continue
        if value is None:
            yield f"# {name} is not set"
        elif name == "options":
            yield f"{name} = {_value(dict.fromkeys(value, HIDDEN))}"  # an option may be a secret
        elif isinstance(value, SecretStr):
            yield f"{name} = {_value(shown_address(value) if name in {'url', 'proxy'} else HIDDEN)}"
        else:
            yield f"{name} = {_value(value)}"


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f'"{duration_text(value)}"'
        case Path() | str() | time():
            text = f"{value:%H:%M}" if isinstance(value, time) else str(value)
            return _quoted(text)
        case Mapping() | BaseModel():  # in a line there is no room for a comment on what is not set
            given = [(key, each) for key, each in dict(value).items() if each is not None]
            return "{" + ", ".join(f"{_quoted(key)} = {_value(each)}" for key, each in given) + "}"
        case tuple() | list():
            return "[" + ", ".join(_value(each) for each in value) + "]"
        case _:
            return str(value)


def _quoted(text: str) -> str:
    return _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Without control characters, which TOML takes nowhere; JSON leaves one as it is."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", text)
