"""Kinds of setting that TOML has no word for: durations, files, secrets, addresses that are secrets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, SecretStr

LONGEST = timedelta(days=36_500)  # counted from any day of our time, it ends within what a date can hold
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}  # in milliseconds
_folder: ContextVar[Path] = ContextVar("folder", default=Path())  # the current one


@contextmanager
def relative_to(folder: Path) -> Iterator[None]:
    """Within it, files named in settings are looked for from `folder`."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def is_there(path: Path) -> bool:
    """Whether something is there, or this user cannot know: then who opens it is told why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True


def duration_text(duration: timedelta) -> str:
    """The shortest way to write it: `90s`, `2m`, `48h`."""
    milliseconds = duration // timedelta(milliseconds=1)
    for unit, size in reversed(_UNITS.items()):
        if milliseconds and milliseconds % size == 0 and (unit != "d" or milliseconds >= 7 * size):
            return f"{milliseconds // size}{unit}"
    return "0s"


def _duration(value: object) -> object:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip()) if isinstance(value, str) else None
    if isinstance(value, timedelta):
        return value
    if match is None:
        raise ValueError("write a duration as a number and ms, s, m, h or d, for example 2m")
    milliseconds = Decimal(match[1]) * _UNITS[match[2]]
    if milliseconds > LONGEST // timedelta(milliseconds=1):
        raise ValueError(f"is longer than {duration_text(LONGEST)}, which is the most: write a shorter one")
    if milliseconds % 1:
        raise ValueError("must be a whole number of milliseconds")
    return timedelta(milliseconds=int(milliseconds))


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _from_folder(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path has no character 0: name the file")
    try:
        return _folder.get() / path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path}: there is no such user here, or none with a home; write the whole path") from None


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): name a file that this user may read") from None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"there is no time zone {name!r}: name one like Asia/Shanghai or UTC") from None
    return name


def web_address(value: SecretStr) -> SecretStr:
    """The same, if it is an address of the web. Raises `ValueError` that does not show it."""
    try:
        parts = urlsplit(value.get_secret_value())
        parts.port  # noqa: B018 - it is read only when it is asked for
    except ValueError:  # whose words may hold the address
        raise ValueError(
            "must be an address whose host can be read, and whose port, if any, is at most 65535"
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address that begins with https:// or http:// and names a host")
    return value


def shown_address(address: SecretStr) -> str:
    """Scheme and host of an address: the rest often is its password; where it is none of the web, the host may be too."""
    text = address.get_secret_value()
    try:
        parts = urlsplit(text)
    except ValueError:  # what a service may understand all the same
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)", text)
        return f"{scheme[0] if scheme else ''}://..."
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}://..."
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return (
        f"{parts.scheme}://{host}{port}/..."
        if parts.path.strip("/") or parts.query
        else f"{parts.scheme}://{host}{port}"
    )


def secret_in(value: SecretStr | None, file: Path | None) -> SecretStr | None:
    """The secret itself, or what its file holds, without the line's end; None if neither is given.

    Raises `ValueError` if there is nothing in it, or no text, and `OSError` if the file is gone.
    """
    where = "" if file is None else f"{file} "
    if file is not None:
        try:
            value = SecretStr(file.read_text("utf-8-sig").strip())
        except UnicodeDecodeError:  # whose words hold a part of it
            raise ValueError(f"{where}is not UTF-8: a secret is one line of text") from None
    if value is not None and not value.get_secret_value().strip():
        raise ValueError(f"{where}is empty: put the secret there, or leave the setting away")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
File = Annotated[Path, AfterValidator(_from_folder)]
ReadableFile = Annotated[File, AfterValidator(_readable)]
Address = Annotated[SecretStr, AfterValidator(web_address)]
Zone = Annotated[str, AfterValidator(_zone)]
