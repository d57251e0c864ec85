"""From texts to token ids, each with the stretch of the text that it came from, cut into what the network reads at once."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Encoding
from tokenizers import Tokenizer as FastTokenizer

from classifier.artifact import ArtifactError

NO_WORD = -1
MOST_CHUNKS = 8  # of one text; what lies behind them is not read
_OVERLAP = 8  # a chunk shares at least one token in so many with the next
_SPECIAL = 2  # tokens that begin and end what the network reads
_CHARACTERS_A_TOKEN = 16  # what lies beyond this many for each token is not even looked at; English has about 5


class Tokens:
    """One text as tokens: L of them, one that begins and one that ends it included, no padding.

    Attributes:
        chunks: ids as the network reads them, each int64 [at most `max_tokens`], begun and ended like the whole.
        starts: where among the L tokens each chunk's first token of the text stands.
        offsets: L pairs of code points of the text as given.
        words: L numbers of words; `NO_WORD` for special tokens.
        truncated: whether the text has an end that no chunk holds.
    """

    __slots__ = ("chunks", "offsets", "starts", "truncated", "words")

    def __init__(self, encoding: Encoding, max_tokens: int, *, is_cut: bool) -> None:
        ids = np.array(encoding.ids, np.int64)  # [L]
        places = cut(len(ids) - _SPECIAL, max_tokens - _SPECIAL)
        self.chunks = [np.concatenate([ids[:1], ids[1 + start : 1 + stop], ids[-1:]]) for start, stop in places]
        self.starts = [1 + start for start, _ in places]
        self.offsets = encoding.offsets
        self.words = [NO_WORD if word is None else word for word in encoding.word_ids]
        self.truncated = is_cut or bool(encoding.overflowing)

    def __len__(self) -> int:
        return len(self.words)


class Tokenizer:
    """The artifact's tokenizer. Several threads may use it at once: nothing in it changes."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        """Read the tokenizer.

        Args:
            path: its file.
            max_tokens: what the network reads at once, special tokens included.

        Raises:
            ArtifactError: the file is no tokenizer.
        """
        try:
            self._fast = FastTokenizer.from_file(str(path))
        except Exception as error:
            raise ArtifactError(f"{path} is no tokenizer ({error}): train or export the model again.") from error
        most = most_tokens(max_tokens)
        self._fast.no_padding()
        self._fast.enable_truncation(most)
        self._fast.encode_special_tokens = True  # "[SEP]" in a text is text: it ends nothing
        self._max_tokens = max_tokens
        self._most = most * _CHARACTERS_A_TOKEN
        self.padding: int = self._fast.token_to_id("[PAD]") or 0

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text, in order."""
        # `encode_batch_fast` gives no offsets, and without them there are no spans.
        encodings = self._fast.encode_batch([text[: self._most] for text in texts])
        return [
            Tokens(encoding, self._max_tokens, is_cut=len(text) > self._most)
            for encoding, text in zip(encodings, texts, strict=True)
        ]


def most_tokens(max_tokens: int) -> int:
    """How many tokens of a text are read, special ones included."""
    room = max_tokens - _SPECIAL
    return _SPECIAL + MOST_CHUNKS * room - (MOST_CHUNKS - 1) * (room // _OVERLAP)


def cut(length: int, room: int) -> list[tuple[int, int]]:
    """Starts and stops of stretches of `length` tokens: as few as can be, all of one size, each overlapping the next."""
    overlap = room // _OVERLAP
    count = max(1, math.ceil((length - overlap) / (room - overlap)))
    size = math.ceil((length + (count - 1) * overlap) / count)
    starts = [chunk * (length - size) // max(1, count - 1) for chunk in range(count)]
    return [(start, start + size) for start in starts]
