"""The table of rights on docs/privacy.md, against what each part does with its logs."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from fnmatch import fnmatch
from pathlib import Path

import pytest
from msgspec import Struct
from prometheus_client import CollectorRegistry

from alerting.alerts import ALERTS, alert_message
from alerting.checkpoints import CHECKPOINTS
from alerting.receiver import Receiver, ReceiverMetrics
from bellwether.auditing import audit_start
from bellwether.clock import now, ticks
from bellwether.feeding import publish_feeds
from bellwether.loop import Loop
from bellwether.metrics import LoopMetrics
from bellwether.opening import kept_logs, open_logs
from bellwether.roles import Surroundings, loop_names, roles
from bellwether.settings import Settings, read_settings
from bellwether.showing import Showing
from bellwether.stopping import Asked
from ingest.deadletters import DEAD_LETTERS, letters
from ingest.feeds import FEEDS, Feed, FeedSettings
from ingest.instants import SECOND
from ingest.logs import Kept, Logs, Message, Reader, Record, Writer
from tests.alerting.destinations import receiver
from tests.alerting.test_receiver import notification, posted
from tests.alerting.told import told
from tests.bellwether.commands.calls import Caller
from tests.bellwether.commands.conftest import call as call  # noqa: PLC0414 - a fixture
from tests.publishing import publish
from tests.waiting import until

PAGE = Path(__file__).parents[2] / "docs" / "privacy.md"
SETTINGS = """
[windows]
bin = "1s"
out_of_orderness = "1s"
[canary]
every = "1s"
"""


class Rights(Struct):
    """Of one row, or what was made use of."""

    reads: set[str]
    writes: set[str]
    groups: set[str]


def _logs(cell: str) -> set[str]:
    names = {f"bellwether{name}" if name.startswith(".") else name for name in re.findall(r"`([\w.*-]+)`", cell)}
    return names | ({"documents"} if "the logs of documents" in cell else set())


def _table() -> dict[str, Rights]:
    found = {}
    for row in re.findall(r"^\| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE):
        cells = [cell.strip() for cell in re.split(r" ?\| ?", row)]
        if len(cells) == 4 and cells[0] not in {"who", "`init`"}:
            who, reads, writes, groups = cells
            found[who] = Rights(_logs(reads), _logs(writes), _logs(groups))
            if "what it writes" in reads:
                found[who].reads |= found[who].writes
    return found


RIGHTS = _table()


class Watched:
    """Logs that note what is done with them."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self.used = Rights(set(), set(), set())

    def reader(self, group: str, logs: Sequence[str], *, limit: int = 500) -> Reader:
        self.used.groups.add(group)
        self.used.reads.update(logs)
        return self._logs.reader(group, logs, limit=limit)

    def writer(self) -> Writer:
        return WatchedWriter(self._logs.writer(), self.used.writes)

    def scan(self, log: str, *, partition: int = 0, start: int | None = None) -> Iterator[Record]:
        self.used.reads.add(log)
        return self._logs.scan(log, partition=partition, start=start)

    def partitions(self, log: str) -> int:
        return self._logs.partitions(log)

    def ensure(self, kept: Sequence[Kept]) -> list[str]:
        return self._logs.ensure(kept)

    def close(self) -> None:
        self._logs.close()


class WatchedWriter:
    def __init__(self, writer: Writer, written: set[str]) -> None:
        self._writer, self._written = writer, written

    def publish(self, message: Message) -> None:
        self._written.add(message.log)
        self._writer.publish(message)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class House:
    """One embedded log, used by one part after the other."""

    def __init__(self, folder: Path) -> None:
        file = folder / "bellwether.toml"
        file.write_text(SETTINGS)
        self.settings: Settings = read_settings(file)
        self.put()

    def watched(self) -> Watched:
        return Watched(open_logs(self.settings, now))

    def put(self, *messages: Message) -> None:
        with closing(open_logs(self.settings, now)) as logs:
            logs.ensure(kept_logs(self.settings))
            publish(logs, *messages)

    def run(
        self, part: str, happened: Callable[[Rights], bool], also: Callable[[Watched], None] = lambda _: None
    ) -> Rights:
        """What `part` makes use of, from its start until it has `happened`."""
        logs, registry, stop = self.watched(), CollectorRegistry(), threading.Event()
        audit_start(self.settings, [part], f"start-{part}", logs, now())
        done = {each: threading.Event() for each in ("classify", "aggregate")}
        made = roles([part], Surroundings(self.settings, logs, registry, stop, done))
        if part == "console":
            made.append(Showing(self.settings, registry).role(logs))
        metrics = LoopMetrics(registry, loop_names([part], self.settings))
        loops = [threading.Thread(target=Loop(role, logs, now, metrics).run, args=(stop,)) for role in made]
        for loop in loops:
            loop.start()
        try:
            also(logs)
            until(lambda: happened(logs.used), 60, lambda: logs.used)
        finally:
            stop.set()
            for loop in loops:
                loop.join()
            logs.close()
        return logs.used


def allowed(used: Rights, who: str) -> None:
    """Nothing was done without a right."""
    rights = RIGHTS[who]
    assert used.reads - rights.reads == set()
    assert used.writes - rights.writes == set()
    assert {group for group in used.groups if not any(fnmatch(group, pattern) for pattern in rights.groups)} == set()


@pytest.fixture
def house(tmp_path: Path, call: Caller) -> House:
    return House(tmp_path)


@pytest.fixture
def opened(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """What commands open, from now on."""
    found: list[Watched] = []

    def noted(*_: object) -> Watched:
        found.append(house.watched())
        return found[-1]

    monkeypatch.setattr("bellwether.opening.open_logs", noted)
    return found


def a_document() -> Message:
    value = {
        "id": "a",
        "source": "wire",
        "published_at": "2026-03-01T09:30:00Z",
        "text": "Aster Bank halts withdrawals",
    }
    return Message("documents", json.dumps(value).encode())


def test_classify_and_then_aggregate(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerting.aggregate.CHECKPOINT_EVERY", SECOND)
    house.put(a_document(), Message("documents", b"no document"))
    rights = RIGHTS["`classify`"]
    used = house.run("classify", lambda used: used.writes >= rights.writes)
    assert used == rights
    rights = RIGHTS["`aggregate`"]
    used = house.run("aggregate", lambda used: used.writes >= rights.writes - {ALERTS.log})  # it finds nothing here
    allowed(used, "`aggregate`")
    assert (used.reads, used.groups) == (rights.reads, rights.groups)
    assert CHECKPOINTS.log in used.writes


def test_deliver_and_what_alertmanager_tells_it(house: House) -> None:
    house.put(alert_message(told()), Message(ALERTS.log, b"no alert", b"k"))

    def take(logs: Watched) -> None:
        taking = Receiver(ReceiverMetrics(CollectorRegistry()))
        taking.open(logs)
        body = notification(posted(topic="liquidity_run"), posted("LogAway"))
        assert taking.take(json.dumps(body).encode(), now())[0] == 200

    rights = RIGHTS["`deliver`"]
    used = house.run("deliver", lambda used: used.reads >= rights.reads and used.writes >= rights.writes, take)
    allowed(used, "`deliver`")


def test_the_console(house: House) -> None:
    house.put(alert_message(told()))
    used = house.run("console", lambda used: len(used.groups) == 1)
    allowed(used, "the console")


def test_publishing_files(house: House, opened: list[Watched], call: Caller, tmp_path: Path) -> None:
    assert house
    (tmp_path / "news.jsonl").write_bytes(a_document().value or b"")
    assert call("publish", "news.jsonl").code == 0
    assert opened[-1].used.writes == {"documents"}
    allowed(opened[-1].used, "`publish` of files")


def test_publishing_feeds_after_a_crash(house: House) -> None:
    with receiver.nobody() as port, closing(house.watched()) as logs:
        url = f"http://127.0.0.1:{port}/rss"
        settings = FeedSettings(to="documents")
        key = Feed(url, settings, now, ticks, lambda: 0.0).key
        house.put(Message(FEEDS.log, json.dumps({"shown": "a feed", "begun": ["entry"]}).encode(), key=key.encode()))
        with Asked() as stop:
            publish_feeds(lambda: nullcontext(logs), [url], settings, stop, once=True)
        allowed(logs.used, "`publish` of feeds")
        assert logs.used.reads == {FEEDS.log, "documents"}
        assert logs.used.writes == {FEEDS.log}


def test_repairing_what_was_not_delivered(house: House, opened: list[Watched], call: Caller) -> None:
    house.put(Message(ALERTS.log, b"no alert", b"k"), a_document())
    house.run("deliver", lambda used: DEAD_LETTERS.log in used.writes)
    with closing(house.watched()) as logs:
        (letter,) = letters(logs)
    headers = (("letter", letter.name.encode()), ("mark", b"begun"))
    house.put(Message(DEAD_LETTERS.log, None, key=letter.key, headers=headers))
    assert call("dead-letters", "replay", "--all").code == 0
    assert opened[-1].used.reads == {DEAD_LETTERS.log, ALERTS.log}
    assert opened[-1].used.writes == {DEAD_LETTERS.log, ALERTS.log}
    allowed(opened[-1].used, "who repairs")


@pytest.mark.parametrize(
    ("who", "arguments"),
    [
        ("`audit`", ["audit", "verify"]),
        ("`report`", ["report", "--from", "2026-03-01", "--to", "2026-03-02", "--out", "page.html"]),
    ],
)
def test_reading_what_is_kept(
    who: str, arguments: list[str], house: House, opened: list[Watched], call: Caller
) -> None:
    assert house
    assert call(*arguments).code == 0
    assert opened[-1].used.reads == RIGHTS[who].reads
    allowed(opened[-1].used, who)


def test_forgetting_checkpoints(house: House, opened: list[Watched], call: Caller) -> None:
    house.put(Message(CHECKPOINTS.log, b"whatever it is", b"k"))
    assert call("init", "--forget-checkpoints").code == 0
    assert opened[-1].used == RIGHTS["`init --forget-checkpoints`"]


def test_each_row_of_the_table_is_read() -> None:
    assert len(RIGHTS) == 11
    assert RIGHTS["who repairs"].reads >= {DEAD_LETTERS.log, ALERTS.log, "documents"}
