import sys
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cleaning import clean, clean_line, trace

PIECES = [
    "<b>", "</b>", "<p>", "<", ">", "&", "&amp;", "amp;", "&lt;", "lt;", "b>", "/b>", "&#60;", "#38;", "&#x26;", "<!--", "-->",
    "<script>", "</script>", "<![CDATA[", "]]>", "\u200b", "\u200d", "🚀", "👨", "\u0301", "e", " ", "\n", "\t", "\u3000", "\xa0",
    "\x00", "\x85", "\u037e", "<a href='x'>", "<a href=\"", "银", "。", "\ud800", "\u0338", "\ufeff", "\u0344" * 14,
    "\u0f73" * 9, "\uff9e" * 20, "\ufb2c", "\u0327" * 29, "\U0001d160", "\U0001e94a" * 15,
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "P/E < 10 and rising",
        "a<b and c>d",
        "if a <b and c> d then",
        "<1% up, >5% down, <$5",
        "$AAPL and $TSLA 🚀🚀 #earnings",
        "R&D at AT&T; see ?a=1&copy=2",
        "央行：降准0.5个百分点，“超预期”！（附全文）",
        "👨\u200d👩\u200d👧 ❤️ 🏳️\u200d🌈",
        "I <3 stocks",
        "https://example.com/a?b=<c>",
        "ＡＢＣ＜１０",
    ],
)
def test_what_carries_meaning_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<p>Bank <b>run</b></p><p>Second</p>", "Bank run\nSecond"),
        ("<em>银行</em>挤兑", "银行挤兑"),
        ("one<br/>two<BR>three", "one\ntwo\nthree"),
        ('<a href="https://x.example/?a=1>2" target="_blank">link</a> text', "link text"),
        ("<td>1</td><td>2</td>", "1 2"),
        ("<script>alert('x < y')</script>seen<style>p{}</style>", "seen"),
        ("a<!-- hidden <b> -->b", "ab"),
        ("<![CDATA[Fed <b>hikes</b>]]>", "Fed hikes"),
        ("<script>never closed", "never closed"),
        ("Johnson &amp; Johnson &lt;JNJ&gt; 5&nbsp;%", "Johnson & Johnson <JNJ> 5 %"),
        ("S&amp;amp;P &#x4E2D;&#22269;", "S&P 中国"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("zero\u200bwidth\ufeff and soft\u00adhyphen", "zerowidth and softhyphen"),
        ("bell\x07 null\x00 c1\x92", "bell null c1"),
        ("e\u0301lan", "élan"),
        ("  a \t b\u3000c\u2003d  \r\n\r\n  e\u2028f", "a b c d\ne\nf"),
        ("\u202eevil\u202c", "evil"),
        ("word\u200dword", "wordword"),
        ("", ""),
        ("<p>&nbsp;</p>\u200b", ""),
    ],
)
def test_what_carries_none_goes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
def test_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip()
    cleaned.encode()  # no lone surrogates


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "Sc"), exclude_characters="<&")))
def test_no_letter_digit_or_mark_is_ever_lost(text: str) -> None:
    kept = {mark for mark in unicodedata.normalize("NFC", text) if mark not in "\u115f\u1160\u3164\uffa0"}
    assert kept <= set(clean(text))


@pytest.mark.parametrize(
    "piece",
    [
        "<script>",
        "<b ",
        '<a "',
        "<<b>b>",
        "&amp;",
        "&#38;",
        "<!--",
        "<a b='",
        "<![CDATA[",
        "<b x" + " " * 50,
        "&am<b>p;",
    ],
)
def test_whoever_wrote_the_text_cleaning_takes_time_in_proportion(piece: str) -> None:
    """A quadratic pattern takes minutes on these; the test's time limit catches it."""
    text = (piece * (200_000 // len(piece) + 1))[:200_000]
    cleaned = clean(text)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "marks", ["\u0300" * 100_000 + "\u0327" * 100_000, "\uff9e\u0301" * 100_000, "\u0f73" * 200_000, "\u0344" * 200_000]
)
@pytest.mark.parametrize("base", ["a", "\ufb2c", "\U0001d160", "🚀"])
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_of_the_marks_on_a_character_so_many_stay_as_can_be_put_in_order_in_no_time(
    base: str, marks: str, form: Literal["NFC", "NFKC"]
) -> None:
    """Unicode puts them in an order, which takes minutes for a crowd; no language has more than a few."""
    text = f"{base}{marks} and on"
    cleaned = clean(text)
    assert clean(cleaned) == cleaned == trace(text).text
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned.endswith(" and on")
    assert 15 <= len(unicodedata.normalize(form, cleaned)) - len(" and on") <= 34


def test_whatever_mark_it_is_its_crowd_is_thinned_out() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    marks = [
        each for each in characters if unicodedata.combining(unicodedata.normalize("NFKD", each)[0]) and clean(each)
    ]
    assert len(marks) > 800
    assert [mark for mark in marks if len(unicodedata.normalize("NFKD", clean(f"a{mark * 40}"))) > 31] == []


@pytest.mark.parametrize("text", ["a" + "\u0327" * 30, "🚀" * 200, "…" * 200, "ﾞ" * 20, "Z" + "\u0335\u0301" * 12])
def test_signs_and_as_many_marks_as_fit_stay(text: str) -> None:
    assert unicodedata.normalize("NFD", clean(text)) == unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("text", ["<b x" + " " * 200_000, "<" * 66_000 + "b>" * 66_000, "&" + "amp;" * 50_000 + "lt;"])
def test_long_runs_take_time_in_proportion_too(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned


def test_a_title_is_one_line() -> None:
    assert clean_line("Bank\n<br>run ") == "Bank run"


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
def test_a_trace_comes_to_the_same_text_and_never_goes_back(text: str) -> None:
    traced = trace(text)
    assert traced.text == clean(text)
    assert len(traced.starts) == len(traced.ends) == len(traced.text)
    assert traced.starts == sorted(traced.starts)
    assert traced.ends == sorted(traced.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(traced.starts, traced.ends, strict=True))


@pytest.mark.parametrize(
    ("text", "word", "stretch"),
    [
        ("Bank halts", "halts", "halts"),
        ("<p>Bank <b>run</b> now</p>", "run", "run"),
        ("<p>Bank <b>run</b> now</p>", "Bank run", "Bank <b>run"),
        ("<script>x</script>  Bank \t\n run", "run", "run"),
        ("<!-- Bank --><![CDATA[Bank <i>run</i>]]> now", "Bank run", "Bank <i>run"),
        ("Johnson &amp;amp; Johnson", "& Johnson", "&amp;amp; Johnson"),
        ("&lt;b&gt;bold&lt;/b&gt; face", "bold", "bold"),
        ("R&#38;D &#x4E2D;&#22269;市", "中国市", "&#x4E2D;&#22269;市"),
        ("cafe\u0301 e\u0301lan", "élan", "e\u0301lan"),
        ("银行\u200b挤\ufeff兑，储户排队", "挤兑", "挤\ufeff兑"),
        ("<em>银行</em>挤兑\u3000\u3000储户", "储户", "储户"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8 \uf900", "국", "\u1100\u116e\u11a8"),
        ("\u09c7\u09be tail", "tail", "tail"),
        ("👨\u200d👩\u200d👧 bank", "bank", "bank"),
        ("a<br>b<br/>&nbsp;c", "c", "c"),
        ("B" + "\u0336" * 500 + "ank halts", "halts", "halts"),
    ],
)
def test_a_trace_leads_a_word_back_to_where_it_stood(text: str, word: str, stretch: str) -> None:
    traced = trace(text)
    start = traced.text.index(word)
    assert text[traced.starts[start] : traced.ends[start + len(word) - 1]] == stretch


@pytest.mark.parametrize("text", ["<b>" * 50_000 + "x", "e\u0301" * 50_000, "&amp;" * 40_000, "a  " * 50_000])
def test_a_trace_of_a_long_text_takes_time_in_proportion(text: str) -> None:
    assert trace(text).text == clean(text)
