"""Invented texts to measure with: headlines, posts and articles in English and Chinese, no two alike."""

import random
import tomllib
from collections.abc import Iterator
from typing import Any

from classifier.tokenizer import Tokenizer
from deploy.demo.wording import PHRASES, Wording

BLOCK = (("headline", 24), ("post", 60), ("headline", 24), ("article", 300), ("headline", 24),
         ("post", 60), ("headline", 24), ("post", 60), ("article", 300), ("headline", 24))  # fmt: skip
MIX = f"per {len(BLOCK)} texts 5 headlines of about 24 tokens, 3 posts of 60, 2 articles of 300; half English, half Chinese"
WHOLE_BLOCKS = 2 * len(BLOCK)  # any run of so many texts holds the whole mix, each kind in both languages


class Texts:
    """An endless supply, the same for the same seed. Tokens are the artifact's own."""

    def __init__(self, tokenizer: Tokenizer, seed: int = 7) -> None:
        self._tokenizer = tokenizer
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self._writers = [_Writer(language, self._random) for language in ("en", "zh")]
        self._seen: set[str] = set()
        self._made = 0

    def take(self, count: int) -> list[str]:
        """The next `count` texts."""
        return [self._next() for _ in range(count)]

    def _next(self) -> str:
        _, tokens = BLOCK[self._made % len(BLOCK)]
        writer = self._writers[self._made // len(BLOCK) % 2]
        self._made += 1
        wanted = max(8.0, self._random.gauss(tokens, tokens / 5))
        while (text := self._written(writer, wanted)) in self._seen:
            pass
        self._seen.add(text)
        return text

    def _written(self, writer: "_Writer", wanted: float) -> str:
        parts: list[str] = []
        length = 2  # the special tokens
        while not parts or length + writer.usual_length / 2 < wanted:
            parts.append(writer.sentence())
            length += len(self._tokenizer.encode([parts[-1]])[0]) - 2
        return writer.together(parts)


class _Writer:
    """Sentences of one language, from all patterns of the demo."""

    def __init__(self, language: str, rng: random.Random) -> None:
        self._wording = Wording(language, rng)
        self._random = rng
        phrases = tomllib.loads((PHRASES / f"{language}.toml").read_text("utf-8"))
        phrases.pop("slots")
        self._patterns = list(_leaves(phrases))
        self._ending = ". " if language == "en" else "。"
        self.usual_length = 16

    def sentence(self) -> str:
        return self._wording.sentence(self._random.choice(self._patterns))

    def together(self, parts: list[str]) -> str:
        return self._ending.join(part.rstrip(".。") for part in parts)


def _leaves(phrases: Any) -> Iterator[str]:
    if isinstance(phrases, dict):
        for value in phrases.values():
            yield from _leaves(value)
    elif isinstance(phrases, list):
        for value in phrases:
            yield from _leaves(value)
    elif isinstance(phrases, str):
        yield phrases
