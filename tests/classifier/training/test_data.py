import hashlib
import json
from pathlib import Path

import pytest

from classifier.training.data import UNLABELLED, Example, LabelWeights, every_example, read_examples, split
from classifier.training.labels import TOPICS
from classifier.training.rows import DataError
from ingest.decode import Decoder


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def one(tmp_path: Path, row: dict[str, object], *, weak: bool = False) -> Example:
    return read_examples([write(tmp_path / "rows.jsonl", row)], TOPICS, LabelWeights(), weak=weak)[0]


def weight(example: Example, topic: str) -> float:
    return example.topic_weights[TOPICS.index(topic)]


def target(example: Example, topic: str) -> float:
    return example.topics[TOPICS.index(topic)]


def test_all_mistakes_of_all_files_are_told_together(tmp_path: Path) -> None:
    first = write(tmp_path / "first.jsonl", {"text": "a", "sentiment": "angry"}, "{", {"text": " ", "topics": []})
    second = write(tmp_path / "second.jsonl", {"text": "b", "topics": ["fx", "sport"]}, {"text": "c"})
    with pytest.raises(DataError) as told:
        read_examples([first, second], TOPICS, LabelWeights())
    message = str(told.value)
    assert len(told.value.mistakes) == 5
    assert "first.jsonl line 1: sentiment is 'angry'" in message
    assert "first.jsonl line 2: not JSON" in message
    assert "first.jsonl line 3: no text" in message
    assert "second.jsonl line 1: topics has unknown names: sport" in message
    assert "second.jsonl line 2: neither sentiment nor topics" in message


def test_mistakes_in_labelled_ruled_and_unlabelled_rows_are_told_together(tmp_path: Path) -> None:
    labelled = write(tmp_path / "labelled.jsonl", {"text": "a", "sentiment": "angry"})
    ruled = write(tmp_path / "ruled.jsonl", {"text": "b", "topics": ["sport"]})
    texts = write(tmp_path / "texts.jsonl", "{")
    with pytest.raises(DataError) as told:
        every_example([labelled], [ruled], [texts])
    places = [mistake.partition(":")[0] for mistake in told.value.mistakes]
    assert places == ["labelled.jsonl line 1", "ruled.jsonl line 1", "texts.jsonl line 1"]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "<p>Bank &amp; Trust <b>halts</b>&nbsp;withdrawals</p>"},
        {"title": "Bank\nhalts", "body": "<p>Queues</p><p>grow</p>"},
        {"text": "<p></p>", "title": "Bank halts", "body": "Queues grow"},
        {"text": " ", "title": "Bank halts"},
        {"title": "<b></b>", "body": "Queues grow"},
        {"text": "Bank halts", "title": "Not read"},
        {"text": None, "title": "Bank halts", "body": ""},
    ],
)
def test_what_is_learnt_is_what_is_served(tmp_path: Path, row: dict[str, object]) -> None:
    served = {"id": "1", "source": "desk", "published_at": "2025-01-02T03:04:05Z"} | row
    _, document = Decoder(bound_us=0, replay=True).decode_fields(served, 0)
    assert one(tmp_path, row | {"sentiment": "negative"}).text == document.text


@pytest.mark.parametrize("text", ["<script>x</script>", "<p></p>", "&nbsp;", "\u200b"])
def test_a_text_of_which_nothing_is_left_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="no text"):
        one(tmp_path, {"text": text, "sentiment": "negative"})


def test_cleaning_moves_no_row_into_another_fold(tmp_path: Path) -> None:
    texts = [f"<p>Bank {number}</p>" for number in range(20)]
    folds = [one(tmp_path, {"text": text, "sentiment": "negative"}).fold for text in texts]
    assert folds == [int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 10 for text in texts]


def test_what_is_of_another_kind_is_told_with_the_rest(tmp_path: Path) -> None:
    row = {"text": ["a", "b"], "title": 5, "lang": ["en"], "sentiment": "angry"}
    with pytest.raises(DataError) as told:
        one(tmp_path, row)
    assert [mistake.partition(": ")[2] for mistake in told.value.mistakes] == [
        "text is a list, not a text",
        "title is a whole number, not a text",
        "lang is a list, not a text",
        "sentiment is 'angry', not one of negative, neutral, positive",
    ]


@pytest.mark.parametrize(
    ("text", "declared", "lang"),
    [("银行挤兑", None, "zh"), ("Bank halts", None, "en"), ("银行挤兑", "zh-CN", "zh"), ("Banque", "fr", "und")],
)
def test_a_language_is_told_as_of_documents(tmp_path: Path, text: str, declared: str | None, lang: str) -> None:
    assert one(tmp_path, {"text": text, "lang": declared, "sentiment": "negative"}).lang == lang


@pytest.mark.parametrize(("given", "fold"), [(3, 3), (3.0, 3), ("3", 3), ("3.0", 3)])
def test_a_fold_is_a_whole_number_however_it_is_written(tmp_path: Path, given: object, fold: int) -> None:
    assert one(tmp_path, {"text": "a", "sentiment": "negative", "fold": given}).fold == fold


def test_a_fold_that_is_null_is_absent(tmp_path: Path) -> None:
    row = {"text": "a", "sentiment": "negative"}
    assert one(tmp_path, row | {"fold": None}) == one(tmp_path, row)
    with pytest.raises(DataError, match=r"fold is 3\.5, not 0 to 9"):
        one(tmp_path, row | {"fold": 3.5})


def test_topics_that_the_corpus_cannot_answer_are_masked(tmp_path: Path) -> None:
    row = one(
        tmp_path,
        {"text": "The firm pays a dividend", "topics": ["capital_actions"], "topics_known": ["capital_actions"]},
    )
    assert (target(row, "capital_actions"), weight(row, "capital_actions")) == (1.0, 1.0)
    assert weight(row, "earnings_guidance") == 0


def test_a_row_with_topics_known_null_teaches_no_topic(tmp_path: Path) -> None:
    row = one(tmp_path, {"text": "Up we go", "sentiment": "positive", "topics": None, "topics_known": None})
    assert not any(row.topic_weights)
    assert row.sentiment_weight == 1


def test_a_row_without_topics_known_answers_every_topic(tmp_path: Path) -> None:
    row = one(tmp_path, {"text": "Queues at the bank", "topics": ["liquidity_run"]})
    assert set(row.topic_weights) == {1.0}
    assert sum(row.topics) == 1


def test_a_rare_topic_is_assumed_absent_only_where_nothing_hints_at_it(tmp_path: Path) -> None:
    known = {"topics": ["operations"], "topics_known": ["operations"]}
    plain = one(tmp_path, {"text": "The plant makes brakes", **known})
    hinting = one(tmp_path, {"text": "The plant pays its staff in bitcoin", **known})
    assert 0 < weight(plain, "crypto") < 1
    assert target(plain, "crypto") == 0
    assert weight(hinting, "crypto") == 0


def test_other_is_taught_where_a_broad_corpus_found_no_topic(tmp_path: Path) -> None:
    broad = [topic for topic in TOPICS if topic != "other"]
    nothing = one(tmp_path, {"text": "A fine day", "topics": [], "topics_known": broad})
    something = one(
        tmp_path, {"text": "Gold rises", "topics": ["commodities_energy"], "topics_known": ["commodities_energy"]}
    )
    narrow = one(tmp_path, {"text": "A fine day", "topics": [], "topics_known": ["fx"]})
    assert target(nothing, "other") == 1
    assert weight(nothing, "other") > 0
    assert target(something, "other") == 0
    assert weight(something, "other") > 0
    assert weight(narrow, "other") == 0


def test_where_every_topic_can_be_answered_and_none_holds_other_does(tmp_path: Path) -> None:
    for known in ({}, {"topics_known": list(TOPICS)}):
        row = one(tmp_path, {"text": "A fine day", "topics": [], **known})
        assert (target(row, "other"), weight(row, "other")) == (1.0, 1.0)
        row = one(tmp_path, {"text": "The yen falls", "topics": ["fx"], **known})
        assert (target(row, "other"), weight(row, "other")) == (0.0, 1.0)
    assert not any(one(tmp_path, {"text": "A fine day", "sentiment": "neutral"}).topics)


def test_other_of_a_corpus_that_cannot_answer_it_is_none_of_its_topics(tmp_path: Path) -> None:
    named = one(tmp_path, {"text": "A fine day", "topics": ["other"], "topics_known": ["fx"]})
    empty = one(tmp_path, {"text": "A fine day", "topics": [], "topics_known": ["fx"]})
    assert named == empty
    assert weight(named, "other") == 0


def test_a_rule_made_topic_counts_less_and_what_it_omits_is_unknown(tmp_path: Path) -> None:
    row = one(tmp_path, {"text": "Bitcoin falls", "topics": ["crypto"]}, weak=True)
    assert row.is_weak
    assert 0 < weight(row, "crypto") < 1
    assert weight(row, "market_moves") == 0


def test_a_two_way_corpus_is_marked_as_such(tmp_path: Path) -> None:
    row = one(tmp_path, {"text": "Going down", "sentiment": "negative", "sentiment_classes": 2})
    assert row.is_two_way


def test_a_two_way_corpus_says_neutral_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sentiment is neutral, but sentiment_classes is 2"):
        one(tmp_path, {"text": "Unchanged", "sentiment": "neutral", "sentiment_classes": 2})


def test_a_csv_file_reads_like_its_json_form(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "title,body,sentiment,topics\nBank in trouble,Queues grow,negative,liquidity_run fx\nHello,,,other\n"
    )
    first, second = read_examples([path], TOPICS, LabelWeights())
    assert first.text == "Bank in trouble\nQueues grow"
    assert first.sentiment == 0
    assert [t for t, holds in zip(TOPICS, first.topics, strict=True) if holds] == ["liquidity_run", "fx"]
    assert second.sentiment == UNLABELLED


def corpus(tmp_path: Path, source: str, folds: range, count: int, *, weak: bool = False) -> list[Example]:
    lines = [
        {"text": f"{source} {i}", "topics": ["fx"], "source": source, "fold": folds[i % len(folds)]}
        for i in range(count)
    ]
    return read_examples([write(tmp_path / f"{source}.jsonl", *lines)], TOPICS, LabelWeights(), weak=weak)


def test_fold_0_is_held_out_and_nothing_is_in_both_parts(tmp_path: Path) -> None:
    examples = corpus(tmp_path, "wire", range(10), 40)
    learnt, held_out = split(examples)
    assert {e.fold for e in held_out} == {0}
    assert {e.fold for e in learnt} == set(range(1, 10))
    assert len(learnt) + len(held_out) == 40


def test_a_big_corpus_without_fold_0_holds_out_its_lowest_fold_whatever_the_others_have(tmp_path: Path) -> None:
    learnt, held_out = split(corpus(tmp_path, "forum", range(2, 10), 500) + corpus(tmp_path, "wire", range(10), 40))
    assert {(e.source, e.fold) for e in held_out} == {("forum", 2), ("wire", 0)}
    assert ("wire", 2) in {(e.source, e.fold) for e in learnt}


def test_a_small_corpus_without_fold_0_is_all_learnt(tmp_path: Path) -> None:
    learnt, held_out = split(corpus(tmp_path, "forum", range(2, 10), 499))
    assert (len(learnt), held_out) == (499, [])


def test_weak_rows_are_never_held_out_and_those_of_the_fold_are_not_learnt(tmp_path: Path) -> None:
    learnt, held_out = split(corpus(tmp_path, "wire", range(10), 40, weak=True))
    assert held_out == []
    assert {e.fold for e in learnt} == set(range(1, 10))
