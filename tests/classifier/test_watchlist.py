"""A watch list is read whole, or refused with every mistake and its place."""

from pathlib import Path

import pytest

from classifier.watchlist import TOLD, WatchedName, WatchList, read_watch_list
from ingest.tables import WrongTables

TOML = """\
# ours
[[name]]
name = "Northbank"
aliases = ["北岸银行"]
tickers = ["NBK"]
tier = 1

[[ name ]]
name = "Halden Motors"
ambiguous = ["Halden"]
context = ["cars"]
exclusions = ["Halden University"]
"""
CSV = """\
name,tier,aliases,tickers,ambiguous,context,exclusions
Northbank,1,北岸银行,NBK,,,
,,,,,,
Halden Motors,,,,Halden,cars,Halden University
"""
NORTHBANK = WatchedName("Northbank", aliases=("北岸银行",), tickers=("NBK",), tier=1)
HALDEN = WatchedName("Halden Motors", ambiguous=("Halden",), context=("cars",), exclusions=("Halden University",))


def written(folder: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(content.encode(encoding))
    return folder / name


def mistakes(file: Path | None, *tables: dict[str, object]) -> list[str]:
    with pytest.raises(WrongTables) as caught:
        read_watch_list(file, tables)
    return [mistake.replace(f"{file}, ", "") for mistake in caught.value.mistakes]


def test_toml_csv_and_tables_say_the_same(tmp_path: Path) -> None:
    toml = read_watch_list(written(tmp_path, "a.toml", TOML))
    assert toml.names == (HALDEN, NORTHBANK)
    assert toml.tiers == {"Northbank": 1, "Halden Motors": 2}
    assert read_watch_list(written(tmp_path, "a.csv", CSV)) == toml
    assert read_watch_list(written(tmp_path, "excel.csv", CSV.replace("\n", "\r\n"), "utf-8-sig")) == toml
    half = written(tmp_path, "half.toml", TOML[: TOML.index("[[ name")])
    assert read_watch_list(half, [{"name": "Halden Motors", "ambiguous": ["Halden"], "context": ["cars"],
                                   "exclusions": ["Halden University"]}]) == toml  # fmt: skip


def test_the_hash_follows_what_is_watched_not_how_it_is_ordered(tmp_path: Path) -> None:
    assert WatchList().hash == ""
    one = read_watch_list(None, [{"name": "Aa"}, {"name": "Bb"}])
    assert one.hash == read_watch_list(None, [{"name": "Bb"}, {"name": "Aa"}]).hash
    assert one.hash != read_watch_list(None, [{"name": "Aa"}, {"name": "Bb", "tier": 1}]).hash


def test_every_mistake_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    bad = """\
[[name]]
name = "Aa"
alias = ["x"]

[[name]]
name = "Bb"
tier = 4
tickers = ["bb", "BB"]

[[name]]
aliases = "Cc"

[[name]]
name = "Dd"
context = ["y"]
"""
    assert mistakes(written(tmp_path, "w.toml", bad)) == [
        "line 1 (Aa): there is no alias; did you mean aliases?",
        "line 5 (Bb): tier must be 1, 2 or 3",
        "line 10: aliases must be a list of texts",
        "line 10: name is missing; set it",
        "line 13 (Dd): context is for ambiguous names: say under ambiguous which need it",
    ]


def test_every_mistake_of_a_table_of_lines_is_told_with_its_line(tmp_path: Path) -> None:
    bad = 'name,tier,tickers\nAa,first,\n"Bb\nb",2,\nCc,2,cc|C!\nDd,2,,more\nAa,1,\n'
    assert mistakes(written(tmp_path, "w.csv", bad)) == [
        "line 2 (Aa): tier must be 1, 2 or 3",
        "line 3 (Bb b): 'Bb b' holds a control character; remove it",
        "line 5 (Cc): 'cc' is no ticker: it has capitals, digits, '.' and '-', at most 15",
        "line 5 (Cc): 'C!' is no ticker: it has capitals, digits, '.' and '-', at most 15",
        "line 6 (Dd): has 4 cells, but 3 columns are named",
    ]


def test_a_name_is_read_with_one_blank_in_a_row(tmp_path: Path) -> None:
    toml = written(tmp_path, "a.toml", '[[name]]\nname = " Ping \u00a0 An\u3000"\naliases = ["Ping  An  Group"]\n')
    table = written(tmp_path, "a.csv", "name,aliases\n Ping \u00a0 An\u3000,Ping  An  Group\n")
    assert read_watch_list(toml).names == (WatchedName("Ping An", aliases=("Ping An Group",)),)
    assert read_watch_list(table) == read_watch_list(toml)
    assert mistakes(None, {"name": "Coca-Cola"}, {"name": "Cola Company", "aliases": ["Coca-Cola™"]}) == [
        "name.1 (Cola Company): 'coca-cola' is Coca-Cola's already; put it under ambiguous of both, or remove it"
    ]


def test_a_name_is_cleaned_as_texts_are(tmp_path: Path) -> None:
    pasted = {
        "name": "\ufeffEver\u00adgrande",
        "aliases": ["恒大\u200b集团", "Cafe\u0301 &amp; Co"],
        "tickers": ["EGRNF\u200b"],
        "ambiguous": ["恒\u2060大"],
        "context": ["\u200e债务"],
        "exclusions": ["恒大\u200b冰泉"],
    }
    plain = WatchedName(
        "Evergrande", ("恒大集团", "Café & Co"), ("EGRNF",), ("恒大",), context=("债务",), exclusions=("恒大冰泉",)
    )
    assert read_watch_list(None, [pasted]).names == (plain,)
    table = written(tmp_path, "a.csv", "name\n\u200bEvergrande\u200b\n", "utf-8-sig")
    assert read_watch_list(table).names == (WatchedName("Evergrande"),)
    assert mistakes(None, {"name": "Evergrande"}, {"name": "Ever\u200bgrande"}) == [
        "name.1 (Evergrande): stands at name.0 already; keep one"
    ]
    assert mistakes(None, {"name": "\u200b"})[0].endswith("a name or phrase is empty; remove it")


def test_a_spelling_belongs_to_one_name_unless_both_call_it_ambiguous() -> None:
    air = {"name": "Delta Air Lines", "ambiguous": ["Delta"], "context": ["flights"]}
    chips = {"name": "Delta Electronics", "ambiguous": ["delta"], "context": ["chips"]}
    assert len(read_watch_list(None, [air, chips]).names) == 2
    assert mistakes(None, air, {"name": "Delta"}) == [
        "name.1 (Delta): 'delta' is Delta Air Lines's already; put it under ambiguous of both, or remove it"
    ]
    assert mistakes(None, {"name": "Aa", "tickers": ["X"]}, {"name": "Bb", "tickers": ["X"]}, {"name": "Aa"}) == [
        "name.1 (Bb): the ticker X is Aa's already; keep one",
        "name.2 (Aa): stands at name.0 already; keep one",
    ]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"name": "A"},
            "'A' is too short for a name in a text: write two characters at least, or put it under tickers",
        ),
        ({"name": "Aa", "aliases": ["b" * 101]}, "'bbbbbbbbbbbbbbbbbbbb'... has 101 characters; 100 are the most"),
        ({"name": "Aa", "aliases": [" "]}, "a name or phrase is empty; remove it"),
        ({"name": "A\u0000b"}, "'A b' holds a control character; remove it"),
        ({"name": "Aa", "ambiguous": ["Aa"]}, "ambiguous needs context: words near which it is meant"),
        ({"name": "Aa", "tier": True}, "tier must be 1, 2 or 3"),
        ({"name": "Aa", "aliases": [1]}, "aliases must be a list of texts"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(table: dict[str, object], sentence: str) -> None:
    (told,) = mistakes(None, table)
    assert told.endswith(sentence)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("w.toml", b"name = 1", "name must be [[name]] tables"),
        ("w.toml", b"[[name", "is not TOML"),
        ("w.toml", b'[other]\n[[name]]\nname = "Aa"', "holds something else"),
        ("w.csv", b"title,tier\nAa,1\n", "line 1: must name columns"),
        ("w.csv", b"", "line 1: must name columns"),
        ("w.csv", b'name\n"Aa\n', "is not CSV"),
        ("w.csv", b"name\n\xff\xfe\n", "is not UTF-8"),
        ("w.xls", b"name\nAa\n", "is neither .toml nor .csv"),
    ],
)
def test_a_file_that_is_no_watch_list_is_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    (told,) = mistakes(tmp_path / name)
    assert sentence in told


def test_a_file_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path / "none.csv")
    assert "cannot be read (No such file or directory)" in told


def test_a_thousand_mistakes_are_not_all_told() -> None:
    told = mistakes(None, *({"name": "A"} for _ in range(1000)))
    assert len(told) == TOLD + 1
    assert "more mistakes" in told[-1]
