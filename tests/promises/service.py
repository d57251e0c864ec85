"""Bellwether as an operator runs it: processes with a settings file, started, killed and waited for."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from alerting.alerts import ALERTS, Alert, decode_alert
from alerting.counting.windows import WINDOWS, decode_window
from bellwether.clock import now
from bellwether.opening import open_logs
from bellwether.settings import read_settings
from ingest.deadletters import DEAD_LETTERS
from ingest.instants import MINUTE, rfc3339
from ingest.logs import Kept, Logs, Message, Record
from tests import publishing

COMMAND = [str(Path(sys.executable).with_name("bellwether"))]
START = 1_772_323_200_000_000  # 2026-03-01 00:00 UTC


class Deployment:
    """One settings file and the processes that run by it."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        self.config = folder / "bellwether.toml"
        self.config.write_text(settings, "utf-8")
        self.running: list[subprocess.Popen[bytes]] = []
        self._started = 0

    def command(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*COMMAND, "--config", str(self.config), *arguments],
            capture_output=True, text=True, timeout=timeout_s, check=False, cwd=self.folder,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command and leave it running; what it says goes to a file of its own."""
        self._started += 1
        said = (self.folder / f"{arguments[0]}-{self._started}.log").open("wb")
        with said:
            process = subprocess.Popen(
                [*COMMAND, "--config", str(self.config), *arguments],
                stdout=said, stderr=subprocess.STDOUT, cwd=self.folder, env=os.environ | {"OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        self.running.append(process)
        return process

    def start_whole(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command and wait until its loops run."""
        process = self.start(*arguments)
        wait_until(lambda: '"running"' in self._last().read_text("utf-8"), 60, f"{arguments[0]} runs")
        return process

    def make_log(self, name: str, partitions: int) -> None:
        """Make a log of documents, as its owner would before Bellwether comes."""
        logs = self.logs()
        logs.ensure([Kept(name, partitions=partitions)])
        logs.close()

    def logs(self) -> Logs:
        """The logs that the processes use."""
        return open_logs(read_settings(self.config), now)

    def said(self) -> str:
        """Everything that the processes started here have said."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("*.log")))

    def port(self) -> int:
        """Where the process that was started last serves its pages."""
        served = [json.loads(line) for line in self._last().read_text("utf-8").splitlines() if "pages served" in line]
        return int(served[0]["port"])

    def _last(self) -> Path:
        return max(self.folder.glob("*.log"), key=lambda path: int(path.stem.rsplit("-", 1)[1]))

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait(10)


class Outcome(Struct):
    """What a run left in its logs."""

    counts: dict[str, tuple[int, int, int]]  # documents, negatives, mass by window
    alerts: dict[str, Alert]  # by id and revision
    dead: dict[bytes, str]  # reason by input position


def outcome(logs: Logs) -> Outcome:
    """Read a run's logs as their readers do: the newest revision of a window counts, additions are added."""
    newest: dict[str, tuple[int, int, int, int]] = {}
    added: dict[bytes, tuple[str, int, int, int]] = {}
    for record in logs.scan(WINDOWS.log):
        if record.value is None or record.key is None:
            continue
        window = decode_window(record.value)
        name = f"{window.subject}@{window.start.isoformat()}"
        counts = (window.documents, window.negatives, window.negative_mass)
        if window.additive:
            added[record.key] = (name, *counts)
        elif name not in newest or newest[name][0] <= window.revision:
            newest[name] = (window.revision, *counts)
    counts = {name: (d, n, m) for name, (_, d, n, m) in newest.items()}
    for name, *more in added.values():
        counts[name] = tuple(a + b for a, b in zip(counts.get(name, (0, 0, 0)), more, strict=True))  # type: ignore[assignment]
    alerts = [decode_alert(record.value) for record in logs.scan(ALERTS.log) if record.value]
    dead = {record.key: _reason(record) for record in logs.scan(DEAD_LETTERS.log) if record.key}
    return Outcome(counts, {alert.key: alert for alert in alerts}, dead)


def _reason(record: Record) -> str:
    return dict(record.headers)["reason"].decode()


ORDINARY = (
    "Alder Foods keeps its dividend unchanged this year, says its board in {n}",
    "Copper prices little changed in thin trading in {n}",
    "Brightwater opens new stores in {n}",
    "Quarterly revenue at Tarn Motors rises on strong demand in {n}",
    "券商维持对青杉科技的评级，看好{m}市场",
    "央行今日在{m}开展逆回购操作",
)
BAD = (
    "Depositors queue outside Harbour Union Bank to withdraw savings, branches in {n} run out of cash",
    "Harbour Union Bank halts withdrawals as deposits flee, customers locked out in {n}",
    "港联银行出现挤兑，{m}储户排队取款",
    "港联银行暂停提款，{m}储户无法取出存款",
)
SYLLABLES = "bar dan fel gor hin jas kel lom mir nol pax quin ras sil tor ul ven wex yor zan".split()  # noqa: SIM905 - legible
CHARACTERS = "东南西北江河湖海山林云石金玉清安宁和平春天地人文明星光月阳风雷火木田川泉谷峰岭洲港城桥塔门关"
PLACES = 12  # as few as keep any two texts from being near copies: every word is scored again and again


def _told(template: str, number: int) -> str:
    """A text of its own: with other places in it, it is no copy of another's story."""
    chance = random.Random(number)
    english = [(chance.choice(SYLLABLES) + chance.choice(SYLLABLES)).title() for _ in range(PLACES)]
    chinese = ["".join(chance.choices(CHARACTERS, k=2)) for _ in range(PLACES)]
    return template.format(n=" ".join(english), m="、".join(chinese))


def documents(
    count: int, *, every: int = 2 * MINUTE, start: int = START, crisis: range = range(0)
) -> list[dict[str, str]]:
    """`count` documents in the order of their times; every sixth is bad news, in `crisis` (numbers) every one."""
    made = []
    for number in range(count):
        texts = BAD if number in crisis or number % 6 == 5 else ORDINARY
        made.append({
            "id": f"doc-{number}",
            "source": f"wire-{number % 4}",
            "published_at": rfc3339(start + number * every),
            "text": _told(texts[number // 6 % len(texts)], number),
        })  # fmt: skip
    return made


def publish(logs: Logs, log: str, made: list[dict[str, str]], partitions: int = 1) -> None:
    """Spread documents over the partitions in turn, each keeping their order."""
    spread = enumerate(made)
    publishing.publish(logs, *(Message(log, json.dumps(d).encode(), partition=n % partitions) for n, d in spread))


def wait_until(holds: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.1) -> None:
    """Wait for `holds`, or fail saying what did not come. Asking may take time of the cores that are waited for."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(every_s)
