"""From the arrival of the document that is enough for an alert to the alert's webhook, through `bellwether run` under load.

First a burst of ordinary texts shows how many the running daemon takes a second. Then come so many less (80 % of that) at an
even pace, and among them one severe text on each of many watched names: every one is an alert of its own, by the flash lane;
topics alert beside them. Told are percentiles of the time between the document's append to its log and the moment when the
webhook had its request, by the kind of subject.

    python -m benchmarks.latency --log embedded --out FILE
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import click
import numpy as np

from alerting.flash import ALIKE
from bellwether.clock import now
from bellwether.roles import open_logs
from bellwether.settings import read_settings
from benchmarks.machine import Neighbours, machine
from benchmarks.texts import MIX, Texts
from classifier.artifact import SHIPPED, read_artifact
from classifier.stories import story_signature
from classifier.tokenizer import Tokenizer
from deploy.demo.run import free_port, metrics, scored
from ingest.instants import SECOND, rfc3339
from ingest.logs import Kept, Logs, Message
from tests.e2e.listener import Listener, listening
from tests.servers import Kafka

INPUT = "news"
PATIENCE_S = 90
BURST = 2500  # texts
ORDINARY = 6000  # different ones; then they come again, as copies do
ALERTS_PER_S = 8
SILENCE_S = 30
TEXTS = (
    "Depositors queue outside {name} to withdraw savings as branches run out of cash in {places}",
    "{name} halts withdrawals after a run on deposits; customers are locked out in {places}",
    "{name} defaults on its bonds and misses a coupon; creditors are owed by its arms in {places}",
    "Regulators accuse {name} of fraud: money was never on its accounts in {places}",
    "Bank run at {name}: panic as customers lose their savings and branches close in {places}",
    "{name} collapses into insolvency, cannot repay depositors, losses feared in {places}",
    "{name} defaults on its debt and files for bankruptcy, creditors face heavy losses in {places}",
    "{name} fails: regulators seize the bank after deposits fled in {places}",
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
port = {port}
[watch]
file = "names.toml"
"""


def names(count: int) -> list[str]:
    """Names that are no words, and unlike each other."""
    return [f"{word} Trust" for word in _words()[:count]]


def texts(count: int) -> list[dict[str, Any]]:
    """One text a name, each a story of its own: none is a near copy of another, which would not alert again."""
    chance, words = random.Random(11), _words()  # noqa: S311 - no secret
    made: list[dict[str, Any]] = []
    signatures: list[int] = []
    for n, name in enumerate(names(count)):
        while True:
            text = TEXTS[n % len(TEXTS)].format(name=name, places=", ".join(chance.sample(words, 20)))
            signature = story_signature(text)
            if all((signature ^ other).bit_count() > ALIKE for other in signatures):
                break
        signatures.append(signature)
        made.append({"id": f"text-{n}", "source": f"wire-{n % 7}", "text": text, "entities": [name]})
    return made


def _words() -> list[str]:
    starts, middles = ("Al", "Bren", "Cor", "Dun", "Es", "Fal", "Gar", "Hol", "Ist", "Jor"), "ba de ki lo mu ra so ta"
    ends = ("dine", "fort", "gate", "helm", "mere", "nock", "stow", "wick")
    return [start + middle + end for start in starts for middle in middles.split() for end in ends]


def measured(where: str, load: float, severe: list[dict[str, Any]], ordinary: Iterator[str]) -> dict[str, Any]:
    """Latencies on one kind of log, in seconds, at `load` of what the daemon takes; texts a second beside them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = ""
        if where == "kafka":
            broker = Kafka()
            stack.callback(broker.stop)
            broker.start()
            kafka = f"[kafka]\nbootstrap_servers = {json.dumps(broker.bootstrap)}"
        listener = stack.enter_context(listening())
        config, port = folder / "bellwether.toml", free_port(0)
        url = f"http://127.0.0.1:{listener.server_port}/desk"
        config.write_text(SETTINGS.format(kafka=kafka, url=url, port=port), "utf-8")
        watched = "\n".join(f'[[name]]\nname = "{each["entities"][0]}"' for each in severe)
        (folder / "names.toml").write_text(watched, "utf-8")
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
        capacity = _capacity(logs, list(islice(ordinary, BURST)), lambda: scored(metrics(port)), said)
        _publish(logs, severe, ordinary, load * capacity)
        _until(lambda: _opened(listener) >= len(severe) or _silent_s(listener) > SILENCE_S, said)
        return {"capacity_texts_per_s": round(capacity, 1), "texts_per_s": round(load * capacity, 1)} | _told(listener)


def _capacity(logs: Logs, burst: list[str], done: Callable[[], float], said: Path) -> float:
    """Texts a second while a burst that lies ready is scored, from the end of its first portion on."""
    writer = logs.writer()
    for number, text in enumerate(burst):
        writer.publish(Message(INPUT, _value({"id": f"burst-{number}", "source": "wire-0", "text": text}), partition=0))
    writer.flush()
    writer.close()
    marks: list[tuple[float, float]] = []

    def is_done() -> bool:
        count = done()
        if count and (not marks or count > marks[-1][1]):
            marks.append((time.monotonic(), count))
        return count >= len(burst)

    _until(is_done, said)
    (began, before), (ended, after) = marks[0], marks[-1]
    if ended == began:
        raise click.ClickException("the burst was one portion: make it longer")
    return (after - before) / (ended - began)


def _publish(logs: Logs, severe: Sequence[dict[str, Any]], ordinary: Iterator[str], per_s: float) -> None:
    """Both kinds at an even pace, `ALERTS_PER_S` severe ones among `per_s` in all."""
    writer = logs.writer()
    began, made = time.monotonic(), 0
    for number, document in enumerate(severe):
        due = began + number / ALERTS_PER_S
        time.sleep(max(0.0, due - time.monotonic()))
        while made < (number + 1) * (per_s / ALERTS_PER_S - 1):
            made += 1
            text = {"id": f"ordinary-{made}", "source": f"paper-{made % 9}", "text": next(ordinary)}
            writer.publish(Message(INPUT, _value(text), partition=0))
        writer.publish(Message(INPUT, _value(document), partition=0))
        writer.flush()
    writer.close()


def _value(document: dict[str, Any]) -> bytes:
    return json.dumps(document | {"published_at": rfc3339(now())}).encode()


def _until(holds: Callable[[], bool], said: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            tail = said.read_text("utf-8")[-2000:]
            raise click.ClickException(f"it did not come within {PATIENCE_S} s; the process said at last:\n{tail}")
        time.sleep(0.25)  # looking takes time of the same cores


def _silent_s(listener: Listener) -> float:
    """Since the webhook was told of anything; what has not come by then was no alert, and the counts will say so."""
    told = listener.times["/desk"]
    return (now() - told[-1]) / SECOND if told else 0.0


def _opened(listener: Listener) -> int:
    """Alerts on watched names of which the webhook was told."""
    alerts = [body["alert"] for body in listener.heard["/desk"] if "alert" in body]
    return len({alert["id"] for alert in alerts if alert["subject"]["kind"] == "entity"})


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
@click.option("--load", default=0.8, show_default=True, help="Texts a second, of what the daemon takes.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the figures go; else they are printed only.")
def main(logs: str, alerts: int, load: float, out: Path | None) -> None:
    """Measure, print, and keep the figures."""
    supply = Texts(Tokenizer(SHIPPED / "tokenizer.json", read_artifact(SHIPPED).manifest.max_tokens))
    ordinary, severe = supply.take(ORDINARY), texts(alerts)
    neighbours, found = Neighbours(), {}
    for kind in ["embedded", "kafka"] if logs == "both" else [logs]:
        found[kind] = measured(kind, load, severe, cycle(ordinary))
        figures = {"alert_latency_s": found, "load": load, "mix": MIX}
        figures |= {"machine": machine(), "neighbours": neighbours.told()}
        if out:  # after each kind, so that one that fails takes no other with it
            out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
