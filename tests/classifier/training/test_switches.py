"""What the switches of training do, each by itself."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from classifier.training import blend as blending
from classifier.training.adapters import add_adapters, merge_adapters
from classifier.training.adversary import against
from classifier.training.blend import blend, towards_untrained
from classifier.training.labels import TOPICS
from classifier.training.masking import with_hidden_words
from classifier.training.model import Card, LabelAttention, load_encoder, load_model, save_model, word_rows
from classifier.training.settings import Settings
from classifier.training.trainer import trainer_arguments
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


def test_hidden_words_are_a_share_of_each_text_and_never_the_marks() -> None:
    torch.manual_seed(2)
    ids = torch.tensor([[2, *range(5, 205), 3, 0, 0]]).repeat(300, 1)  # [CLS] … [SEP] [PAD] [PAD]
    hidden = with_hidden_words(ids, 0.4, mask_id=4)
    changed = hidden != ids
    assert not changed[:, [0, -3, -2, -1]].any()
    assert (hidden[changed] == 4).all()
    shares = changed[:, 1:201].float().mean(1)
    assert shares.mean().item() == pytest.approx(0.2, abs=0.02)
    assert shares.min().item() < 0.05
    assert 0.3 < shares.max().item() < 0.55
    assert torch.equal(with_hidden_words(ids, 0.0, mask_id=4), ids)


def test_a_blend_lies_between_its_models(encoder: str) -> None:
    models = [LabelAttention(load_encoder(encoder), len(TOPICS)) for _ in range(2)]
    first, second = (model.topic_weight.detach().clone() for model in models)
    blended = blend(models, (3.0, 1.0))
    torch.testing.assert_close(blended.topic_weight.detach(), 0.75 * first + 0.25 * second)
    with pytest.raises(ValueError, match="differ in shape"):
        blend([models[0], LabelAttention(load_encoder(encoder), len(TOPICS) + 1)], (1.0, 1.0))


def test_a_blend_has_the_licences_of_all_its_models(encoder: str, tmp_path: Path) -> None:
    own = {"source": "own", "licence": "MIT", "rows": 9}
    desk = {"source": "desk", "licence": "not stated", "rows": 4}
    for name, licences in (("a", (own,)), ("b", (desk, own | {"rows": 5}))):
        network = LabelAttention(load_encoder(encoder), len(TOPICS))
        save_model(network, Card(TOPICS, "tiny", licences=licences), tokenizer_json(), tmp_path / name)
    blending.main([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "mean")])
    assert load_model(tmp_path / "mean")[1].licences == (desk, own)


def test_of_two_gpus_one_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *_, **__: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.set_device", lambda _: None)
    arguments = trainer_arguments(Settings(batch=8), tmp_path)
    assert arguments.device == torch.device("cuda:0")
    assert arguments.n_gpu == 1
    assert arguments.train_batch_size == 8


def test_the_way_back_to_the_untrained_encoder_spares_words_of_ones_own(encoder: str, model: LabelAttention) -> None:
    untrained = load_encoder(encoder)
    with torch.no_grad():
        for p in model.encoder.parameters():
            p.add_(1.0)
    vocabulary = {f"word{place}": place for place in range(len(word_rows(untrained)))}
    common = {word: place for word, place in vocabulary.items() if place < 20}
    towards_untrained(model, vocabulary, untrained, common, 0.4)
    gained = word_rows(model.encoder) - word_rows(untrained)
    torch.testing.assert_close(gained[:20], torch.full_like(gained[:20], 0.6))
    torch.testing.assert_close(gained[20:], torch.ones_like(gained[20:]))
    layer = "encoder.layer.1.output.dense.weight"
    moved = model.encoder.state_dict()[layer] - untrained.state_dict()[layer]
    torch.testing.assert_close(moved, torch.full_like(moved, 0.6))
