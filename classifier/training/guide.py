"""A guide: a trained model whose last hidden states are followed, too, whatever its tokenizer and width.

An encoder of one language learns another from few texts badly: a label is one word, and a teacher's answer twenty numbers. What
an encoder that has read that language makes of every word says far more (Jiao et al., "TinyBERT", 2020). Two tokenizers cut a
text at different places; but each token has its place in the text, so a token follows the mean of the guide's states over its
own characters. Words that are hidden from the learner are not hidden from the guide: it learns to fill them in.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from classifier.training.model import LabelAttention
from classifier.training.teachers import can_read
from classifier.training.thaw import load_trained

LIFT = "lift"
_TINY = 1e-9


class Guided(NamedTuple):
    """One text as the guide reads it.

    Attributes:
        ids: the guide's tokens, [M].
        shares: float32 [L, M]: how the states of the guide's tokens make up that of each token of the learner; rows sum to 1,
            or to 0 where the guide has no token there.
    """

    ids: list[int]
    shares: np.ndarray


class Guide:
    """A frozen model and its tokenizer."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        self.model, self._card, tokenizer_json = load_trained(folder)
        self._file = folder / "tokenizer.json"
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    @property
    def width(self) -> int:
        """Of its hidden states."""
        width: int = self.model.encoder.config.hidden_size
        return width

    def reads(self, texts: Sequence[str]) -> np.ndarray:
        """Which texts it can read, bool [N]; see `teachers.can_read`."""
        return can_read(self._file, texts, self._card.languages)

    def read(self, text: str, own: Encoding) -> Guided:
        """The text in its tokens, beside the learner's encoding of it."""
        encoding = self._tokenizer.encode(text)
        return Guided(encoding.ids, shares(own.offsets, encoding.offsets))

    @torch.no_grad()
    def states(self, batch: dict[str, Tensor]) -> Tensor:
        """What a learner's tokens should come to, [G, L, e], from a collated batch; all 0 where there is nothing to follow."""
        hidden = self.model.encoder(input_ids=batch["guide_ids"], attention_mask=batch["guide_mask"]).last_hidden_state
        states: Tensor = batch["guide_shares"] @ hidden.float()
        return states


def shares(own: Sequence[tuple[int, int]], guides: Sequence[tuple[int, int]]) -> np.ndarray:
    """`Guided.shares` from the places of both readers' tokens, each from a first character to behind the last one."""
    mine, theirs = np.array(own).reshape(-1, 2), np.array(guides).reshape(-1, 2)
    overlap = np.minimum(mine[:, None, 1], theirs[None, :, 1]) - np.maximum(mine[:, None, 0], theirs[None, :, 0])
    common: np.ndarray = np.maximum(overlap, 0).astype(np.float32)  # characters, [L, M]; special tokens have none
    common /= np.maximum(common.sum(1, keepdims=True), _TINY)
    return common


def collate_guided(guided: Sequence[Guided | None], length: int) -> dict[str, Tensor]:
    """Pads what the guide is to read.

    Args:
        guided: of each row of a batch; None where the guide cannot read.
        length: L, to which the learner's tokens are padded.

    Returns:
        `guide_rows`, int64 [G], the rows that have a guide; `guide_ids` and `guide_mask`, int64 [G, M]; `guide_shares`, float32
        [G, L, M]. Nothing if no row has one.
    """
    rows = [(row, each) for row, each in enumerate(guided) if each]
    if not rows:
        return {}
    longest = -(-max(len(each.ids) for _, each in rows) // 8) * 8
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask, parts = torch.zeros_like(ids), torch.zeros(len(rows), length, longest)
    for place, (_, each) in enumerate(rows):
        ids[place, : len(each.ids)] = torch.tensor(each.ids)
        mask[place, : len(each.ids)] = 1
        parts[place, : each.shares.shape[0], : each.shares.shape[1]] = torch.from_numpy(each.shares)
    numbers = torch.tensor([row for row, _ in rows])
    return {"guide_rows": numbers, "guide_ids": ids, "guide_mask": mask, "guide_shares": parts}


def distance(lifted: Tensor, states: Tensor) -> Tensor:
    """How far states are from those to follow, squared, as a share of the latters' own square: mean over each text's tokens, [G].

    Args:
        lifted: the learner's states in the guide's space, [G, L, e].
        states: those to follow, [G, L, e]; a token whose are all 0 does not count.
    """
    square = states.square().sum(-1)  # [G, L]
    counts = (square > 0).float()
    apart = (lifted.float() - states).square().sum(-1) / square.clamp_min(_TINY) * counts
    return apart.sum(1) / counts.sum(1).clamp_min(1)


def add_lift(model: LabelAttention, width: int) -> None:
    """Gives a model a map into a guide's space, [d] to [e], which learns, and is kept in checkpoints, with it."""
    model.add_module(LIFT, nn.Linear(model.encoder.config.hidden_size, width))


def remove_lift(model: LabelAttention) -> None:
    """Takes the map away again, if there is one: nothing that is served needs it."""
    if hasattr(model, LIFT):
        delattr(model, LIFT)
