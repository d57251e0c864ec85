"""`bellwether classify` as an operator runs it, between two logs of a real Kafka."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bellwether.clock import now
from bellwether.roles import open_logs
from bellwether.settings import read_settings
from classifier.scores import SCORES, decode_range
from ingest.instants import SECOND, rfc3339
from ingest.logs import Kept, Message
from tests.servers import Kafka

INPUT, PARTITIONS = "news", 4
FIRST, LAST = 0.2, 0.9  # between these shares of the documents the daemon neither starts nor runs dry
PATIENCE_S = 180


class Daemon:
    """A broker, and a classify process for each measurement; between them nothing but the broker runs."""

    def __init__(self) -> None:
        self._made = 0
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = Kafka()
        self._stack.callback(kafka.stop)
        kafka.start()
        self._config = self._folder / "bellwether.toml"
        self._config.write_text(
            f"[kafka]\nbootstrap_servers = {json.dumps(kafka.bootstrap)}\n[[input]]\nkafka_topic = '{INPUT}'\n"
            "[classifier]\ndevice = 'cpu'\n[http]\nport = 0\n",
            "utf-8",
        )
        self._logs = open_logs(read_settings(self._config), now)
        self._stack.callback(self._logs.close)
        self._logs.ensure([Kept(INPUT, partitions=PARTITIONS)])
        subprocess.run([*self._command(), "init"], check=True, capture_output=True)  # noqa: S603 - ours

    def close(self) -> None:
        """End the broker."""
        self._stack.close()

    def texts_per_s(self, texts: Sequence[str]) -> float:
        """Documents a second by the times at which they came into the scores log, beginning and end left out."""
        self._publish(texts)
        start = sum(1 for _ in self._logs.scan(SCORES.log))
        with (self._folder / "classify.log").open("ab") as said:
            process = subprocess.Popen([*self._command(), "classify"], stdout=said, stderr=said)  # noqa: S603 - ours
        try:
            return _pace(self._arrivals(process, start, len(texts)), len(texts))
        finally:
            process.terminate()
            process.wait(30)

    def _command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("bellwether")), "--config", str(self._config)]

    def _publish(self, texts: Sequence[str]) -> None:
        writer = self._logs.writer()
        for text in texts:
            self._made += 1
            document = {"id": f"d{self._made}", "source": "wire", "published_at": rfc3339(now()), "text": text}
            value = json.dumps(document, ensure_ascii=False).encode()
            writer.publish(Message(INPUT, value, partition=self._made % PARTITIONS))
        writer.flush()
        writer.close()

    def _arrivals(self, process: subprocess.Popen[bytes], skip: int, count: int) -> list[tuple[int, int]]:
        """(instant, documents) of each record with documents that the process added, in order."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            # Looking costs time of the same cores: rarely, and only when something may have come.
            time.sleep(2)
            records = list(self._logs.scan(SCORES.log))[skip:]
            ranges = [(record.appended_at, decode_range(record.value)) for record in records if record.value]
            found = [(at, len(each.documents)) for at, each in ranges if each.documents]
            if sum(many for _, many in found) >= count:
                return found
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"classify did not score all: {(self._folder / 'classify.log').read_text()[-2000:]}")


def _pace(arrivals: Sequence[tuple[int, int]], count: int) -> float:
    done = 0
    marks: list[tuple[int, int]] = []
    for at, many in arrivals:
        done += many
        if FIRST * count <= done <= LAST * count:
            marks.append((at, done))
    if len(marks) < 2:
        raise RuntimeError("too few texts to see the daemon's pace: give it more seconds")
    (began, before), (ended, after) = marks[0], marks[-1]
    return (after - before) * SECOND / (ended - began)
