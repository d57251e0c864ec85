"""The demo: an invented market's three weeks and a bank run, through the real program, in about a minute.

Everything is done by commands that anyone can type: `bellwether init`, `publish`, `run --replay`. What comes out is read
from the alerts log. Ends with 0 only if the bank run was found.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from alerting.alerts import ALERTS, Alert, decode_alert
from bellwether.clock import now
from bellwether.opening import open_logs
from bellwether.settings import read_settings
from deploy.demo.report import report
from deploy.demo.scenario import RUN, START, documents

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".data" / "demo"
LIMIT_S = 600
LIQUIDITY = 'topic="liquidity_run"'
BELLWETHER = Path(sys.executable).with_name("bellwether")
SETTINGS = """\
# What `make demo` runs with. Everything else is as it comes.
[http]
port = {port}

[logging]
format = "json"
"""


class DemoFailed(Exception):  # noqa: N818 - what happened
    """A step did not do its work; the message says which and where to look."""


def main() -> int:
    """Make the folder anew, go through the steps, tell what came out."""
    console = Console(highlight=False)
    told = documents()
    console.print(
        f"[bold]An invented market[/], {START:%d %B} to {RUN[1]:%d %B %Y}: {len(told):,} texts in English and Chinese, "
        f"and on the last day a bank run."
    )
    began = time.monotonic()
    try:
        port = prepare(told)
        command("init")
        command("publish", str(FOLDER / "documents.jsonl"))
        replay(console, port, len(told))
    except DemoFailed as failure:
        console.print(f"[red]{failure}[/]")
        return 1
    found = report(console, list(alerts()))
    console.print(f"All of it took {time.monotonic() - began:.0f} s.")
    settings = shown(FOLDER / "bellwether.toml")
    console.print(f"\nTo look at it: {shown(BELLWETHER)} --config {settings} console, then http://127.0.0.1:{port}/")
    console.print(f"\nMetrics: a running bellwether has them at http://127.0.0.1:{port}/metrics;")
    console.print(f"as they stood a moment before the end they are in {shown(FOLDER / 'metrics.txt')}, for example")
    for line in (FOLDER / "metrics.txt").read_text("utf-8").splitlines():
        if line.startswith("bellwether_aggregate_documents_total{") and LIQUIDITY in line and not line.endswith(" 0.0"):
            console.print(f"  {line}", soft_wrap=True, markup=False)
    return 0 if found else 1


def prepare(told: list[dict[str, str]]) -> int:
    """A new folder with settings and documents; the port that the pages will be at."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    port = free_port(8700)
    (FOLDER / "bellwether.toml").write_text(SETTINGS.format(port=port), encoding="utf-8")
    (FOLDER / "metrics.txt").touch()
    lines = (json.dumps(document, ensure_ascii=False) for document in told)
    (FOLDER / "documents.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return port


def command(*words: str) -> None:
    """Run one command of ours to its end, in view. Raises `DemoFailed`."""
    line = [str(BELLWETHER), "--config", str(FOLDER / "bellwether.toml"), *words]
    print(f"$ bellwether {' '.join(shown(Path(word)) for word in words)}", flush=True)
    if (code := subprocess.run(line, check=False).returncode) != 0:  # noqa: S603 - our own command
        raise DemoFailed(f"bellwether {words[0]} ended with {code}.")


def replay(console: Console, port: int, total: int) -> None:
    """`bellwether run --replay`, with a bar that follows its metrics. Raises `DemoFailed`."""
    log = FOLDER / "run.log"
    console.print(
        f"$ bellwether run --replay   [dim](its log: {shown(log)}, its metrics: http://127.0.0.1:{port}/metrics)[/]"
    )
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} texts"),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    line = [str(BELLWETHER), "--config", str(FOLDER / "bellwether.toml"), "run", "--replay"]
    with log.open("wb") as out, bar, subprocess.Popen(line, stdout=out, stderr=out) as process:  # noqa: S603
        task = bar.add_task("Loading the model", total=total)
        began = time.monotonic()
        while process.poll() is None:
            if time.monotonic() - began > LIMIT_S:
                process.kill()
            if page := metrics(port):
                (FOLDER / "metrics.txt").write_text(page, encoding="utf-8")
                bar.update(task, completed=scored(page), description="Reading the news")
            time.sleep(0.25)
        if process.returncode == 0:
            bar.update(task, completed=total)
    if process.returncode != 0:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-5:])
        raise DemoFailed(f"bellwether run ended with {process.returncode}; the last it said:\n{tail}")


def metrics(port: int) -> str:
    """The /metrics page, or nothing while there is none."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=2, trust_env=False).text
    except httpx.HTTPError:
        return ""


def scored(page: str) -> float:
    """How many documents were scored or refused, by the metrics."""
    names = {"bellwether_classify_documents_total", "bellwether_classify_dead_letters_total"}
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name in names)


def alerts() -> Iterator[Alert]:
    """Every revision in the alerts log, oldest first."""
    logs = open_logs(read_settings(FOLDER / "bellwether.toml"), now)
    try:
        for record in logs.scan(ALERTS.log):
            if record.value is not None:
                yield decode_alert(record.value)
    finally:
        logs.close()


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("There is no free port on 127.0.0.1.")


def shown(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
