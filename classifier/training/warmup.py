"""Guessing masked tokens, before any label is taught: so that word rows that came new come to mean something.

As in BERT: of every text 15 % of the tokens are asked for; of these, four in five are masked, one in ten is another token, and
one in ten stays. The guess is the hidden state times the word rows themselves (tied), so that nothing is left over afterwards.
"""

import time
from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from classifier.training.masking import SPECIAL
from classifier.training.model import LabelAttention, word_rows

_ASKED = 0.15
_RATE = 1e-4
_MOST_TOKENS = 128


def warm_up(
    model: LabelAttention,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    minutes: float,
    *,
    batch: int = 48,
    clock: Callable[[], float] = time.monotonic,
) -> list[float]:
    """Trains the encoder on texts without labels; returns the loss of every step.

    Args:
        model: its encoder and word rows learn.
        tokenizer: that of the model; left without padding and truncation.
        texts: any.
        minutes: to train.
        batch: texts in a step.
        clock: monotonic seconds.
    """
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MOST_TOKENS)
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts)) if len(encoding.ids) > 2]
    tokenizer.no_truncation()
    mask_id = tokenizer.token_to_id("[MASK]") or 0
    device = word_rows(model.encoder).device
    optimizer = torch.optim.AdamW([p for p in model.encoder.parameters() if p.requires_grad], lr=_RATE)
    losses: list[float] = []
    model.train()
    ends_at = clock() + minutes * 60
    while ids and clock() < ends_at:
        chosen = sorted((ids[int(i)] for i in torch.randint(len(ids), (batch,))), key=len)
        loss = _loss(model, _padded(chosen).to(device), mask_id)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.encoder.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def _padded(ids: Sequence[Sequence[int]]) -> Tensor:
    longest = -(-max(map(len, ids)) // 8) * 8
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids])


def _loss(model: LabelAttention, ids: Tensor, mask_id: int) -> Tensor:
    rows = word_rows(model.encoder)  # [V, d]
    asked = (torch.rand(ids.shape, device=ids.device) < _ASKED) & (ids >= SPECIAL)  # [B, L]
    asked[0, 1] = True  # never none at all
    chance = torch.rand(ids.shape, device=ids.device)
    shown = torch.where(asked & (chance < 0.8), mask_id, ids)
    others = torch.randint_like(ids, SPECIAL, len(rows))
    shown = torch.where(asked & (chance >= 0.8) & (chance < 0.9), others, shown)
    hidden = model.encoder(input_ids=shown, attention_mask=(ids != 0).long()).last_hidden_state  # [B, L, d]
    guesses = hidden[asked] @ rows.T  # [M, V]
    return F.cross_entropy(guesses, ids[asked])
