"""What stands in files becomes rows as it was meant, or a sentence with its place."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from classifier.training.data import Example, LabelWeights, read_examples
from classifier.training.labels import TOPICS
from classifier.training.rows import DataError, json_rows
from ingest.lines import LONGEST


def table(folder: Path, text: str) -> Path:
    (folder / "rows.csv").write_text(text, "utf-8")
    return folder / "rows.csv"


def examples(path: Path) -> list[Example]:
    return read_examples([path], TOPICS, LabelWeights())


def mistakes(*files: Path) -> list[str]:
    with pytest.raises(DataError) as told:
        read_examples(files, TOPICS, LabelWeights())
    return list(told.value.mistakes)


def holding(example: Example) -> list[str]:
    return [topic for topic, holds in zip(TOPICS, example.topics, strict=True) if holds]


def test_a_blank_cell_of_topics_is_not_labelled_and_other_is_none(tmp_path: Path) -> None:
    path = table(tmp_path, "text,sentiment,topics\na,negative,\nb,negative,  \nc,,other\n")
    blank, blanks, none = examples(path)
    assert not any(blank.topic_weights + blanks.topic_weights)
    assert set(none.topic_weights) == {1.0}
    assert holding(none) == ["other"]


def test_a_blank_cell_of_known_topics_is_all_of_them(tmp_path: Path) -> None:
    path = table(tmp_path, "text,topics,topics_known\na,fx,\nb,other,fx crypto\n")
    every, two = examples(path)
    assert set(every.topic_weights) == {1.0}
    assert [topic for topic, weight in zip(TOPICS, two.topic_weights, strict=True) if weight == 1] == ["fx", "crypto"]
    assert not two.topic_weights[TOPICS.index("other")]


def test_a_row_is_told_at_the_line_where_it_begins_though_cells_hold_lines(tmp_path: Path) -> None:
    path = table(tmp_path, 'text,sentiment\n"a\nb",negative\n\nc,angry\n')
    assert mistakes(path) == ["rows.csv line 5: sentiment is 'angry', not one of negative, neutral, positive"]


def test_more_cells_than_columns_are_told(tmp_path: Path) -> None:
    path = table(tmp_path, "text,sentiment\nBank fails, queues grow,negative\nb,angry\n")
    first, second = mistakes(path)
    assert first.startswith("rows.csv line 2: has 3 cells, but 2 columns are named")
    assert "'angry'" in second


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('a,negative\n"b,negative\nc,negative\n', 3),  # never closed
        ('"a,negative\nb,negative\n"c",negative\n', 2),  # closed by the next: the rows between would be swallowed
        (f"a,negative\n{'b' * (LONGEST + 1)},negative\n", 3),
    ],
)
def test_what_is_not_csv_is_told_with_the_mistakes_of_other_files(tmp_path: Path, rows: str, line: int) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "x", "sentiment": "angry"}\n')
    first, second = mistakes(table(tmp_path, f"text,sentiment\n{rows}"), other)
    assert first.startswith(f"rows.csv line {line}: not CSV (")
    assert "'angry'" in second


@pytest.mark.parametrize("key", ["text", "title", "id", "source", "licences"])
def test_half_a_character_is_told(tmp_path: Path, key: str) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"text": "x", "sentiment": "negative", key: "falls \ud83d"}
    whole = {"text": "falls \U0001f4c9", "sentiment": "negative"}
    path.write_text(json.dumps(whole) + "\n" + json.dumps(row) + "\n")
    assert mistakes(path) == ["rows.jsonl line 2: holds half of a surrogate pair, which is no character"]
    assert json_rows([path]) == [whole]


def test_texts_need_no_columns_of_labels(tmp_path: Path) -> None:
    assert json_rows([table(tmp_path, "text\nBank halts\n")]) == [{"text": "Bank halts"}]


@pytest.mark.parametrize(
    ("name", "content", "mistake"),
    [
        ("t.csv", b"headline\nBank halts\n", "no column text or title"),
        ("t.jsonl.gz", b"no gzip", "cannot be read"),
        ("t.jsonl", '{"text": "银行挤兑"}'.encode("gb18030"), "cannot be read as UTF-8"),
        ("t.jsonl", b'{"headline": "Bank halts"}', "no text"),
        ("t.jsonl", b'{"text": ["Bank halts"]}', "no text"),
    ],
)
def test_a_file_of_texts_that_has_none_is_told(tmp_path: Path, name: str, content: bytes, mistake: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=mistake):
        json_rows([tmp_path / name])


def test_lines_of_texts_that_are_left_out_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a"}\n{\n{"text": "<p></p>"}\n{"text": "b"}\n')
    assert [row["text"] for row in json_rows([path])] == ["a", "b"]
    assert capsys.readouterr().err.startswith("texts.jsonl: 2 lines are left out. The first: texts.jsonl line 2: not J")


def test_json_that_no_one_can_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "x", "fold": ' + "1" * 5000 + "}\n" + "[" * 200_000 + "\n")
    assert [mistake.partition(" (")[0] for mistake in mistakes(path)] == [
        "rows.jsonl line 1: not JSON that can be read",
        "rows.jsonl line 2: not JSON that can be read",
    ]


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b'{"text": "x", "sentiment": "negative"}\n' * 50))
    packed[10:14] = b"\xff\xff\xff\xff"
    (tmp_path / "rows.jsonl.gz").write_bytes(packed)
    (told,) = mistakes(tmp_path / "rows.jsonl.gz")
    assert told.startswith("rows.jsonl.gz: cannot be read")


@pytest.mark.parametrize(
    ("given", "licence"),
    [("MIT", "MIT"), (["CC BY 4.0", "MIT"], "CC BY 4.0"), ([], "not stated"), (None, "not stated"), ("", "not stated")],
)
def test_a_licence_may_be_a_text_or_a_list(tmp_path: Path, given: Any, licence: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "x", "sentiment": "negative", "licences": given, "sources": given}))
    (example,) = examples(path)
    assert example.licence == licence
    assert example.source == ("own" if licence == "not stated" else licence)


@pytest.mark.parametrize("key", ["licences", "sources"])
@pytest.mark.parametrize("given", [5, {"MIT": True}, ["MIT", 5], True])
def test_a_licence_of_another_kind_is_told(tmp_path: Path, key: str, given: Any) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "x", "sentiment": "negative", key: given}))
    assert mistakes(path) == [f"rows.jsonl line 1: {key} is {given!r}, not a text or a list of texts"]


def test_a_row_without_an_id_has_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"text {n}", "sentiment": "negative", "id": given} for n, given in enumerate([None, "", " ", 0])]
    path.write_text("\n".join(map(json.dumps, rows)))
    ids = [example.id for example in examples(path)]
    assert len(set(ids)) == 4
    assert ids[3] == "0"
