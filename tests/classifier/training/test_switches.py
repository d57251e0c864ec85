"""What the switches of training do, each by itself."""

import pytest
import torch
from tokenizers import Tokenizer

from classifier.training.adapters import add_adapters, merge_adapters
from classifier.training.adversary import against
from classifier.training.labels import TOPICS
from classifier.training.model import LabelAttention, load_encoder, word_rows
from classifier.training.warmup import warm_up
from tests.classifier.training.tiny import SENTENCES, tokenizer_json


@pytest.fixture
def model(encoder: str) -> LabelAttention:
    torch.manual_seed(1)
    return LabelAttention(load_encoder(encoder), len(TOPICS), dropout=0.0)


IDS = torch.arange(5, 15)[None]
MASK = torch.ones_like(IDS)


def test_adapters_learn_instead_of_the_matrices_and_are_gone_after_merging(model: LabelAttention) -> None:
    names = set(model.state_dict())
    add_adapters(model, 4)
    learning = {name for name, p in model.encoder.named_parameters() if p.requires_grad}
    assert all("lora" in name or "word_embeddings" in name for name in learning)
    assert any("lora" in name for name in learning)
    for name, p in model.encoder.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p, std=0.3)
    model.eval()
    before = model(IDS, MASK).topic_logits
    merge_adapters(model)
    assert set(model.state_dict()) == names
    torch.testing.assert_close(model(IDS, MASK).topic_logits, before, atol=1e-4, rtol=1e-4)


def test_the_adversary_raises_the_loss_and_puts_the_word_rows_back(model: LabelAttention) -> None:
    model.eval()
    rows = word_rows(model.encoder)
    before = rows.detach().clone()

    def loss() -> torch.Tensor:
        return -model(IDS, MASK).sentiment_logits.log_softmax(-1)[:, 0].sum()

    usual = loss()
    usual.backward()
    with against(rows, 0.5):
        assert (rows - before).norm().item() == pytest.approx(0.5, rel=1e-3)
        assert loss() > usual
    assert torch.equal(rows, before)


def test_guessing_masked_words_gets_better_and_ends_in_time(model: LabelAttention) -> None:
    now = iter(range(10_000))
    losses = warm_up(
        model, Tokenizer.from_str(tokenizer_json()), SENTENCES, 4.0, batch=16, clock=lambda: float(next(now))
    )
    assert len(losses) == 239
    assert sum(losses[-20:]) < 0.9 * sum(losses[:20])
