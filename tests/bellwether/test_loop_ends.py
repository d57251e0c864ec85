"""When a box is told how far its logs reach."""

from pathlib import Path

from bellwether.loop import Role
from ingest.logs import Ended, Opened
from tests.bellwether.boxes import SOURCE, Clock, Running, Watcher, copies, made_logs
from tests.waiting import until


def test_a_place_comes_with_its_end_however_short_ago_that_was_asked(
    tmp_path: Path,
) -> None:
    clock, box = Clock(), Watcher()
    logs = made_logs(tmp_path / "logs.db", clock, 3)
    active = logs.reader("copiers", [SOURCE.log])
    active.poll(0)
    with Running(Role("copy", "copiers", (SOURCE.log,), lambda: box), logs, clock) as running:
        until(lambda: (running.metric("turns_total") or 0) >= 2)  # its clock stands still: it has asked
        active.close()
        until(lambda: len(copies(logs)) == 3)
    opened, ended, *_ = box.seen
    assert isinstance(opened, Opened)
    assert isinstance(ended, Ended)
    assert (ended.position, ended.end) == (0, 3)
