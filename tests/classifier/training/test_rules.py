import json
from pathlib import Path

import pytest

from classifier.training import rules
from classifier.training.data import LabelWeights, read_examples
from classifier.training.labels import TOPICS


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("Dollar slips as traders wait", ["fx"]),
        ("Virtual currency sales jump", []),
        ("Agency lowers the builder's rating", ["credit_default"]),
        ("Airline files for bankruptcy as the lira sinks", ["fx", "credit_default"]),
        ("A coffee costs one dollar", []),
    ],
)
def test_a_rule_fires_where_it_should_and_not_where_it_should_not(text: str, topics: list[str]) -> None:
    assert rules.topics_by_rule(text) == topics


def test_a_source_of_one_topic_becomes_weak_rows_that_training_reads(tmp_path: Path) -> None:
    source, out = tmp_path / "texts.jsonl", tmp_path / "weak.jsonl"
    lines = [{"text": "Ether gains", "time": "2021-11-02"}, {"text": "Ether falls", "time": "2022-06-02"}]
    source.write_text("\n".join(json.dumps(line) for line in lines))
    rules.main(["--texts", str(source), "--all-are", "crypto", "--before", "2022-05-01", "--out", str(out)])
    (example,) = read_examples([out], TOPICS, LabelWeights(), weak=True)
    assert example.text == "Ether gains"
    assert example.is_weak
    assert example.topics[TOPICS.index("crypto")] == 1


def test_a_weak_row_is_in_the_fold_of_the_row_that_it_was_made_of(tmp_path: Path) -> None:
    row = {"title": "Ether\ngains", "body": "<p>Much</p>"}
    labelled, weak = tmp_path / "labelled.jsonl", tmp_path / "weak.jsonl"
    labelled.write_text(json.dumps(row | {"topics": ["crypto"]}))
    weak.write_text(json.dumps(rules.weak_row(row, ["crypto"])))
    (of_person,), (of_rule,) = (read_examples([file], TOPICS, LabelWeights()) for file in (labelled, weak))
    assert (of_rule.fold, of_rule.text) == (of_person.fold, of_person.text)
