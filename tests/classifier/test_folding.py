"""What looks alike is alike, and what stands in a word or number does not stand alone."""

import pytest

from classifier.folding import folded, holds


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Credit\nSuisse", "Credit Suisse"),
        ("Credit™\n Suisse\n", "Credit Suisse"),
        ("Coca\u2011Cola", "Coca-Cola"),
        ("Coca\u2010Cola", "Coca-Cola"),
        ("哈•撒・韦‧哈･撒", "哈·撒·韦·哈·撒"),
        ("a´b`c′d’e‘f｀g", "a'b'c'd'e'f'g"),
        ("a`b", "a'b"),
    ],
)
def test_what_looks_alike_is_alike(text: str, same: str) -> None:
    assert folded(text) == folded(same)
    assert folded(text).written == same


@pytest.mark.parametrize(
    ("text", "phrase", "stands"),
    [
        ("bank run", "run", True),
        ("bank runs", "run", False),
        ("shut down\nfor good", "down for", True),
        ("up 3.50 today", "50", False),
        ("up 50.3 today", "50", False),
        ("up 50. 3 today", "50", True),
        ("up 50", "50", True),
        (".50", "50", True),
        ("up 50%", "50", False),
        ("up 50%", "50%", True),
        ("跌5.2%，360降", "360", True),
        ("1,360", "360", False),
        ("(601318,000858)", "601318", True),
        ("(601318,000858)", "000858", True),
    ],
)
def test_a_phrase_counts_where_it_is_no_part_of_a_word_or_number(text: str, phrase: str, stands: bool) -> None:
    assert holds(folded(text).small, folded(phrase).small) is stands
