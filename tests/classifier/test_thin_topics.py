"""The thinly labelled topics on the shipped artifact, as it is served, with sentences that were written for testing only."""

import json
import re
import unicodedata
from pathlib import Path

import pytest

from classifier.scorer import Scorer
from classifier.training.thin import Figures, Sentence, judge, read_sentences

SENTENCES = Path(__file__).parent / "sentences"
BEHAVIOUR = Path(__file__).parent / "behaviour"
TRAINED_ON = Path(__file__).parents[2] / "classifier" / "training" / "written.jsonl"
SETS = sorted(path.stem for path in SENTENCES.glob("*.jsonl"))
FLOORS: dict[str, dict[str, float]] = json.loads((SENTENCES / "floors.json").read_text("utf-8"))

ONE_SENTENCE = 0.0125
"""Of eighty: what float arithmetic may shift over a threshold on another processor."""

GRAM = 5
MOST_IN_COMMON = 0.5


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return read_sentences(sorted(SENTENCES.glob("*.jsonl")))


@pytest.fixture(scope="module")
def figures(opened: Scorer, sentences: list[Sentence]) -> dict[str, Figures]:
    return {f"{lang} {topic}": found for (lang, topic), found in judge(opened, sentences).items()}


def test_seven_sets_of_at_least_150_sentences_half_of_them_hard_negatives(sentences: list[Sentence]) -> None:
    texts = [sentence.text for sentence in sentences]
    assert len(set(texts)) == len(texts)
    assert len(SETS) == 7
    for name in SETS:
        lang, topic = name.split("_", 1)
        holds = [sentence.holds for sentence in sentences if (sentence.lang, sentence.set) == (lang, topic)]
        assert len(holds) >= 150
        assert 0.45 <= sum(holds) / len(holds) <= 0.55


@pytest.mark.parametrize("name", [name.replace("_", " ", 1) for name in SETS])
def test_a_thin_topic_is_found_and_not_mistaken_as_well_as_ever(figures: dict[str, Figures], name: str) -> None:
    """Floors are what an artifact that was shipped has reached; a better one raises them."""
    found = figures[name]
    reached = {"recall": found.recall, "precision": found.precision, "auroc": found.auroc}
    assert {
        figure: (reached[figure], floor)
        for figure, floor in FLOORS[name].items()
        if reached[figure] < floor - ONE_SENTENCE
    } == {}, (found.missed, found.false_alarms)


def test_no_sentence_of_the_tests_was_trained_on() -> None:
    """Neither the text nor most of its phrases: runs of five words, or of five Chinese characters."""
    trained_on = [units(json.loads(line)["text"]) for line in TRAINED_ON.read_text("utf-8").splitlines()]
    places: dict[tuple[str, ...], set[int]] = {}
    for place, words in enumerate(trained_on):
        for gram in grams(words):
            places.setdefault(gram, set()).add(place)
    whole = {tuple(words) for words in trained_on}
    copied = []
    for text in asked():
        words = units(text)
        own = grams(words)
        shared = [len(own & grams(trained_on[place])) for gram in own for place in places.get(gram, ())]
        if tuple(words) in whole or max(shared, default=0) > MOST_IN_COMMON * len(own):
            copied.append(text)
    assert copied == []


def asked() -> list[str]:
    """All texts of the tests in this folder."""
    rows = [
        json.loads(line)
        for folder in (SENTENCES, BEHAVIOUR)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return [row[key] for row in rows for key in ("text", "worse", "better") if key in row]


def units(text: str) -> list[str]:
    """Words and Chinese characters, without case and punctuation; a placeholder is none."""
    plain = unicodedata.normalize("NFKC", text.replace("{name}", " ")).lower()
    return re.findall(r"[\u4e00-\u9fff]|[a-z0-9]+", plain)


def grams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1)}
