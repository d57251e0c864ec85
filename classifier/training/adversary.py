"""Adversarial training by the fast gradient method (Miyato et al., 2017), on the word rows."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def against(rows: Tensor, length: float) -> Iterator[None]:
    """Moves the word rows by a step of this length to where their gradient says that the loss grows fastest; and back.

    Args:
        rows: word embedding [V, d] with a gradient.
        length: Euclidean, of the whole step.
    """
    assert rows.grad is not None
    kept = rows.detach().clone()
    with torch.no_grad():
        rows.add_(rows.grad * (length / rows.grad.norm().clamp_min(1e-12)))
    try:
        yield
    finally:
        with torch.no_grad():
            rows.copy_(kept)
