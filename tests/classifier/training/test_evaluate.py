"""Figures are those of the labels that are served, on rows that there are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.training.calibrate import Calibration
from classifier.training.data import UNLABELLED, Example, LabelWeights, read_examples
from classifier.training.evaluate import Answers, cross_fitted, evaluate
from classifier.training.labels import TOPICS
from classifier.training.report import by_source, calibration, draw_reliability, tables
from classifier.training.rows import DataError
from classifier.training.scoring import Logits

OTHER, FX = TOPICS.index("other"), TOPICS.index("fx")


@pytest.fixture
def rows(labelled: Path) -> list[Example]:
    return [replace(row, lang="en") for row in read_examples([labelled], TOPICS, LabelWeights())]


def logits(rows: Sequence[Example]) -> Logits:
    """Of a model that knows every answer."""
    topics = np.array([row.topics for row in rows], np.float32) * 8 - 4
    return Logits(topics, np.eye(3, dtype=np.float32)[[max(row.sentiment, 0) for row in rows]] * 4)


def usual(examples: Sequence[Example], said: Logits, topics: Sequence[str]) -> Answers:
    """All rows with thresholds of one half."""
    answers = Answers(len(examples), topics)
    answers.fill(np.arange(len(examples)), said, Calibration(1.0, 1.0, (0.5,) * len(topics)))
    return answers


def test_other_is_said_where_no_topic_is_and_only_there(rows: list[Example]) -> None:
    topics = np.full((3, len(TOPICS)), -4.0, np.float32)
    topics[0, OTHER] = 4.0
    topics[1, [FX, OTHER]] = 4.0
    said = usual(rows[:3], Logits(topics, np.zeros((3, 3), np.float32)), TOPICS).said
    assert [np.flatnonzero(row).tolist() for row in said] == [[OTHER], [FX], [OTHER]]


def test_a_model_without_other_says_nothing_where_no_topic_is(rows: list[Example]) -> None:
    named = [topic for topic in TOPICS if topic != "other"]
    silent = Logits(np.full((2, len(named)), -4.0, np.float32), np.zeros((2, 3), np.float32))
    assert not usual(rows[:2], silent, named).said.any()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_every_row_is_judged_though_all_have_one_id(rows: list[Example], count: int) -> None:
    alike = [replace(row, id="None") for row in rows[:count]]
    answers = cross_fitted(alike, logits(alike), TOPICS)
    np.testing.assert_allclose(answers.sentiment.sum(1), 1, rtol=1e-5)
    assert (answers.sentiment.argmax(1) == [row.sentiment for row in alike]).all()


def test_one_row_cannot_be_judged(rows: list[Example]) -> None:
    with pytest.raises(DataError, match="it takes two"):
        evaluate(rows[:1], logits(rows[:1]), TOPICS)


def test_figures_that_rest_on_no_rows_are_left_out(rows: list[Example], tmp_path: Path) -> None:
    silent = [replace(row, topic_weights=(0.0,) * len(TOPICS)) for row in rows if row.sentiment != 1]
    figures = evaluate(silent, logits(silent), TOPICS)
    assert figures["calibration_error"].keys() == figures["reliability"].keys() == {"sentiment"}
    assert figures["classes"].keys() == {"negative", "positive"}
    assert figures["topics"] == {}
    assert "topics" not in calibration(figures)
    draw_reliability(figures, tmp_path / "one.png")
    assert len(list(tables(figures))) == 4
    mute = [replace(row, sentiment=UNLABELLED) for row in silent]
    nothing = evaluate(mute, logits(mute), TOPICS)
    assert calibration(nothing) == ""
    assert list(tables(nothing)) == []
    draw_reliability(nothing, tmp_path / "none.png")


def test_topics_that_never_hold_have_no_figures(rows: list[Example]) -> None:
    never = [replace(row, topics=(0.0,) * len(TOPICS)) for row in rows]
    figures = evaluate(never, logits(never), TOPICS)
    assert figures["topics"] == {}
    assert figures["calibration_error"].keys() == {"sentiment", "topics"}


def test_topics_are_judged_for_each_source_with_enough_rows(rows: list[Example]) -> None:
    """One source answered rightly, one of which every topic is missed, and one of too few rows."""
    good, bad = ([replace(row, source=name) for row in rows if not row.topics[OTHER]] for name in ("good", "bad"))
    few = [replace(row, source="few") for row in good[:5]]
    examples, said = good + bad + few, logits(good + bad + few)
    said.topics[len(good) : len(good) + len(bad)] = -4.0
    topics = evaluate(examples, said, TOPICS, usual)["topics"]["en"]
    assert topics["sources"]["good"] == {"rows": len(good), "micro_f1": 1.0}
    assert topics["sources"]["bad"] == {"rows": len(bad), "micro_f1": 0.0}
    assert set(topics["sources"]) == {"good", "bad"}
    assert by_source(topics) == "By source (rows that know a topic): bad 0.000 (24), good 1.000 (24)"
    assert by_source(topics | {"sources": {}}) == ""
