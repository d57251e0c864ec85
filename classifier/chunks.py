"""What the network says of a text that it read in several overlapping chunks, put together exactly.

What a label's query gathers from a text is c = sum_i a_i h_i, with a = softmax(s) over the tokens, and the label's logit is
linear in c. A softmax over several chunks is that of each chunk, weighted by a softmax over the chunks' log masses
m_j = log sum_i exp(s_ji) (Milakov and Gimelshein, 2018, "Online normalizer calculation for softmax"). So pooled logits are those
of one attention over all chunks' hidden states; tokens in an overlap count twice.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifier.session import Outputs
from classifier.tokenizer import Tokens


def pooled(chunks: Sequence[Outputs], tokens: Tokens) -> Outputs:
    """What the network says of a whole text, from what it said of its chunks.

    Args:
        chunks: a row of the network's outputs for each chunk, in order, without the batch's dimension.
        tokens: of the text, L of them.

    Returns:
        Outputs without the batch's dimension; `attention` is [T + 1, L], and a chunk whose leading sentiment is not the text's
        gives no evidence for the text's.
    """
    if len(chunks) == 1:
        return chunks[0]._replace(attention=chunks[0].attention[:, : len(tokens)])
    masses = np.stack([chunk.log_mass for chunk in chunks])  # [C, T + 1]
    powers = np.exp(masses - masses.max(0))  # [C, T + 1]
    shares = powers / powers.sum(0)  # [C, T + 1]
    topics = (shares[:, :-1] * np.stack([chunk.topic_logits for chunk in chunks])).sum(0)  # [T]
    sentiment = (shares[:, -1:] * np.stack([chunk.sentiment_logits for chunk in chunks])).sum(0)  # [3]
    return Outputs(
        topics, sentiment, _evidence(shares, chunks, sentiment, tokens), masses.max(0) + np.log(powers.sum(0))
    )


def _evidence(
    shares: NDArray[np.float32], chunks: Sequence[Outputs], sentiment: NDArray[np.float32], tokens: Tokens
) -> NDArray[np.float32]:
    """Evidence of each token of the text, [T + 1, L]; rows sum to 1, special tokens apart."""
    agrees = np.array([chunk.sentiment_logits.argmax() == sentiment.argmax() for chunk in chunks])
    heard = shares.copy()  # [C, T + 1]
    if agrees.any():
        heard[~agrees, -1] = 0
    evidence = np.zeros((heard.shape[1], len(tokens)), np.float32)
    for share, chunk, ids, start in zip(heard, chunks, tokens.chunks, tokens.starts, strict=True):
        inner = len(ids) - 2
        evidence[:, start : start + inner] += share[:, None] * chunk.attention[:, 1 : 1 + inner]
    evidence /= evidence.sum(1, keepdims=True).clip(min=1e-12)
    return evidence
