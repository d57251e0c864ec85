import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.console.charts import chart
from alerting.console.marking import marked, plain, safe_link
from alerting.console.series import Point
from ingest.instants import MINUTE, moment
from tests.alerting.told import OPENED

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 80), st.floats(0, 1)), max_size=6)


@given(st.text(alphabet="<>&\"'ab\u202e中", max_size=50), SPANS)
def test_whatever_the_text_and_the_spans_only_marks_are_markup(text: str, spans: list[tuple[int, int, float]]) -> None:
    shown = marked(text, spans)
    assert re.sub(r'<mark class="w[123]">|</mark>', "", shown) == plain(text)
    assert shown.count("<mark") == shown.count("</mark>")


def test_words_are_marked_the_heaviest_most() -> None:
    assert (
        marked("a bank run", [(2, 6, 0.2), (7, 10, 0.8)])
        == 'a <mark class="w1">bank</mark> <mark class="w3">run</mark>'
    )


def test_marks_that_turn_the_direction_are_left_out() -> None:
    assert plain("a\u202eb\u2066c\u200f") == "abc"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "data:text/html,x", "file:///etc/passwd", "//x.example",
     "https://user:password@x.example", "https://", "http://x.example/\nSet-Cookie: a", "https://x.example\\@y.example", "",
     "https://[::1"],
)  # fmt: skip
def test_an_address_that_is_not_plainly_of_the_web_is_no_link(address: str) -> None:
    assert safe_link(address) == ""


def test_an_address_of_the_web_is_a_link() -> None:
    assert safe_link("https://news.example/a?b=1&c=2") == "https://news.example/a?b=1&c=2"


def test_a_chart_draws_what_there_is_and_escapes_its_title() -> None:
    points = [Point(moment(OPENED + n * MINUTE), moment(OPENED + (n + 1) * MINUTE), 4, n) for n in range(4)]
    drawn = chart(points, 0.25, (300, 80), '"><script>')
    assert drawn.count('class="all"') == 4
    assert drawn.count('class="negative"') == 3
    assert drawn.count('class="usual"') == 1
    assert "<script>" not in drawn
    assert 'style="' not in drawn


def test_a_share_that_stands_alone_is_a_dot_and_not_an_invisible_line() -> None:
    counts = [0, 0, 0, 0, 0, 8]
    points = [Point(moment(OPENED + n * MINUTE), moment(OPENED + (n + 1) * MINUTE), c, c) for n, c in enumerate(counts)]
    drawn = chart(points, None, (300, 80), "sudden")
    assert 'class="share"' not in drawn
    assert re.findall(r'class="dot" d="([^"]+)"', drawn) == ["M275.0,2.0h0"]


def test_a_chart_of_nothing_is_empty() -> None:
    drawn = chart([], None, (300, 80), "nothing")
    assert "rect" not in drawn
    assert "path" not in drawn
