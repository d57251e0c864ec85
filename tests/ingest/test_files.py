import gzip
import io
import json
import sys
import tracemalloc
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ingest.deadletters import REASONS
from ingest.files import DocumentFile
from ingest.lines import LONGEST, BadLine, BrokenFile, Line


def lines(path: Path, form: str | None = None, encoding: str = "utf-8") -> list[Line | BadLine]:
    file = DocumentFile(str(path), form, encoding)
    try:
        return list(file.lines())
    finally:
        file.close()


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fields(found: list[Line | BadLine]) -> list[tuple[int, Any]]:
    return [(line.number, line.fields if isinstance(line, Line) else line.reason) for line in found]


def test_jsonl_is_read_line_by_line_with_blank_lines_passed_over(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", '\ufeff{"a": 1}\r\n\n  \n{"b": "银"}')
    assert fields(lines(file)) == [(1, {"a": 1}), (4, {"b": "银"})]


def test_a_torn_line_is_told_with_its_number_and_reading_goes_on(tmp_path: Path) -> None:
    content = b'{"a": 1}\n{"a": \n[1]\n\xff\xfe\n5\n' + b'{"a":' * 5000 + b'\n{"a": 2}\n'
    found = lines(written(tmp_path / "a.jsonl", content))
    assert fields(found) == [
        (1, {"a": 1}), (2, "not_json"), (3, "not_json"), (4, "not_utf8"), (5, "not_json"), (6, "not_json"), (7, {"a": 2}),
    ]  # fmt: skip
    bad = [line for line in found if isinstance(line, BadLine)]
    assert all(line.reason in REASONS and line.sentence for line in bad)
    assert bad[0].text == '{"a":'
    assert "jq -c '.[]'" in bad[1].sentence


def test_a_number_that_is_too_large_is_no_reason_to_call_a_line_other_than_json(tmp_path: Path) -> None:
    (found,) = lines(written(tmp_path / "a.jsonl", f'{{"id": {"1" * 5_000}}}'))
    assert isinstance(found, BadLine)
    assert (found.reason, found.sentence) == (
        "wrong_type", "the line holds a number that is too large: write it as a text",
    )  # fmt: skip


def test_half_an_emoji_is_no_reason_to_refuse_a_line(tmp_path: Path) -> None:
    found = lines(written(tmp_path / "a.jsonl", r'{"a": "Bank run in \ud83d"}'))
    assert fields(found) == [(1, {"a": "Bank run in \ufffd"})]


def test_a_line_of_any_length_does_not_fill_the_memory(tmp_path: Path) -> None:
    found = lines(written(tmp_path / "a.jsonl", b'{"a": "' + b"x" * (2 * LONGEST) + b'"}\n{"a": 2}\n'))
    assert fields(found) == [(1, "too_large"), (2, {"a": 2})]


@pytest.mark.parametrize(
    ("row", "bad"),
    [
        (b"x" * (3 * LONGEST), {3: "too_large"}),
        (b"," * (3 * LONGEST), {3: "too_large"}),
        (b'"two\n' + b"x" * (3 * LONGEST) + b'",3', {3: "wrong_type", 4: "too_large"}),
        (b'2,"' + (b"x" * (LONGEST // 100) + b'\n","') * 150 + b'"', dict.fromkeys(range(3, 154), "wrong_type")),
    ],
    ids=["a cell", "a row", "a line of a row", "a row of many lines"],
)
def test_a_row_of_any_length_is_refused_alone(tmp_path: Path, row: bytes, bad: dict[int, str]) -> None:
    found = lines(written(tmp_path / "a.csv.gz", gzip.compress(b"a,b\n1,x\n" + row + b"\n3,y\n", 1)))
    assert fields(found) == [(2, {"a": "1", "b": "x"}), *bad.items(), (max(bad) + 1, {"a": "3", "b": "y"})]


@pytest.mark.parametrize(
    "row",
    [b"x" * (20 * LONGEST), b'"' + (b"x" * 9_999 + b'\n","') * (LONGEST // 500)],
    ids=["a line", "many lines"],
)
def test_a_row_of_any_length_does_not_fill_the_memory(tmp_path: Path, row: bytes) -> None:
    path = written(tmp_path / "a.csv.gz", gzip.compress(b"a,b\n1,x\n" + row, 1))
    tracemalloc.start()
    with closing(DocumentFile(str(path))) as file:
        assert len(list(islice(file.lines(), 2))) == 2
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * LONGEST


def test_a_first_line_too_long_to_name_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match="the first line has to name the columns, and is too long"):
        lines(written(tmp_path / "a.csv", f"{'x' * (LONGEST + 1)}\n1,2\n"))


def test_blank_lines_before_the_columns_are_passed_over_and_a_table_of_them_alone_holds_nothing(tmp_path: Path) -> None:
    assert lines(written(tmp_path / "a.csv", "\n")) == []
    found = lines(written(tmp_path / "b.csv", "\r\n\n\nid,text\n\n1,x\n"))
    assert fields(found) == [(6, {"id": "1", "text": "x"})]


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.TSV", "\t"), ("a.csv.gz", ",")])
def test_tables_have_their_columns_named_in_the_first_line(tmp_path: Path, name: str, mark: str) -> None:
    table = '\ufeffid,text\r\n1,"two\nlines, ""quoted"""\r\n\r\n2,\r\n3,last'.replace(",", mark)
    content = gzip.compress(table.encode()) if name.endswith("gz") else table.encode()
    found = lines(written(tmp_path / name, content))
    quoted = f'two\nlines{mark} "quoted"'
    assert fields(found) == [(2, {"id": "1", "text": quoted}), (5, {"id": "2"}), (6, {"id": "3", "text": "last"})]


def test_a_row_with_other_cells_than_the_first_line_is_told(tmp_path: Path) -> None:
    found = lines(written(tmp_path / "a.csv", b'a,b\n1,2\n1\n1,2,3\n"x"y,2\n\xff,2\n3,4\n'))
    assert fields(found) == [
        (2, {"a": "1", "b": "2"}), (3, "wrong_type"), (4, "wrong_type"), (5, "wrong_type"), (6, "not_utf8"),
        (7, {"a": "3", "b": "4"}),
    ]  # fmt: skip
    assert isinstance(found[1], BadLine)
    assert found[1].sentence == "the row has 1 cells, the first line names 2"
    assert found[1].text == '["1"]'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quote_that_is_not_closed_costs_its_own_line_alone(tmp_path: Path, end: str) -> None:
    table = ["a,b", '1,"x', "2,y", '3,"two', 'lines"', '4,"x" y', '5,"x', "6,y", "", '7,""', '8,"x', "9,银"]
    found = lines(written(tmp_path / "a.csv", end.join(table)))
    assert fields(found) == [
        (2, "wrong_type"), (3, {"a": "2", "b": "y"}), (4, {"a": "3", "b": f"two{end}lines"}), (6, "wrong_type"),
        (7, "wrong_type"), (8, {"a": "6", "b": "y"}), (10, {"a": "7"}), (11, "wrong_type"), (12, {"a": "9", "b": "银"}),
    ]  # fmt: skip
    assert [line.text for line in found if isinstance(line, BadLine)] == ['1,"x', '4,"x" y', '5,"x', '8,"x']


def test_a_row_over_several_lines_that_does_not_fit_is_kept_whole(tmp_path: Path) -> None:
    found = lines(written(tmp_path / "a.csv", 'a,b\n1,"x\n2,y\n3,z",4\n5,6\n'))
    assert fields(found) == [(2, "wrong_type"), (5, {"a": "5", "b": "6"})]
    assert isinstance(found[0], BadLine)
    assert found[0].sentence == "the row of 3 lines has 3 cells, the first line names 2"
    assert json.loads(found[0].text) == ["1", "x\n2,y\n3,z", "4"]


def test_lines_that_each_read_as_one_row_with_all_behind_them_are_read_in_no_time(tmp_path: Path) -> None:
    """Each has an open quote of its own, and keeps open that of the line before."""
    table = "a,b\n" + 'x,",",y","z\n' * 50_000
    found = lines(written(tmp_path / "a.csv", table))
    assert [line.number for line in found] == list(range(2, 50_002))
    assert {line.text for line in found if isinstance(line, BadLine)} == {'x,",",y","z'}


@pytest.mark.parametrize("content", ["a,a\n1,2\n", "a,,b\n1,2,3\n"])
def test_a_table_whose_columns_cannot_be_told_apart_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BrokenFile, match="name the columns"):
        lines(written(tmp_path / "a.csv", content))


@pytest.mark.parametrize("header", ['"a"b,c', '"a,b'])
def test_a_first_line_that_is_not_well_formed_is_one_sentence(tmp_path: Path, header: str) -> None:
    with pytest.raises(BrokenFile, match="the first line has to name the columns, and is not well-formed: "):
        lines(written(tmp_path / "a.csv", f"{header}\n1,2\n"))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_an_empty_file_holds_nothing(tmp_path: Path, name: str) -> None:
    assert lines(written(tmp_path / name, b"")) == []


def test_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    table = written(tmp_path / "a.csv", "标题,id\n银行挤兑,1\n".encode("gb18030"))
    assert fields(lines(table, encoding="gb18030")) == [(2, {"标题": "银行挤兑", "id": "1"})]
    objects = written(tmp_path / "a.jsonl", '{"标题": "银行挤兑"}\n'.encode("gb18030"))
    assert fields(lines(objects, encoding="GB18030")) == [(1, {"标题": "银行挤兑"})]
    assert fields(lines(objects)) == [(1, "not_utf8")]
    with pytest.raises(BrokenFile, match="no text encoding 'klingon'"):
        lines(objects, encoding="klingon")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_byte_order_mark_costs_no_line(tmp_path: Path, encoding: str) -> None:
    for blank in ("", "\r\n"):
        objects = written(tmp_path / "a.jsonl", f'\ufeff{blank}{{"a": "银"}}\n{{"b": 2}}'.encode(encoding))
        assert [line.fields for line in lines(objects, encoding=encoding) if isinstance(line, Line)] == [
            {"a": "银"}, {"b": 2},
        ]  # fmt: skip
        assert len(lines(objects, encoding=encoding)) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "UTF-16LE", "utf-16-be", "utf-32", "utf-7", "iso2022_jp"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_encoding_in_which_a_newline_is_no_byte_of_its_own_is_read(tmp_path: Path, encoding: str, mark: str) -> None:
    """PowerShell writes UTF-16, and U+0A0A holds the byte of a newline twice."""
    mark = "" if encoding == "iso2022_jp" else mark
    odd = "日本" if encoding == "iso2022_jp" else "ਊ銀"
    text = f'{mark}{{"a": "{odd}"}}\r\n\r\n{{torn\r\n{{"b": 2}}'
    objects = written(tmp_path / "a.jsonl", text.encode(encoding))
    assert fields(lines(objects, encoding=encoding)) == [(1, {"a": odd}), (3, "not_json"), (4, {"b": 2})]
    packed = written(tmp_path / "a.jsonl.gz", gzip.compress(text.encode(encoding)))
    assert lines(packed, encoding=encoding) == lines(objects, encoding=encoding)
    table = written(tmp_path / "a.csv", f"{mark}id,text\r\n1,{odd}\r\n".encode(encoding))
    assert fields(lines(table, encoding=encoding)) == [(2, {"id": "1", "text": odd})]


def test_half_a_character_spoils_only_its_own_line(tmp_path: Path) -> None:
    """As a program leaves it that cuts texts between the two halves of an emoji."""
    half = "\ud83d"
    objects = written(tmp_path / "a.jsonl", f'{{"a": "{half}"}}\n{{"a": 2}}\n'.encode("utf-16", "surrogatepass"))
    found = lines(objects, encoding="utf-16")
    assert fields(found) == [(1, "not_utf8"), (2, {"a": 2})]
    assert isinstance(found[0], BadLine)
    assert found[0].sentence == "the line is not utf-16; name the encoding with --encoding"
    table = written(tmp_path / "a.csv", f"a,b\n1,{half}\n3,4\n".encode("utf-16", "surrogatepass"))
    assert fields(lines(table, encoding="utf-16")) == [(2, "not_utf8"), (3, {"a": "3", "b": "4"})]
    torn = written(tmp_path / "b.jsonl", '{"a": 1}\n{"a": 2}\n'.encode("utf-16")[:-1])
    assert fields(lines(torn, encoding="utf-16")) == [(1, {"a": 1}), (2, "not_utf8")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_what_is_nothing_in_its_encoding_is_one_sentence(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / name, b'{"a": 1}\n{"a": 2}\n')
    with pytest.raises(BrokenFile, match=rf"{name} is not utf-16 behind line 0: name its encoding with --encoding"):
        lines(file, encoding="utf-16")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
@pytest.mark.parametrize("encoding", ["hex", "rot13", "base64", "undefined", "klingon", ""])
def test_what_is_no_encoding_of_text_is_refused(tmp_path: Path, name: str, encoding: str) -> None:
    with pytest.raises(BrokenFile, match=f"there is no text encoding '{encoding}': name one like"):
        lines(written(tmp_path / name, b"{}\n{}"), encoding=encoding)


def test_a_line_of_any_length_in_another_encoding_does_not_fill_the_memory(tmp_path: Path) -> None:
    text = '{"a": "' + "x" * (LONGEST + 100_000) + '"}\n{"a": 2}\n'
    found = lines(written(tmp_path / "a.jsonl", text.encode("utf-16")), encoding="utf-16")
    assert fields(found) == [(1, "too_large"), (2, {"a": 2})]


def test_gzip_is_known_by_its_first_bytes_not_by_the_name(tmp_path: Path) -> None:
    packed = written(tmp_path / "a.jsonl", gzip.compress(b'{"a": 1}\n'))
    plain = written(tmp_path / "b.jsonl.gz", b'{"a": 2}\n')
    assert fields(lines(packed)) == [(1, {"a": 1})]
    assert fields(lines(plain)) == [(1, {"a": 2})]


def test_gzip_that_breaks_off_gives_what_is_there_and_then_says_where(tmp_path: Path) -> None:
    content = b"".join(json.dumps({"n": n, "x": "y" * (n * 7919 % 97)}).encode() + b"\n" for n in range(5000))
    packed = gzip.compress(content)
    file = DocumentFile(str(written(tmp_path / "a.jsonl.gz", packed[: len(packed) // 2])))
    found: list[Line | BadLine] = []
    with pytest.raises(BrokenFile, match=r"breaks off behind line \d+: it is not whole gzip"):
        found.extend(file.lines())
    file.close()
    assert 0 < len(found) < 5000
    assert file.done == file.size


def test_the_form_is_told_by_the_name_unless_it_is_given(tmp_path: Path) -> None:
    file = written(tmp_path / "a.txt", "a\tb\n1\t2\n")
    assert fields(lines(file)) == [(1, "not_json"), (2, "not_json")]
    assert fields(lines(file, "tsv")) == [(2, {"a": "1", "b": "2"})]


def test_standard_input_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b'{"a": 1}\n'))))
    file = DocumentFile("-")
    assert [line.number for line in file.lines()] == [1]
    file.close()
    assert (file.name, file.size) == ("standard input", 0)
    assert not sys.stdin.closed


@pytest.mark.parametrize("stream", [None, "closed"])
def test_standard_input_that_is_closed_is_no_matter_but_to_who_reads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stream: str | None
) -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdin", None if stream is None else closed)
    assert fields(lines(written(tmp_path / "a.jsonl", b'{"a": 1}'))) == [(1, {"a": 1})]
    with pytest.raises(BrokenFile, match="standard input cannot be opened: it is closed"):
        DocumentFile("-")


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(BrokenFile, match="cannot be opened: "):
            DocumentFile(str(path))
