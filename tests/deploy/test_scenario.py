"""The demo's scenario is a fair test: the same for everyone, invented, mostly ordinary, and hard in the right places."""

import random
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from deploy.demo.scenario import END, LAUNCH, RUN, START, documents
from deploy.demo.wording import GADGET, SOURCES, VICTIM, Wording


@pytest.fixture(scope="module")
def told() -> list[dict[str, str]]:
    return documents()


def _between(told: list[dict[str, str]], start: datetime, end: datetime) -> list[dict[str, str]]:
    return [each for each in told if start <= datetime.fromisoformat(each["published_at"]) < end]


def _text(document: dict[str, str]) -> str:
    return document.get("text") or f"{document['title']}\n{document['body']}"


def _leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    else:
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(branch)


def test_the_same_seed_tells_the_same_story(told: list[dict[str, str]]) -> None:
    assert documents() == told
    assert documents(seed=1) != told


def test_documents_are_in_time_order_with_ids_of_their_own(told: list[dict[str, str]]) -> None:
    instants = [datetime.fromisoformat(each["published_at"]) for each in told]
    assert all(earlier <= later for earlier, later in pairwise(instants))
    assert instants[0] >= START
    assert instants[-1] < END
    assert len({each["id"] for each in told}) == len(told)


def test_three_weeks_pass_before_the_run_and_both_languages_speak_in_each_of_them(told: list[dict[str, str]]) -> None:
    assert (RUN[0] - START).days >= 21
    for language in ("en", "zh"):
        share = sum(each["lang"] == language for each in told) / len(told)
        assert 0.35 < share < 0.65


def test_there_is_little_enough_to_score_in_a_minute(told: list[dict[str, str]]) -> None:
    assert 4_000 < len({_text(each) for each in told}) < 8_000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_are_at_least_150_patterns_and_each_can_be_filled(language: str) -> None:
    words = Wording(language, random.Random(1))
    patterns = list(_leaves(words._patterns))
    assert len(patterns) >= 150
    assert len(set(patterns)) == len(patterns)
    for pattern in patterns:
        assert not re.search(r"[{}]", words.sentence(pattern))


def test_the_bank_is_an_ordinary_bank_until_the_run(told: list[dict[str, str]]) -> None:
    """The name alone gives nothing away: it is in the news all along."""
    named = [each for each in _between(told, START, RUN[0]) if any(name in _text(each) for name in VICTIM.values())]
    assert len(named) > 50


def test_the_run_is_told_by_many_voices_and_a_part_of_them_calms(told: list[dict[str, str]]) -> None:
    run = [each for each in _between(told, *RUN) if any(name in _text(each) for name in VICTIM.values())]
    assert {(each["lang"], each["kind"]) for each in run} == {(a, b) for a in ("en", "zh") for b in ("news", "comment")}
    assert len({_text(each) for each in run}) > len(run) / 3
    calm = sum(bool(re.search(r"stay calm|insured|sound|冷静|保障|稳健|保险", _text(each))) for each in run)
    assert 0.05 < calm / len(run) < 0.3


def test_the_launch_brings_several_times_the_usual_volume(told: list[dict[str, str]]) -> None:
    start, end = LAUNCH
    launch = _between(told, start, end)
    usual = _between(told, start.replace(day=start.day - 1), end.replace(day=end.day - 1))
    assert len(launch) > 2.5 * len(usual)
    assert sum(any(name in _text(each) for name in GADGET.values()) for each in launch) > len(launch) / 2


def test_wire_stories_are_copied_by_other_sources(told: list[dict[str, str]]) -> None:
    seen: dict[str, set[str]] = {}
    for each in told:
        seen.setdefault(_text(each), set()).add(each["source"])
    assert max(map(len, seen.values())) > 2
    assert {each["source"] for each in told} == {
        name for kinds in SOURCES.values() for s in kinds.values() for name in s
    }
