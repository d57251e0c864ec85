"""Hidden words: a model that cannot lean on every word of a text learns rows by heart less easily."""

import torch
from torch import Tensor

SPECIAL = 5
"""Ids below it are [PAD], [UNK], [CLS], [SEP] and [MASK], which come first in every vocabulary here."""


def with_hidden_words(ids: Tensor, most: float, mask_id: int) -> Tensor:
    """The same texts with tokens masked: in each a share that is drawn evenly from [0, most].

    Args:
        ids: int64 [B, L].
        most: 0 to 1.
        mask_id: of [MASK].
    """
    shares = most * torch.rand(len(ids), 1, device=ids.device)  # [B, 1]
    hidden = (torch.rand(ids.shape, device=ids.device) < shares) & (ids >= SPECIAL)  # [B, L]
    return torch.where(hidden, mask_id, ids)
