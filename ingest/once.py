"""Publishing that a crash cannot double, where no transaction spans two logs: announce, publish, confirm.

What is to be published once gets a name, which it carries as a header. The name is first announced in a log of the
publisher's own, then the message is published, then the name is confirmed there; each durable before the next. After a crash
the names announced and never confirmed are few, and are looked for in the log itself.
"""

from collections.abc import Collection

from ingest.logs import Logs, Message, Record

_HEADER = "bellwether-once"


def named(message: Message, name: str) -> Message:
    """`message`, carrying its `name`."""
    header = (_HEADER, name.encode())
    return Message(
        message.log, message.value, message.key, (*message.headers, header), message.partition, message.created_at
    )


def name_of(record: Record) -> str | None:
    """The name that a record carries."""
    return next((value.decode() for key, value in record.headers if key == _HEADER), None)


def published(logs: Logs, log: str, names: Collection[str]) -> set[str]:
    """Which of `names` are in `log`: reads all of it, or until every one is found. Raises `LogAway` or `LogUnfit`."""
    missing, found = set(names), set[str]()
    for partition in range(logs.partitions(log)) if missing else ():
        for record in logs.scan(log, partition=partition):
            if (name := name_of(record)) in missing:
                missing.discard(name)
                found.add(name)
            if not missing:
                return found
    return found
