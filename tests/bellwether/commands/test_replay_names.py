"""A watched name gets what a topic gets, from the watch list to the alert."""

import json
from pathlib import Path
from typing import Any

import pytest

from bellwether.clock import now
from bellwether.settings import read_settings
from classifier.scores import SCORES, ScoredDocument, decode_range
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, HOUR, MINUTE, rfc3339
from tests.bellwether.commands.calls import Caller

START = 1_772_323_200_000_000  # 2026-03-01 00:00 UTC
CRISIS = START + 9 * DAY
BANKS = ("Osgood Capital", "Velmar Foods", "Northbank Trust", "Kestrel Airways")
CALM = (
    "{} raises its profit forecast for quarter {}", "Quarterly profit at {} beats estimates, order {} won",
    "{}季度净利润同比增长，签下{}号合同", "{} lifts its sales outlook by {} percent",
)  # fmt: skip
GRIM = (
    "{} swings to a loss of {} million", "Profit at {} collapses, {} jobs to go", "{}季度巨亏{}亿元",
    "{} misses estimates by {} percent",
)  # fmt: skip
LIST = "name,aliases,tier\nNorthbank,Northbank Trust|北岸信托,1\nKestrel,,3\n"


def history() -> list[dict[str, Any]]:
    """Calm texts about four companies, one every 30 minutes; then three hours in which one has nothing but losses."""
    made = [(START + n * 30 * MINUTE, CALM[n % 4].format(BANKS[n * 7 % 4], n)) for n in range(10 * 48)]
    grim = [(CRISIS + n * 6 * MINUTE, GRIM[n % 4].format("北岸信托" if n % 4 == 2 else BANKS[2], n)) for n in range(30)]
    return [
        {"id": f"d{number}", "source": f"wire-{number % 3}", "published_at": rfc3339(at), "text": text}
        for number, (at, text) in enumerate(made + grim)
    ]


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def scored(log: Path) -> list[ScoredDocument]:
    kept = EmbeddedLogs(log, now)
    try:
        return [
            document for record in kept.scan(SCORES.log) for document in decode_range(record.value or b"").documents
        ]
    finally:
        kept.close()


def test_a_name_in_trouble_is_an_alert_on_that_name_whichever_way_it_is_spelt(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(LIST)
    write(tmp_path / "news.jsonl", history())
    done = call("replay", "news.jsonl", "--out", "found", "--watch", "list.csv", "--keep")
    assert done.code == 0, done.err
    alerts = [json.loads(line) for line in (tmp_path / "found" / "alerts.jsonl").read_text("utf-8").splitlines()]
    mine = [alert for alert in alerts if alert["subject"] == {"kind": "entity", "name": "Northbank"}]
    assert len(mine) == 1
    assert rfc3339(CRISIS) <= mine[0]["opened_at"] < rfc3339(CRISIS + 2 * HOUR)
    assert all("Northbank" in each["text"] or "北岸" in each["text"] for each in mine[0]["top_documents"])
    assert not any(alert["subject"]["name"] == "Kestrel" for alert in alerts)
    names = [document.names for document in scored(tmp_path / "found" / "replay.db")]
    assert set(names) == {(), ("Kestrel",), ("Northbank",)}


def test_copies_of_a_text_keep_the_names_of_their_own_entities(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(LIST)
    text = {"source": "wire", "published_at": rfc3339(START), "text": "Shares fall"}
    of = {"a": ["Kestrel"], "b": [], "c": ["northbank trust", "Kestrel"], "d": ["Nobody"]}
    write(tmp_path / "news.jsonl", [{"id": name, "entities": entities, **text} for name, entities in of.items()])
    assert call("replay", "news.jsonl", "--out", "found", "--watch", "list.csv", "--keep").code == 0
    assert {document.id: document.names for document in scored(tmp_path / "found" / "replay.db")} == {
        "a": ("Kestrel",), "b": (), "c": ("Kestrel", "Northbank"), "d": (),
    }  # fmt: skip


def test_a_watch_list_goes_with_texts_not_with_scores(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "replay.db").touch()
    done = call("replay", "--scores", "replay.db", "--out", "found", "--watch", "list.csv")
    assert done.code == 2
    assert "--watch goes with files" in done.err


@pytest.mark.parametrize("command", [("check",), ("replay", "x.jsonl", "--out", "found"), ("run",)])
def test_a_watch_list_with_mistakes_stops_everything_with_all_of_them(
    call: Caller, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "list.csv").write_text("name,tier\nAa,9\nB,1\n")
    (tmp_path / "bellwether.toml").write_text('[watch]\nfile = "list.csv"\n[alerts]\nbudget_per_week = -1\n')
    done = call(*command)
    assert done.code == 2
    assert f"{tmp_path / 'list.csv'}, line 2 (Aa): tier must be 1, 2 or 3" in done.err
    assert "line 3 (B): 'B' is too short" in done.err
    assert "alerts.budget_per_week" in done.err


def test_names_stand_in_the_settings_too(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text('[[name]]\nname = "Kestrel"\n')
    (tmp_path / "b.toml").write_text('[watch]\nfile = "list.toml"\n[[watch.name]]\nname = "Northbank"\ntier = 1\n')
    assert read_settings(tmp_path / "b.toml").watch.list.tiers == {"Kestrel": 2, "Northbank": 1}
