"""From the arrival of the document that is enough for an alert to the alerts log and the webhook, by `bellwether run` under load.

Ten calm days, which lie in the log when the daemon starts, teach its detectors what is usual, and show how many texts it takes
a second. Then come so many less (80 % of that) at an even pace, and among them two kinds of severe texts:

- "flash": one text from a trusted source on each of many watched names is enough by itself;
- "topic": a burst of texts on each of as many others takes the name over its threshold. To the detector a name is as a topic
  is; topics themselves are silent here, because seventeen could not alert five hundred times.

Told are percentiles of the time from the append of the document that was enough (of a burst, mostly the third) until the
alert was appended to its log, and until the webhook had its request. The budget is the largest that can be set.

    python -m benchmarks.latency --log embedded --out FILE
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from alerting.detection.rules import SpikeSettings
from bellwether.clock import now
from bellwether.opening import open_logs
from bellwether.settings import read_settings
from benchmarks.alarming import MOST_NAMES, TRUSTED, Alarming, Document
from benchmarks.arrivals import arrivals, told
from benchmarks.machine import Neighbours, machine
from benchmarks.texts import MIX, Texts
from classifier.artifact import SHIPPED, read_artifact
from classifier.tokenizer import Tokenizer
from deploy.demo.run import free_port, metrics, scored
from ingest.instants import SECOND, rfc3339
from ingest.logs import Kept, Logs, Message
from tests.e2e.listener import Listener, listening
from tests.servers import Kafka

INPUT = "news"
PATIENCE_S = 90
PORTION_S = 1 / 8  # what falls due meanwhile is published together
SILENCE_S = 30
SETTINGS = """
{kafka}
[[input]]
kafka_topic = "news"
[sources]
tier_1 = ["{trusted}"]
[alerts]
budget_per_week = 10000
{silent}
[flash]
negative = 0.5
budget_per_day = 1000
[[destination]]
name = "desk"
type = "webhook"
url = "{url}"
secret = "of the benchmark"
[http]
port = {port}
[watch]
file = "names.toml"
"""


class Daemon:
    """`bellwether run` on logs of its own, and somebody whom its webhook tells."""

    def __init__(self, where: str, stack: ExitStack, watched: Iterable[str]) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = ""
        if where == "kafka":
            broker = Kafka()
            stack.callback(broker.stop)
            broker.start()
            kafka = f"[kafka]\nbootstrap_servers = {json.dumps(broker.bootstrap)}"
        self.listener: Listener = stack.enter_context(listening())
        self.port, self._config, self._said = free_port(0), folder / "bellwether.toml", folder / "run.log"
        url = f"http://127.0.0.1:{self.listener.server_port}/desk"
        silent = "\n".join(f"[alerts.topic.{topic}]\nalert = false" for topic in read_artifact(SHIPPED).manifest.topics)
        settings = SETTINGS.format(kafka=kafka, url=url, port=self.port, silent=silent, trusted=TRUSTED)
        self._config.write_text(settings, "utf-8")
        names = "\n".join(f'[[name]]\nname = "{name}"' for name in watched)
        (folder / "names.toml").write_text(names, "utf-8")
        self.logs = open_logs(read_settings(self._config), now)
        stack.callback(self.logs.close)
        self.logs.ensure([Kept(INPUT, partitions=1)])
        subprocess.run([*self._command(), "init"], check=True, capture_output=True)  # noqa: S603 - ours

    def start(self, stack: ExitStack) -> None:
        """Start it, to be ended with the stack."""
        with self._said.open("wb") as out:
            process = subprocess.Popen([*self._command(), "run"], stdout=out, stderr=out)  # noqa: S603 - ours
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds. Raises `ClickException` with what the process said if it never does."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline:
                tail = self._said.read_text("utf-8")[-2000:]
                raise click.ClickException(f"it did not come within {PATIENCE_S} s; the process said at last:\n{tail}")
            time.sleep(0.25)  # looking takes time of the same cores

    def texts_per_s(self, count: int) -> float:
        """How many a second it takes of so many that lie ready, from the end of its first portion on if it took several."""
        marks: list[tuple[float, float]] = [(time.monotonic(), 0)]

        def is_done() -> bool:
            done = scored(metrics(self.port))
            if done > marks[-1][1]:
                marks.append((time.monotonic(), done))
            return done >= count

        self.until(is_done)
        (began, before), (ended, after) = marks[min(1, len(marks) - 2)], marks[-1]
        return (after - before) / (ended - began)

    def _command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("bellwether")), "--config", str(self._config)]


def measured(where: str, load: float, names: Alarming, supply: Texts, past: int, per_s: float) -> dict[str, Any]:
    """Latencies on one kind of log, in seconds, at `load` of what the daemon takes; texts a second beside them."""
    with ExitStack() as stack:
        daemon = Daemon(where, stack, [*names.flashed, *names.bursting])
        calm = names.past(supply.take(past), now())
        _publish(daemon.logs, calm)
        daemon.start(stack)
        capacity = daemon.texts_per_s(len(calm))
        daemon.until(lambda: _caught_up(daemon.port))
        asked = load * capacity
        stream = list(names.stream(supply, per_alert=round(asked / per_s)))
        began, many = time.monotonic(), _publish(daemon.logs, stream, asked)
        took_s, expected = time.monotonic() - began, len(names.flashes) + len(names.bursts)
        heard = daemon.listener
        daemon.until(lambda: len(_opened(heard)) >= expected or _silent_s(heard) > SILENCE_S)
        found = list(arrivals(daemon.logs, SpikeSettings()))
        rates = {"capacity_texts_per_s": round(capacity, 1), "texts_per_s": round(many / took_s, 1), "texts": many}
        return rates | told(found, _opened(heard))


def _publish(logs: Logs, documents: Iterable[Document], per_s: float | None = None) -> int:
    """Put them into the log, at once or at an even pace; returns how many they were."""
    many, began = 0, time.monotonic()
    with closing(logs.writer()) as writer:
        for document in documents:
            wait = began + many / per_s - time.monotonic() if per_s else 0
            if wait > 0:
                writer.flush()
                time.sleep(max(wait, PORTION_S))
            value = json.dumps({"published_at": rfc3339(now())} | document).encode()
            writer.publish(Message(INPUT, value, partition=0))
            many += 1
        writer.flush()
    return many


def _caught_up(port: int) -> bool:
    """Whether the aggregator has read all scores that there are."""
    return 'bellwether_loop_behind_records{loop="aggregate"} 0.0' in metrics(port)


def _silent_s(listener: Listener) -> float:
    """Since the webhook was told of anything; what has not come by then was no alert, and the counts will say so."""
    times = listener.times["/desk"]
    return (now() - times[-1]) / SECOND if times else 0.0


def _opened(listener: Listener) -> dict[str, int]:
    """When the webhook was first told of each alert on a watched name, by its key."""
    first: dict[str, int] = {}
    for at, body in zip(listener.times["/desk"], listener.heard["/desk"], strict=False):
        alert = body.get("alert")
        if alert and alert["change"] == "opened" and alert["subject"]["kind"] == "entity":
            first.setdefault(f"{alert['id']}/{alert['revision']}", at)
    return first


@click.command
@click.option("--log", "logs", type=click.Choice(["embedded", "kafka", "both"]), default="both", show_default=True)
@click.option("--alerts", type=click.IntRange(1, MOST_NAMES), default=520, show_default=True, help="Of each lane.")
@click.option("--load", default=0.8, show_default=True, help="Texts a second, of what the daemon takes.")
@click.option("--past", default=1500, show_default=True, help="Ordinary texts of the calm days.")
@click.option("--per-s", default=4.0, show_default=True, help="Alerts of each lane a second, at most.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the figures go; else they are printed only.")
def main(logs: str, alerts: int, load: float, past: int, per_s: float, out: Path | None) -> None:
    """Measure, print, and keep the figures."""
    supply = Texts(Tokenizer(SHIPPED / "tokenizer.json", read_artifact(SHIPPED).manifest.max_tokens))
    names, neighbours, found = Alarming(alerts), Neighbours(), {}
    for kind in ["embedded", "kafka"] if logs == "both" else [logs]:
        found[kind] = measured(kind, load, names, supply, past, per_s)
        figures = {"measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "alert_latency": found, "load": load, "mix": MIX}
        figures |= {"machine": machine(), "neighbours": neighbours.told()}
        if out:  # after each kind, so that one that fails takes no other with it
            out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
