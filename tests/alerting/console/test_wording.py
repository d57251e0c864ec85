"""Both languages say the same things, and pages ask for nothing else."""

import re
from pathlib import Path
from string import Formatter
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

import alerting.console
from alerting.cases import Handling, Verdict
from alerting.console.saying import Unfit
from alerting.console.wording import Wording, catalogue, chosen
from classifier.artifact import SHIPPED, read_artifact

HERE = Path(alerting.console.__file__ or "").parent
EN = Wording("en", ZoneInfo("UTC"))
ZH = Wording("zh", ZoneInfo("Asia/Shanghai"))
SOURCES = "".join(path.read_text() for path in [*HERE.glob("*.py"), *HERE.glob("templates/*.html")])


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_say_the_same_things_with_the_same_blanks() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert english.keys() == chinese.keys()
    assert {key for key in english if fields(english[key]) != fields(chinese[key])} == set()


def test_every_sentence_that_is_asked_for_by_its_key_exists() -> None:
    asked = set(re.findall(r"""say\(["']([a-z_]+\.[a-z_]*[a-z])["'][,)]""", SOURCES))
    assert len(asked) > 80
    assert asked - catalogue("en").keys() == set()


def test_every_act_and_every_complaint_has_its_words() -> None:
    for act in get_args(Verdict):
        assert {f"verdict.{act}", f"verdict.{act}_was", f"entry.{act}"} <= catalogue("en").keys()
    for act in get_args(Handling):
        assert {f"case.{act}", f"entry.{act}"} <= catalogue("en").keys()
    whys = set(re.findall(r'Unfit\("(\w+)"\)', SOURCES))
    assert Unfit("act").why in whys
    assert {f"wrong.{why}" for why in whys} <= catalogue("en").keys()


def test_every_topic_of_the_shipped_model_has_a_name_in_both_languages() -> None:
    for topic in read_artifact(SHIPPED).manifest.topics:
        assert f"topic.{topic}" in catalogue("zh")


@pytest.mark.parametrize(
    ("days", "english", "chinese"),
    [
        (0.2, "once in 5 hours", "每 5 小时一次"),
        (1, "once a day", "每天一次"),
        (19.25, "once in 19 days", "19 天一遇"),
        (100, "once in 3 months", "3 个月一遇"),
        (800, "once in 2.2 years", "2.2 年一遇"),
        (1000, "once in 2.7 years or more rarely", "2.7 年一遇或更罕见"),
    ],
)
def test_return_periods_are_words(days: float, english: str, chinese: str) -> None:
    assert (EN.period(days), ZH.period(days)) == (english, chinese)


def test_one_is_told_otherwise_than_many() -> None:
    assert (EN.count("source", 1), EN.count("source", 1204)) == ("1 source", "1,204 sources")
    assert ZH.count("source", 12) == "12 个来源"
    things = {key.partition(".")[2] for key in catalogue("en") if key.startswith("count.")}
    assert {f"{thing}_one" for thing in things if not thing.endswith("_one")} <= things


def test_languages_are_told_by_name_the_most_frequent_first() -> None:
    assert EN.languages({"zh": 3, "en": 42, "fr": 1}) == "42 English, 3 Chinese, 1 fr"
    assert ZH.languages({"zh": 3}) == "3 中文"


@pytest.mark.parametrize(("seconds", "told"), [(0.016, "16 ms"), (4.24, "4.2 s"), (720, "12 min"), (10_800, "3 h")])
def test_durations_are_told_in_their_own_unit(seconds: float, told: str) -> None:
    assert EN.duration(seconds) == told


def test_times_are_told_in_the_zone() -> None:
    assert (EN.time(1_772_357_400_000_000), ZH.time(1_772_357_400_000_000)) == ("2026-03-01 09:30", "2026-03-01 17:30")


def test_what_stands_in_a_foreign_name_is_no_blank_to_fill() -> None:
    assert EN.say("alert.title", subject="{0.__class__} {x}") == "Alert on {0.__class__} {x}"


def test_the_language_is_the_chosen_one_else_the_browsers() -> None:
    assert chosen("zh", "en") == "zh"
    assert chosen("", "fr-FR, zh-CN;q=0.8, en;q=0.5") == "zh"
    assert chosen("xx", "fr") == "en"
