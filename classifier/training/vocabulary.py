"""Extends a WordPiece tokenizer and its embedding to both languages.

Four things make Chinese work with an English encoder and few parameters:

* characters: all of GB2312 level 1 and all that the corpora hold, so that nothing becomes `[UNK]`;
* words: the most frequent dictionary words become tokens of their own (added tokens, longest match from the left), which
  shortens a text by a third and, above all, gives meaning to what single characters do not carry;
* symbols: emoji and signs that the English pieces lack;
* a start from meaning: a new row is the mean of the English pieces of its gloss (see `glosses`), at the norm of an English row.

Pieces of scripts that no corpus uses (and `[unused…]`) are dropped to make room; every single ASCII and punctuation
character stays, so a word that loses its piece falls back to smaller ones and never to `[UNK]`.

An encoder that has learnt Chinese keeps its own characters, and gets no words: it has read text without them.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from classifier.training.glosses import HAN, count_words, read_dictionary, read_finance_words

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_KNOWS_CHINESE = 0.9  # of the usual characters are in its vocabulary; an English BERT has some two hundred of them


@dataclass(frozen=True, slots=True)
class VocabularySettings:
    """How far to extend.

    Attributes:
        max_rows: rows of the new embedding, all kinds together; 36,600 keeps MiniLM-L6 under 25 million parameters.
        min_word_count: a Chinese word is added from this count in the corpora on.
    """

    max_rows: int = 36_600
    min_word_count: int = 5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer and the embedding rows that belong to it.

    Attributes:
        tokenizer_json: the fast tokenizer, as `tokenizers` reads it.
        rows: embedding, float32 [rows, hidden].
    """

    tokenizer_json: str
    rows: Tensor


def extend_vocabulary(
    tokenizer_json: str, embedding: Tensor, texts: Sequence[str], settings: VocabularySettings
) -> Vocabulary:
    """Makes the bilingual vocabulary.

    Args:
        tokenizer_json: the encoder's WordPiece tokenizer.
        embedding: its word embedding, float32 [vocabulary, hidden].
        texts: the corpora: they decide which pieces are used, which characters and words are added.
        settings: limits.
    """
    given = json.loads(tokenizer_json)
    vocab: dict[str, int] = given["model"]["vocab"]
    dictionary = read_dictionary() | read_finance_words()
    usual = gb2312_level_1()
    is_chinese = sum(character in vocab for character in usual) >= _KNOWS_CHINESE * len(usual)
    pieces = _used_pieces(tokenizer_json, vocab, texts, keeps_chinese=is_chinese)
    characters = sorted({*usual, *(c for text in texts for c in HAN.findall(text))} - set(pieces))
    symbols = _symbols(texts, vocab, settings.min_word_count)
    words: list[str] = []
    if not is_chinese:
        room = settings.max_rows - len(pieces) - len(characters) - len(symbols)
        words = _choose_words(count_words(iter(texts), dictionary), settings.min_word_count, room)
    meanings = _Meanings(tokenizer_json, embedding, dictionary | symbols)
    new = [*characters, *symbols, *words]
    rows = torch.cat([embedding[[vocab[piece] for piece in pieces]], torch.stack([meanings.row(t) for t in new])])
    if not is_chinese:  # full-width digits, letters and punctuation share the rows of their plain forms
        given["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, given["normalizer"]]}
    return Vocabulary(_tokenizer_json(given, [*pieces, *new], [*symbols, *words]), rows)


def is_word_pieces(tokenizer_json: str) -> bool:
    """Whether it is a WordPiece tokenizer with all of `SPECIAL`: one that `extend_vocabulary` takes."""
    model = json.loads(tokenizer_json).get("model", {})
    return bool(model.get("type") == "WordPiece" and model["vocab"].keys() >= set(SPECIAL))


def gb2312_level_1() -> list[str]:
    """The 3,755 characters of GB2312 level 1 (rows 16 to 55), from Python's own codec."""
    cells = ((row, cell) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    decoded = (bytes(cell).decode("gb2312", errors="ignore") for cell in cells)
    return [character for character in decoded if character]


def _choose_words(counts: dict[str, int], min_count: int, room: int) -> list[str]:
    own = [word for word in read_finance_words() if len(word) > 1]
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    frequent = [word for word in ranked if counts[word] >= min_count and word not in own]
    if len(own) > room:
        raise ValueError(f"max_rows leaves room for {room} Chinese words, but {len(own)} are required")
    return own + frequent[: room - len(own)]


def _used_pieces(tokenizer_json: str, vocab: dict[str, int], texts: Iterable[str], *, keeps_chinese: bool) -> list[str]:
    """The encoder's pieces to keep, in their old order: special, single ASCII, used by a text, or usual Chinese."""
    tokenizer = Tokenizer.from_str(_without_limits(tokenizer_json))
    used: set[int] = set()
    for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
        used.update(encoding.ids)
    usual = set(gb2312_level_1()) if keeps_chinese else set()
    kept = [
        piece
        for piece in sorted(vocab, key=vocab.__getitem__)
        if (piece in usual or _is_kept(piece, vocab[piece] in used, keeps_chinese))
    ]
    return [*SPECIAL, *kept]


def _is_kept(piece: str, is_used: bool, keeps_chinese: bool) -> bool:
    bare = piece.removeprefix("##")
    if piece in SPECIAL or bare.startswith("[unused") or (HAN.search(bare) and not keeps_chinese):
        return False
    return is_used or (len(bare) == 1 and bare.isascii())


def _symbols(texts: Iterable[str], vocab: dict[str, int], min_count: int) -> dict[str, str]:
    """Emoji, signs and punctuation that the English vocabulary lacks, with their Unicode names as glosses."""
    counts = Counter(character for text in texts for character in text if not character.isalnum())
    lacking = (c for c, count in counts.items() if count >= min_count and unicodedata.category(c)[0] in "SP")
    fresh = (c for c in lacking if unicodedata.normalize("NFKC", c) == c and c not in vocab)
    return {c: unicodedata.name(c, "").lower() for c in sorted(fresh)}


class _Meanings:
    """Start rows for Chinese tokens."""

    def __init__(self, tokenizer_json: str, embedding: Tensor, dictionary: dict[str, str]) -> None:
        self._tokenizer = Tokenizer.from_str(_without_limits(tokenizer_json))
        self._embedding = embedding
        self._dictionary = dictionary
        self._mean = embedding.mean(0)  # [d]
        self._spread = (embedding - self._mean).norm(dim=1).median()
        self._seed = torch.Generator().manual_seed(20)

    def row(self, token: str) -> Tensor:
        """Row of one character or word, float32 [hidden]."""
        gloss = self._dictionary.get(token)
        ids = self._tokenizer.encode(gloss, add_special_tokens=False).ids if gloss else []
        noise = torch.randn(self._mean.shape, generator=self._seed)  # [d]
        meaning = self._embedding[ids].mean(0) - self._mean if ids else noise  # [d]
        # A little noise keeps apart the tokens that share one gloss.
        direction = meaning / meaning.norm() + 0.2 * noise / noise.norm()
        row: Tensor = self._mean + direction * (self._spread / direction.norm())
        return row


def _without_limits(tokenizer_json: str) -> str:
    settings = json.loads(tokenizer_json)
    settings["truncation"] = settings["padding"] = None
    return json.dumps(settings)


def _tokenizer_json(given: dict[str, Any], tokens: Sequence[str], words: Sequence[str]) -> str:
    ids = {token: number for number, token in enumerate(tokens)}
    flags = {"single_word": False, "lstrip": False, "rstrip": False}
    special = [{"id": ids[t], "content": t, "special": True, "normalized": False, **flags} for t in SPECIAL]
    added = [{"id": ids[w], "content": w, "special": False, "normalized": False, **flags} for w in words]
    return json.dumps(
        given
        | {
            "truncation": None,
            "padding": None,
            "added_tokens": special + added,
            "post_processor": _frame(ids),
            "model": given["model"] | {"vocab": ids},
        },
        ensure_ascii=False,
    )


def _frame(ids: dict[str, int]) -> dict[str, Any]:
    """`[CLS]` text `[SEP]`, as `tokenizers` writes it."""

    def special(token: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": 0}}

    text = [special("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]")]
    tokens = {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in ("[CLS]", "[SEP]")}
    pair = [*text, {"Sequence": {"id": "B", "type_id": 0}}, special("[SEP]")]
    return {"type": "TemplateProcessing", "single": text, "pair": pair, "special_tokens": tokens}


def read_tokenizer(path: Path) -> Tokenizer:
    """Reads `tokenizer.json` without truncation or padding."""
    return Tokenizer.from_str(_without_limits(path.read_text("utf-8")))
