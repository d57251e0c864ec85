import gzip
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from alerting.alerts import ALERTS, decode_alert
from alerting.counting.windows import WINDOWS, decode_window
from bellwether.cli import cli
from bellwether.clock import now
from bellwether.commands.replay import replay
from classifier.scores import SCORES, decode_range
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, HOUR, MINUTE, rfc3339
from tests.bellwether.commands.calls import Caller

START = 1_772_323_200_000_000  # 2026-03-01 00:00 UTC
NAMES = (
    "Harbour",
    "Alder",
    "Northgate",
    "Velmar",
    "Osgood",
    "Tarn",
    "Kestrel",
    "Pellworth",
    "Dray",
    "Lumen",
    "Orrin",
    "Halden",
)
CALM = (
    "{} raises its profit forecast after a strong quarter with {}", "Quarterly profit at {} beats estimates, helped by {}",
    "{}季度净利润同比增长，上调全年业绩指引，{}表现亮眼", "{} lifts its full-year sales outlook on demand from {}",
)  # fmt: skip
GRIM = (
    "{} swings to a quarterly loss and slashes its forecast, {} blamed", "Profit at {} collapses, it warns of worse after {}",
    "{}季度巨亏，下调全年业绩预期，受{}拖累", "{} cuts its sales outlook as earnings plunge on weak demand from {}",
    "{}净利润暴跌，业绩远逊预期，{}需求疲软", "{} misses estimates by far and withdraws its guidance, as does {}",
)  # fmt: skip


def history(days: int = 12, crisis: int = 10) -> list[dict[str, Any]]:
    """A text every 20 minutes, now and then a grim one; in three hours of the day `crisis` nothing else, thrice as many."""
    chance = random.Random(5)
    made = []
    for number in range(days * 72):
        at = START + number * 20 * MINUTE
        grim = 0 <= at - START - crisis * DAY < 3 * HOUR
        for again in range(4 if grim else 1):
            words = GRIM if grim or number % 12 == 11 else CALM
            made.append({
                "id": f"n{number}-{again}",
                "source": f"wire-{number % 3}",
                "time": rfc3339(at + again * MINUTE),
                "text": "[/b] " + words[(number + again) % len(words)].format(*chance.sample(NAMES, 2)),
            })  # fmt: skip
    return made


def jsonl(path: Path, lines: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def alerts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "alerts.jsonl").read_text("utf-8").splitlines()]


MAPPED = ("--field", "published_at=time")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a replay of the history, its log kept."""
    folder = tmp_path_factory.mktemp("history")
    jsonl(folder / "news.jsonl", history())
    arguments = [
        "replay",
        str(folder / "news.jsonl"),
        "--out",
        str(folder / "found"),
        *MAPPED,
        "--keep",
        "--budget",
        "5",
    ]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    return folder / "found"


def test_a_crisis_is_found_once_for_its_topic_in_its_hours(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl.gz", history())
    done = call("replay", "news.jsonl.gz", "--out", "found", *MAPPED, "--keep")
    assert done.code == 0, done.err
    found = alerts(tmp_path / "found")
    during = [
        alert
        for alert in found
        if rfc3339(START + 10 * DAY) <= alert["opened_at"] < rfc3339(START + 10 * DAY + 4 * HOUR)
    ]
    assert during
    alert = during[0]
    assert set(alert) >= {
        "id", "subject", "severity", "opened_at", "closed_at", "return_period_days", "documents", "negatives", "stories",
        "sources", "top_documents", "incident",
    }  # fmt: skip
    assert alert["subject"]["kind"] == "topic"
    assert alert["state"] == "closed"
    assert alert["closed_at"] > alert["opened_at"]
    assert any(
        word in alert["top_documents"][0]["text"] for word in ("loss", "collapses", "cuts", "misses", "亏", "暴跌")
    )
    assert len({alert["id"] for alert in found}) == len(found)
    assert f"alerts: {len(found)}, incidents: " in done.out
    assert "[/b]" in done.out
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == ["alerts.jsonl", "replay.db"]


def test_each_alert_stands_there_as_it_ended(kept: Path) -> None:
    last = {}
    revisions = 0
    for record in EmbeddedLogs(kept / "replay.db", now).scan(ALERTS.log):
        alert = decode_alert(record.value or b"")
        last[alert.id] = alert.revision
        revisions += 1
    assert {alert["id"]: alert["revision"] for alert in alerts(kept)} == last
    assert revisions > len(last)


def test_the_order_of_lines_and_files_does_not_matter(call: Caller, tmp_path: Path) -> None:
    """Not one document is late, and each is counted once."""
    lines = history(days=11)
    jsonl(tmp_path / "whole.jsonl", lines)
    random.Random(3).shuffle(lines)
    jsonl(tmp_path / "one.jsonl", lines[:400])
    jsonl(tmp_path / "other.jsonl", lines[400:])
    assert call("replay", "whole.jsonl", "--out", "whole", *MAPPED).code == 0
    assert call("replay", "one.jsonl", "other.jsonl", "--out", "mixed", *MAPPED, "--keep").code == 0
    assert alerts(tmp_path / "mixed") == alerts(tmp_path / "whole")
    logs = EmbeddedLogs(tmp_path / "mixed" / "replay.db", now)
    ranges = [decode_range(record.value or b"") for record in logs.scan(SCORES.log)]
    assert sorted(document.id for each in ranges for document in each.documents) == sorted(line["id"] for line in lines)
    assert sum(decode_window(record.value or b"").late for record in logs.scan(WINDOWS.log)) == 0


def test_kept_scores_are_watched_again_without_a_model(
    call: Caller, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLWETHER_CLASSIFIER__ARTIFACT", str(tmp_path / "nowhere"))
    scores = str(kept / "replay.db")
    done = call("replay", "--scores", scores, "--out", "again", "--budget", "5")
    assert done.code == 0, done.err
    again, found = ([{**alert, "corrected": None} for alert in alerts(folder)] for folder in (tmp_path / "again", kept))
    assert again == found  # only how often the model errs is told by the model alone
    assert "texts/s" not in done.out
    assert call("replay", "--scores", scores, "--out", "fewer", "--budget", "0.001").code == 0
    assert len(alerts(tmp_path / "fewer")) < len(alerts(kept))
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["alerts.jsonl"]


def test_of_a_bare_date_an_alert_opens_no_sooner_than_at_the_end_of_that_day(call: Caller, tmp_path: Path) -> None:
    lines = [line | {"time": line["time"][:10]} for line in history(days=40, crisis=35)]
    jsonl(tmp_path / "news.jsonl", lines)
    assert call("replay", "news.jsonl", "--out", "found", *MAPPED, "--timezone", "UTC", "--budget", "100").code == 0
    opened = [alert["opened_at"] for alert in alerts(tmp_path / "found")]
    assert opened
    assert {at[11:] for at in opened} <= {"23:59:59Z", "00:00:00Z"}


def test_what_is_no_document_is_told_and_kept_beside_the_alerts(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    good = history(days=1)[:3]
    jsonl(tmp_path / "a" / "news.jsonl", [*good, {"id": "x"}])
    jsonl(tmp_path / "b" / "news.jsonl", [{"id": "y"}, {"id": "z"}])
    done = call("replay", "a/news.jsonl", "b/news.jsonl", "--out", "found", *MAPPED)
    assert done.code == 3
    assert "3 documents in" in done.out
    assert "3 lines or records were no documents" in done.out
    assert alerts(tmp_path / "found") == []
    names = {path.name: len(path.read_bytes().splitlines()) for path in (tmp_path / "found").iterdir()}
    assert names == {"alerts.jsonl": 0, "news.jsonl.rejects.jsonl": 1, "news.jsonl-2.rejects.jsonl": 2}
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["news.jsonl"]


def test_nothing_at_all_has_no_alerts(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").touch()
    done = call("replay", "news.jsonl", "--out", "found")
    assert done.code == 0
    assert "0 documents" in done.out
    assert alerts(tmp_path / "found") == []


def test_neither_settings_nor_logs_of_the_live_service_are_touched(call: Caller, tmp_path: Path) -> None:
    """The settings name a broker and a receiver; neither is asked."""
    (tmp_path / "bellwether.toml").write_text(
        '[kafka]\nbootstrap_servers = "127.0.0.1:1"\n[[input]]\nkafka_topic = "news"\n[input.fields]\ntitle = "h"\n'
        '[[destination]]\nname = "desk"\ntype = "webhook"\nurl = "http://127.0.0.1:1/"\nsecret = "s"\n'
    )
    jsonl(tmp_path / "news.jsonl", history(days=1))
    assert call("replay", "news.jsonl", "--out", "found", *MAPPED).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bellwether.toml", "found", "news.jsonl"]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("wait_s", [0, 0.2, 2])  # the documents go into their log, the model loads, it runs
def test_when_it_is_stopped_it_leaves_nothing_half_done(tmp_path: Path, asked: signal.Signals, wait_s: float) -> None:
    (tmp_path / "bellwether.toml").touch()
    lines = [line | {"text": f"Bank run {number} " * 40} for number, line in enumerate(history(days=80))]
    jsonl(tmp_path / "news.jsonl", lines)
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "alerts.jsonl").write_text("of an earlier replay\n")
    command = [
        sys.executable,
        "-c",
        "from bellwether.cli import main; main()",
        "replay",
        "news.jsonl",
        "--out",
        "found",
    ]
    with subprocess.Popen([*command, *MAPPED], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"documents read" in process.stderr.readline()
        time.sleep(wait_s)
        process.send_signal(asked)
        assert process.wait(30) == 130
        assert process.stderr.read().strip() == b"stopped"
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["alerts.jsonl"]
    assert (tmp_path / "found" / "alerts.jsonl").read_text() == "of an earlier replay\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "found"], "name files, or --scores"),
        (["news.jsonl", "--out", "found", "--scores", "bellwether.toml"], "name files, or --scores"),
        (["news.jsonl"], "say where the alerts go: --out DIR"),
        (["missing.jsonl", "--out", "found"], "missing.jsonl cannot be opened"),
        (["news.jsonl", "--out", "news.jsonl/found"], "--out news.jsonl/found cannot be written"),
        (["news.jsonl", "--out", "found", "--budget", "0"], "Invalid value for '--budget'"),
        (["news.jsonl", "--out", "found", "--timezone", "Mars"], "there is no time zone 'Mars'"),
        (["news.jsonl", "--out", "found", "--field", "title"], "--field title has no `=`"),
        (["news.jsonl", "--out", "found", "--model", "nowhere"], "There is no model folder"),
        (["--scores", "news.jsonl", "--out", "found"], "news.jsonl is not an embedded log"),
        (["--scores", "live.db", "--out", "found"], "bellwether.scores holds no scores"),
    ],
)
def test_a_wrong_call_is_one_sentence(call: Caller, tmp_path: Path, arguments: list[str], says: str) -> None:
    jsonl(tmp_path / "news.jsonl", history(days=1))
    EmbeddedLogs(tmp_path / "live.db", now).ensure([SCORES])
    done = call("replay", *arguments)
    assert done.code == 2
    assert says in done.err.replace("\n", " ")


def test_every_option_is_explained() -> None:
    assert all(option.help for option in replay.params if isinstance(option, click.Option))
