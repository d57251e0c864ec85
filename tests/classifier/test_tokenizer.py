"""Texts become tokens, and nothing that is written in them ends or pads what the network reads."""

import pytest

from classifier.tokenizer import NO_WORD, Tokenizer


@pytest.mark.parametrize("special", ["[SEP]", "[CLS]", "[PAD]", "[UNK]", "[MASK]"])
def test_what_looks_like_a_special_token_is_text(tokenizer: Tokenizer, special: str) -> None:
    (plain,), (tokens,) = tokenizer.encode(["a b"]), tokenizer.encode([f"a {special} b"])
    (ids,) = tokens.chunks
    begin, end = plain.chunks[0][[0, -1]]
    assert (ids[0], ids[-1]) == (begin, end)
    assert not {int(begin), int(end), tokenizer.padding} & set(ids[1:-1].tolist())
    assert tokens.words.count(NO_WORD) == 2
    assert len(tokens) > len(plain) + 1  # brackets and letters, each with its place
