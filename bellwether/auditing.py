"""The audit entry that a process writes when it starts: with which settings, and what has changed since the last start."""

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.metadata import version

from alerting.audit import AUDIT, Audit, Ends, Entry, entries
from bellwether.effective import shown
from bellwether.settings import Settings
from ingest.logs import Logs


def audit_start(settings: Settings, parts: Sequence[str], writer: str, logs: Logs, now: int) -> None:
    """Write down that `parts` start. Raises `LogAway` or `LogUnfit`."""
    who = "+".join(sorted(parts))
    known = list(entries(logs.scan(AUDIT.log)))
    before = next((entry for entry in reversed(known) if entry.act == "started" and entry.who == who), None)
    details = {"version": version("bellwether"), **dict(_flat(tomllib.loads(shown(settings))))}
    if before is not None:
        details["changed"] = "; ".join(_changes(before, details)) or "nothing"
    audit = Audit(writer, str(Ends(known)))
    with closing(logs.writer()) as out:
        out.publish(audit.entry(now, "started", who, _encodable(settings.file or "defaults"), details))
        out.flush()


def _changes(before: Entry, details: dict[str, str]) -> Iterator[str]:
    for name in sorted((before.details.keys() | details.keys()) - {"changed"}):
        old, new = before.details.get(name), details.get(name)
        if old != new:
            yield f"{name}: {old or 'not set'} -> {new or 'not set'}"


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """A nested table as dotted names and texts."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value):
            yield from _flat(each, f"{name}.{number}")
    else:
        yield name, _encodable(value)


def _encodable(value: object) -> str:
    """As text; of a path that is not UTF-8, the bytes that are not are escaped."""
    return str(value).encode("utf-8", "backslashreplace").decode()
