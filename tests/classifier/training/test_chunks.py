"""A text read in chunks is answered as by one attention over all of them."""

import numpy as np
import pytest
import torch

from classifier.chunks import pooled
from classifier.session import Outputs
from classifier.tokenizer import Tokenizer
from classifier.training.labels import TOPICS
from classifier.training.model import LabelAttention, load_encoder
from classifier.training.scoring import read, run_torch
from tests.classifier.training.tiny import SENTENCES, tokenizer_json

LONG = " ".join(SENTENCES * 4)


@pytest.fixture
def model(encoder: str) -> LabelAttention:
    """Untrained, but every query looks somewhere."""
    torch.manual_seed(4)
    made = LabelAttention(load_encoder(encoder), len(TOPICS)).eval()
    torch.nn.init.normal_(made.queries, std=3.0)
    return made


@pytest.fixture
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    file = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    file.write_text(tokenizer_json(), "utf-8")
    return Tokenizer(file, 24)


@torch.inference_mode()
def test_pooled_answers_are_those_of_one_attention_over_the_hidden_states_of_all_chunks(
    model: LabelAttention, tokenizer: Tokenizer
) -> None:
    (tokens,) = tokenizer.encode([LONG])
    assert len(tokens.chunks) > 3
    ids = torch.from_numpy(np.stack(tokens.chunks))
    hidden = model.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state  # [C, L, d]
    together = hidden.flatten(0, 1)[None]  # [1, C * L, d]
    expected = model.pool(together, torch.ones(together.shape[:2], dtype=torch.long))
    (said,) = read(run_torch(model), [tokens])
    for name in ("topic_logits", "sentiment_logits", "log_mass"):
        np.testing.assert_allclose(getattr(said, name), getattr(expected, name)[0].numpy(), atol=1e-5)


@torch.inference_mode()
def test_topics_point_where_that_attention_points(model: LabelAttention, tokenizer: Tokenizer) -> None:
    (tokens,) = tokenizer.encode([LONG])
    ids = torch.from_numpy(np.stack(tokens.chunks))
    hidden = model.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    together = hidden.flatten(0, 1)[None]
    weights = (
        model.pool(together, torch.ones(together.shape[:2], dtype=torch.long)).attention[0].unflatten(1, ids.shape)
    )
    (said,) = read(run_torch(model), [tokens])
    expected = np.zeros_like(said.attention[:-1])
    for chunk, start in enumerate(tokens.starts):
        expected[:, start : start + ids.shape[1] - 2] += weights[:-1, chunk, 1:-1].numpy()
    np.testing.assert_allclose(said.attention[:-1], expected / expected.sum(1, keepdims=True), atol=1e-5)


def test_a_chunk_that_leans_the_other_way_gives_no_evidence(tokenizer: Tokenizer) -> None:
    (tokens,) = tokenizer.encode([LONG])
    count, length = len(tokens.chunks), len(tokens.chunks[0])
    for_it, against = np.array([2.0, 0, 0], np.float32), np.array([0, 0, 1.0], np.float32)
    attention = np.full((2, length), 1 / length, np.float32)
    chunks = [
        Outputs(np.zeros(1, np.float32), against if chunk == 1 else for_it, attention, np.zeros(2, np.float32))
        for chunk in range(count)
    ]
    said = pooled(chunks, tokens)
    assert said.sentiment_logits.argmax() == 0
    alone = slice(tokens.starts[0] + length - 2, tokens.starts[2])
    assert alone.start < alone.stop
    assert not said.attention[-1, alone].any()
    assert said.attention[0, alone].all()
    assert said.attention[-1].sum() == pytest.approx(1)
