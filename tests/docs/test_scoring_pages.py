"""The pages about scoring and replaying show what the commands write."""

import json
import re
from pathlib import Path
from typing import get_type_hints

import msgspec

from alerting.alerts import Alert, Evidence
from bellwether.commands.replay import replay
from bellwether.commands.score import score
from bellwether.scoring import ScoredLine

DOCS = Path(__file__).parents[2] / "docs"
SCORE = (DOCS / "score.md").read_text("utf-8")
REPLAY = (DOCS / "replay.md").read_text("utf-8")


def keys(page: str) -> list[str]:
    cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_the_example_of_a_score_is_one_and_its_keys_are_explained() -> None:
    block = re.search(r"```json\n(.*?)```", SCORE, re.DOTALL)
    assert block
    shown = json.loads(block[1])
    assert json.loads(msgspec.json.encode(msgspec.json.decode(block[1], type=ScoredLine))) == shown
    assert list(shown) == keys(SCORE) == list(ScoredLine.__struct_fields__)
    assert sum(shown["sentiment"].values()) == 1


def test_the_keys_of_an_alert_are_those_it_has() -> None:
    assert set(keys(REPLAY)) <= set(get_type_hints(Alert))
    told = re.search(r"most telling texts, each with (.*?) \|", REPLAY)
    assert told
    assert set(re.findall(r"`(\w+)`", told[1])) <= set(get_type_hints(Evidence))


def test_every_option_on_the_pages_is_one() -> None:
    known = {name for command in (score, replay) for option in command.params for name in option.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", SCORE + REPLAY)) <= known
