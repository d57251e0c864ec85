"""From texts to token ids, each id with the stretch of the text that it came from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Encoding
from tokenizers import Tokenizer as FastTokenizer

from classifier.artifact import ArtifactError

NO_WORD = -1
_CHARACTERS_A_TOKEN = 16  # what lies beyond this many for each token is not even looked at; English has about 5


class Tokens:
    """One text as the network reads it: L tokens, special ones included, no padding."""

    __slots__ = ("ids", "offsets", "truncated", "words")

    def __init__(self, encoding: Encoding, *, is_cut: bool) -> None:
        self.ids = np.array(encoding.ids, np.int64)  # [L]
        self.offsets = encoding.offsets  # [L] pairs of code points of the text as given
        self.words = [
            NO_WORD if word is None else word for word in encoding.word_ids
        ]  # [L]; NO_WORD for special tokens
        self.truncated = is_cut or bool(encoding.overflowing)

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizer:
    """The artifact's tokenizer, cut off at `max_tokens`. Belongs to one thread."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        try:
            self._fast = FastTokenizer.from_file(str(path))
        except Exception as error:
            raise ArtifactError(f"{path} is no tokenizer ({error}): train or export the model again.") from error
        self._fast.no_padding()
        self._fast.enable_truncation(max_tokens)
        self._most = max_tokens * _CHARACTERS_A_TOKEN
        self.padding: int = self._fast.token_to_id("[PAD]") or 0

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text, in order."""
        # `encode_batch_fast` gives no offsets, and without them there are no spans.
        encodings = self._fast.encode_batch([text[: self._most] for text in texts])
        return [Tokens(code, is_cut=len(text) > self._most) for code, text in zip(encodings, texts, strict=True)]
