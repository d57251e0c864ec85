"""Evidence is told in code points of the text as it was given."""

import numpy as np
import pytest

from classifier.scores import Span
from classifier.spans import MOST_SPANS, Words, spans_of
from classifier.tokenizer import NO_WORD, Tokenizer


def evidence(tokenizer: Tokenizer, text: str, **weights: float) -> list[tuple[str, int]]:
    """What is quoted when each key, at its first occurrence, draws its weight, and all other tokens a little."""
    return [(text[span.start : span.end], span.weight) for span in spans(tokenizer, text, weights)]


def spans(tokenizer: Tokenizer, text: str, weights: dict[str, float]) -> tuple[Span, ...]:
    (tokens,) = tokenizer.encode([text])
    attention = np.full(len(tokens), 0.001, np.float32)
    for quoted, weight in weights.items():
        start = text.index(quoted)
        pieces = [
            place
            for place, (left, right) in enumerate(tokens.offsets)
            if tokens.words[place] != NO_WORD and left < start + len(quoted) and right > start
        ]
        attention[pieces] = weight / len(pieces)
    return spans_of(text, tokens, attention)


def test_the_word_that_drew_the_attention_is_quoted(tokenizer: Tokenizer) -> None:
    assert [quoted for quoted, _ in evidence(tokenizer, "The lender collapsed on Monday", collapsed=0.9)] == [
        "collapsed"
    ]


def test_pieces_of_a_word_count_together(tokenizer: Tokenizer) -> None:
    text = "Xyzzyqworblicious collapsed"
    (tokens,) = tokenizer.encode([text])
    assert tokens.words.count(0) > 1
    ((quoted, weight),) = evidence(tokenizer, text, Xyzzyqworblicious=0.1)
    assert quoted == "Xyzzyqworblicious"
    assert weight >= 9_900


def test_neighbours_become_a_phrase_and_others_stay_apart(tokenizer: Tokenizer) -> None:
    text = "The bank halts withdrawals while its rival in the north prospers"
    quoted = evidence(tokenizer, text, halts=0.3, withdrawals=0.3, prospers=0.3)
    assert [words for words, _ in quoted] == ["halts withdrawals", "prospers"]
    assert quoted[0][1] > quoted[1][1]


def test_chinese_neighbours_become_a_run(tokenizer: Tokenizer) -> None:
    text = "今天北岸信托暂停提款，天气不错"
    assert [words for words, _ in evidence(tokenizer, text, 暂停提款=0.3)] == ["暂停提款"]


def test_phrases_end_with_their_sentence(tokenizer: Tokenizer) -> None:
    text = "Profits fell. Losses grew"
    quoted = evidence(tokenizer, text, fell=0.4, Losses=0.4)
    assert [words for words, _ in quoted] == ["fell", "Losses"]


@pytest.mark.parametrize(
    ("text", "inside", "quoted"),
    [
        ("Shares rose 3.2% today", "3", "3.2%"),
        ("Debt of $1,250.75 remains", "250", "1,250.75"),
        ("A start-up failed", "up", "start-up"),
        ("U.S. stocks fell", "S", "U.S"),
        ("Bankrupt, said the court", "Bankrupt", "Bankrupt"),
    ],
)
def test_marks_inside_words_and_numbers_belong_to_them(
    tokenizer: Tokenizer, text: str, inside: str, quoted: str
) -> None:
    assert [words for words, _ in evidence(tokenizer, text, **{inside: 0.9})] == [quoted]


@pytest.mark.parametrize(
    ("text", "inside", "quoted"),
    [
        ("up 👍🏽 good", "👍", "👍🏽"),
        ("up 👍🏽👍🏻 good", "🏻", "👍🏻"),
        ("I ❤️ it", "❤", "❤️"),
        ("on 🇨🇳 soil", "🇳", "🇨🇳"),
        ("on 🇨🇳, 🇺🇸 soil", "🇸", "🇺🇸"),
        ("a 👨‍👩‍👧 home", "👩", "👨‍👩‍👧"),
        ("a 🏳️‍🌈 flag", "🌈", "🏳️‍🌈"),
        ("कहा हिन्दी में", "हिन्दी", "हिन्दी"),
        ("by नमस्ते today", "न", "नमस्ते"),
    ],
)
def test_a_picture_or_a_letter_with_its_marks_is_quoted_whole(
    tokenizer: Tokenizer, text: str, inside: str, quoted: str
) -> None:
    assert [words for words, _ in evidence(tokenizer, text, **{inside: 0.9})] == [quoted]


def test_flags_side_by_side_are_two_words(tokenizer: Tokenizer) -> None:
    text = "🇨🇳🇺🇸🇯🇵"
    (tokens,) = tokenizer.encode([text])
    assert Words(text, tokens, np.ones(len(tokens))).bounds == [(0, 2), (2, 4), (4, 6)]


def test_offsets_count_code_points_beyond_the_basic_plane_and_before_folding(tokenizer: Tokenizer) -> None:
    text = "🚀🚀 ＣＡＦÉ Café collapsed"
    assert [words for words, _ in evidence(tokenizer, text, collapsed=0.9)] == ["collapsed"]


def test_marks_are_never_evidence(tokenizer: Tokenizer) -> None:
    assert evidence(tokenizer, "collapsed !", **{"!": 0.9}) == [("collapsed", pytest.approx(11, abs=2))]


def test_what_special_tokens_drew_does_not_count(tokenizer: Tokenizer) -> None:
    text = "collapsed"
    (tokens,) = tokenizer.encode([text])
    attention = np.array([0.9 if word == NO_WORD else 0.01 for word in tokens.words], np.float32)
    assert spans_of(text, tokens, attention) == (Span(0, len(text), 10_000),)


@pytest.mark.parametrize("text", ["", " ", "?!"])
def test_a_text_without_words_has_no_evidence(tokenizer: Tokenizer, text: str) -> None:
    assert spans(tokenizer, text, {}) == ()


def test_even_attention_quotes_only_the_few_first(tokenizer: Tokenizer) -> None:
    text = " and then. ".join(f"thing {number}" for number in range(10))
    found = spans(tokenizer, text, {})
    assert 0 < len(found) <= MOST_SPANS
    assert [span.start for span in found] == sorted(span.start for span in found)
