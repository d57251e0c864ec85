"""`bellwether classify` as an operator runs it, between two logs of a real Kafka."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from bellwether.clock import now
from bellwether.opening import open_logs
from bellwether.settings import read_settings
from classifier.artifact import Model
from classifier.scores import SCORES, decode_range
from ingest.instants import SECOND, rfc3339
from ingest.logs import Kept, Message
from tests.servers import Kafka

INPUT, PARTITIONS = "news", 4
CLASSIFY = "bellwether.classify"  # the group whose positions say what has been scored
FIRST, LAST = 0.2, 0.9  # between these shares of the documents the daemon neither starts nor runs dry
PATIENCE_S = 180
WARM_UP = 200  # documents before those that are timed: most lengths were seen then


class Daemon:
    """A broker, and a classify process for each measurement; between them nothing but the broker runs."""

    def __init__(self) -> None:
        self._made = 0
        self._told = 0  # where the scores of what is measured now begin
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = Kafka()
        self._stack.callback(kafka.stop)
        kafka.start()
        self.bootstrap = kafka.bootstrap
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
        self._asking = KafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=CLASSIFY, enable_auto_commit=False)
        self._stack.callback(self._asking.close)

    def close(self) -> None:
        """End the broker."""
        self._stack.close()

    def texts_per_s(self, texts: Sequence[str], model: Model = "default") -> float:
        """Documents a second by the times at which they came into the scores log, beginning and end left out.

        The first of them come before the others: what follows in a partition is scored ahead only after its first range.
        """
        with self._classifying(model) as process:
            self._warm_up(process, texts[:WARM_UP])
            self._publish(texts[WARM_UP:])
            found = self._arrivals(process)
        return _pace([(at, len(arrived)) for at, arrived in found], len(texts) - WARM_UP)

    def waits(self, texts: Sequence[str], per_s: float) -> tuple[list[float], float, float]:
        """Seconds from a document's append to that of its scores, of each document, when they come at random at this rate.

        Also returns how many documents a second came, and how many were scored while they came.
        """
        with self._classifying() as process:
            self._warm_up(process, texts[:WARM_UP])
            self._publish(texts[WARM_UP:], per_s)
            found = self._arrivals(process)
        pairs = [(at, came_at) for at, arrived in found for came_at in arrived]
        came = [came_at for _, came_at in pairs]
        took = (max(came) - min(came)) / SECOND
        scored = sum(at <= max(came) for at, _ in pairs)
        return [(at - came_at) / SECOND for at, came_at in pairs], len(came) / took, scored / took

    def _warm_up(self, process: subprocess.Popen[bytes], texts: Sequence[str]) -> None:
        self._publish(texts)
        self._arrivals(process)

    @contextmanager
    def _classifying(self, model: Model = "default") -> Iterator[subprocess.Popen[bytes]]:
        """The process runs, and reads what is new in the log."""
        chosen = os.environ | {"BELLWETHER_CLASSIFIER__MODEL": model}
        with (self._folder / "classify.log").open("ab") as said:
            command = [*self._command(), "classify"]
            process = subprocess.Popen(command, stdout=said, stderr=said, env=chosen)  # noqa: S603 - ours
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def _command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("bellwether")), "--config", str(self._config)]

    def _publish(self, texts: Sequence[str], per_s: float | None = None) -> None:
        """Put documents into the log: as fast as it takes them, or at times of a Poisson process."""
        writer, chance = self._logs.writer(), random.Random(self._made)  # noqa: S311 - nothing secret
        due = time.monotonic()
        for text in texts:
            self._made += 1
            if per_s is not None:
                due += chance.expovariate(per_s)
                time.sleep(max(0.0, due - time.monotonic()))
            document = {"id": f"d{self._made}", "source": "wire", "published_at": rfc3339(now()), "text": text}
            value = json.dumps(document, ensure_ascii=False).encode()
            writer.publish(Message(INPUT, value, partition=self._made % PARTITIONS))
            if per_s is not None:
                writer.flush()
        writer.flush()
        writer.close()

    def _arrivals(self, process: subprocess.Popen[bytes]) -> list[tuple[int, list[int]]]:
        """Of each record with documents since it was asked last, once all are scored: its instant, and those when they came.

        What is measured has the same cores: until it is done, only the group's positions are looked at.
        """
        places = [TopicPartition(INPUT, number) for number in range(PARTITIONS)]
        ends = self._asking.end_offsets(places)
        deadline = time.monotonic() + PATIENCE_S
        while any((self._asking.committed(place) or 0) < end for place, end in ends.items()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"classify did not score all: {(self._folder / 'classify.log').read_text()[-2000:]}")
            time.sleep(1)
        records = list(self._logs.scan(SCORES.log, start=self._told))
        self._told = records[-1].offset + 1
        ranges = [(record.appended_at, decode_range(record.value)) for record in records if record.value]
        return [(at, [each.appended_at for each in scores.documents]) for at, scores in ranges if scores.documents]


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
