"""From the arrival of the document that is enough for an alert to the alert's webhook, through `bellwether run`.

One severe text on each of many watched names, at an even pace: every one is an alert of its own, by the flash lane; topics
alert beside them. Told are percentiles of the time between the document's append to its log and the moment when the webhook
had its request, by the kind of subject.

    python -m benchmarks.latency --log embedded --out FILE
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np

from bellwether.clock import now
from bellwether.roles import open_logs
from bellwether.settings import read_settings
from benchmarks.machine import Neighbours, machine
from ingest.instants import SECOND, rfc3339
from ingest.logs import Kept, Logs, Message
from tests.e2e.listener import Listener, listening
from tests.servers import Kafka

INPUT = "news"
PATIENCE_S = 60
TEXTS = (
    "Depositors queue outside {name} to withdraw savings as branches run out of cash in {places}",
    "{name} halts withdrawals after a run on deposits; customers are locked out in {places}",
    "{name} defaults on its bonds and misses a coupon; creditors are owed by its arms in {places}",
    "Regulators accuse {name} of fraud: money was never on its accounts in {places}",
)
SETTINGS = """
{kafka}
[[input]]
kafka_topic = "news"
[sources]
tier_1 = ["wire-*"]
[flash]
negative = 0.5
budget_per_day = 1000
[[destination]]
name = "desk"
type = "webhook"
url = "{url}"
secret = "of the benchmark"
[http]
port = 0
[watch]
file = "names.toml"
"""


def names(count: int) -> list[str]:
    """Names that are no words, and unlike each other."""
    return [f"{word} Trust" for word in _words()[:count]]


def texts(count: int) -> list[dict[str, Any]]:
    """One text a name, each a story of its own: most of its words are in no other."""
    chance, words = random.Random(11), _words()  # noqa: S311 - no secret
    return [
        {
            "id": f"text-{n}",
            "source": f"wire-{n % 7}",
            "text": TEXTS[n % len(TEXTS)].format(name=name, places=", ".join(chance.sample(words, 16))),
            "entities": [name],
        }
        for n, name in enumerate(names(count))
    ]


def _words() -> list[str]:
    starts, middles = ("Al", "Bren", "Cor", "Dun", "Es", "Fal", "Gar", "Hol", "Ist", "Jor"), "ba de ki lo mu ra so ta"
    ends = ("dine", "fort", "gate", "helm", "mere", "nock", "stow", "wick")
    return [start + middle + end for start in starts for middle in middles.split() for end in ends]


def measured(where: str, count: int, per_s: float) -> dict[str, Any]:
    """Latencies on one kind of log, in seconds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = ""
        if where == "kafka":
            broker = Kafka()
            stack.callback(broker.stop)
            broker.start()
            kafka = f"[kafka]\nbootstrap_servers = {json.dumps(broker.bootstrap)}"
        listener = stack.enter_context(listening())
        config = folder / "bellwether.toml"
        url = f"http://127.0.0.1:{listener.server_port}/desk"
        config.write_text(SETTINGS.format(kafka=kafka, url=url), "utf-8")
        (folder / "names.toml").write_text("\n".join(f'[[name]]\nname = "{name}"' for name in names(count)), "utf-8")
        logs = open_logs(read_settings(config), now)
        stack.callback(logs.close)
        logs.ensure([Kept(INPUT, partitions=1)])
        command = [str(Path(sys.executable).with_name("bellwether")), "--config", str(config)]
        subprocess.run([*command, "init"], check=True, capture_output=True)  # noqa: S603 - ours
        said = folder / "run.log"
        with said.open("wb") as out:
            process = subprocess.Popen([*command, "run"], stdout=out, stderr=out)  # noqa: S603 - ours
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        _until(lambda: "running" in said.read_text("utf-8"), said)
        _publish(logs, texts(count), per_s)
        _until(lambda: len(listener.heard["/desk"]) >= count, said)
        return _told(listener)


def _publish(logs: Logs, made: Sequence[dict[str, Any]], per_s: float) -> None:
    writer = logs.writer()
    began = time.monotonic()
    for number, document in enumerate(made):
        time.sleep(max(0.0, began + number / per_s - time.monotonic()))
        value = json.dumps(document | {"published_at": rfc3339(now())}).encode()
        writer.publish(Message(INPUT, value, partition=0))
        writer.flush()
    writer.close()


def _until(holds: Any, said: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            tail = said.read_text("utf-8")[-2000:]
            raise click.ClickException(f"not all alerts came within {PATIENCE_S} s; the process said at last:\n{tail}")
        time.sleep(0.1)


def _told(listener: Listener) -> dict[str, Any]:
    waits: dict[str, list[float]] = defaultdict(list)
    for at, body in zip(listener.times["/desk"], listener.heard["/desk"], strict=True):
        alert = body.get("alert")
        if alert and alert["change"] in {"opened", "escalated"} and alert["handled"]:
            arrived = np.datetime64(alert["handled"]["appended_at"].removesuffix("Z"), "us").astype(int)
            for kind in (alert["subject"]["kind"], "all"):
                waits[kind].append((at - int(arrived)) / SECOND)
    return {
        kind: {"alerts": len(each)}
        | {f"p{q}_s": round(float(np.percentile(each, q)), 3) for q in (50, 95, 99)}
        | {"most_s": round(max(each), 3)}
        for kind, each in sorted(waits.items())
    }


@click.command
@click.option("--log", "logs", type=click.Choice(["embedded", "kafka", "both"]), default="both", show_default=True)
@click.option("--alerts", default=520, show_default=True, help="So many names, each of which alerts.")
@click.option("--rate", default=8.0, show_default=True, help="Documents a second.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the figures go; else they are printed only.")
def main(logs: str, alerts: int, rate: float, out: Path | None) -> None:
    """Measure, print, and keep the figures."""
    neighbours = Neighbours()
    kinds = ["embedded", "kafka"] if logs == "both" else [logs]
    figures: dict[str, Any] = {"alert_latency_s": {kind: measured(kind, alerts, rate) for kind in kinds}}
    figures |= {"documents_per_s": rate, "machine": machine(), "neighbours": neighbours.told()}
    click.echo(json.dumps(figures, indent=1))
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
