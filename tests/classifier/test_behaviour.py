"""What the shipped artifact can do, capability by capability, in the manner of CheckList: the gate for the next one."""

import json
from pathlib import Path

import pytest

from classifier.scorer import Scorer
from classifier.training.behaviour import CHANGES, Rate, judge

BEHAVIOUR = Path(__file__).parent / "behaviour"
FLOORS: dict[str, float] = json.loads((BEHAVIOUR / "floors.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def rates(opened: Scorer) -> dict[str, Rate]:
    return judge(opened, BEHAVIOUR)


@pytest.mark.parametrize("capability", FLOORS)
def test_a_capability_holds_as_often_as_when_the_artifact_was_shipped(rates: dict[str, Rate], capability: str) -> None:
    """Floors are the rates that the shipped artifact was measured to reach, less one case for another processor's floats."""
    rate = rates[capability]
    assert rate.passed + 1 >= FLOORS[capability] * rate.asked, rate.failures


def test_every_capability_has_a_floor_in_both_languages(rates: dict[str, Rate]) -> None:
    assert set(rates) == set(FLOORS)
    assert {key.rsplit(", ", 1)[0] for key in FLOORS if key.endswith("zh")} >= {
        key.rsplit(", ", 1)[0] for key in FLOORS if key.endswith("en")
    } - {"invariance, upper case", "invariance, lower case", "invariance, typing mistake"}


def test_each_capability_is_asked_often_enough_to_mean_something(rates: dict[str, Rate]) -> None:
    assert {key: rate.asked for key, rate in rates.items() if rate.asked < 6} == {}
    assert sum(rate.asked for rate in rates.values()) > 900


def test_changes_alter_the_text_and_keep_its_words() -> None:
    text = "Halvorsen Group files for bankruptcy protection"
    for name, change in CHANGES.items():
        assert change(text, "en") != text, name
    assert CHANGES["typing mistake"](text, "en") == "Halvorsen Group files for bankurptcy protection"
    assert CHANGES["full width"]("6月12日", "zh") == "６月１２日"
