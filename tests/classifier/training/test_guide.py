"""A guide's hidden states are followed, although it cuts texts at other places."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from classifier.training import train
from classifier.training.batches import TokenizedExamples, collate
from classifier.training.data import LabelWeights, read_examples
from classifier.training.guide import LIFT, Guide, add_lift, distance, remove_lift, shares
from classifier.training.labels import TOPICS
from classifier.training.model import LabelAttention, load_encoder, load_model
from tests.classifier.training.tiny import tokenizer_json


def test_a_token_follows_the_guides_tokens_over_its_own_characters() -> None:
    own = [(0, 0), (0, 2), (2, 5), (5, 6), (0, 0)]  # [CLS], two characters, three, one that the guide leaves out, [SEP]
    guides = [(0, 0), (0, 1), (1, 2), (2, 3), (3, 5), (0, 0)]
    expected = [[0, 0, 0, 0, 0, 0], [0, 0.5, 0.5, 0, 0, 0], [0, 0, 0, 1 / 3, 2 / 3, 0], [0] * 6, [0] * 6]
    np.testing.assert_allclose(shares(own, guides), expected, atol=1e-6)


def test_the_distance_is_a_share_of_what_is_followed_and_leaves_out_what_has_no_state() -> None:
    states = torch.zeros(2, 3, 4)
    states[0, :2], states[1, 0] = 2.0, 5.0
    torch.testing.assert_close(distance(states, states), torch.zeros(2))
    torch.testing.assert_close(distance(torch.zeros_like(states), states), torch.ones(2))
    lifted = states.clone()
    lifted[0, 1] = 0.0  # one of the two that count
    lifted[:, 2] = 9.0  # follows nothing
    torch.testing.assert_close(distance(lifted, states), torch.tensor([0.5, 0.0]))


@pytest.fixture(scope="module")
def guide(trained: Path) -> Guide:
    return Guide(trained, 64)


def test_a_learner_with_another_tokenizer_comes_close_to_its_guide(encoder: str, guide: Guide, labelled: Path) -> None:
    torch.manual_seed(4)
    model = LabelAttention(load_encoder(encoder), len(TOPICS), dropout=0.0).eval()
    english = [e for e in read_examples([labelled], TOPICS, LabelWeights()) if e.lang == "en"]
    rows = TokenizedExamples(english[:24], Tokenizer.from_str(tokenizer_json()), 64, guide=guide)
    batch = collate([rows[i] for i in range(24)])
    assert batch["guide_rows"].tolist() == list(range(24))
    states = guide.states(batch)  # [G, L, e]
    assert (states.square().sum(-1) > 0).sum() > 24
    add_lift(model, guide.width)
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learning, lr=3e-3)
    apart = []
    for _ in range(80):
        hidden = model.encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
        loss = distance(model.get_submodule(LIFT)(hidden), states).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        apart.append(loss.item())
    assert apart[-1] < 0.3 * apart[0]
    remove_lift(model)
    assert not any(LIFT in name for name in model.state_dict())


def test_a_batch_that_no_guide_can_read_asks_for_none(guide: Guide, labelled: Path) -> None:
    examples = read_examples([labelled], TOPICS, LabelWeights())[:4]
    rows = TokenizedExamples(examples, Tokenizer.from_str(tokenizer_json()), 64)
    assert "guide_rows" not in collate([rows[i] for i in range(4)])


def test_a_training_with_a_guide_leaves_a_model_without_its_map_and_names_it(
    encoder: str, trained: Path, labelled: Path, tmp_path: Path
) -> None:
    command = ["--data", str(labelled), "--out", str(tmp_path), "--encoder", encoder, "--guide", str(trained)]
    train.main([*command, "--max-steps", "12", "--batch", "8", "--check-every", "6", "--augmented", "0.5"])
    _, card = load_model(tmp_path / "model")
    assert card.teachers == (load_model(trained)[1].encoder,)
    assert not any(LIFT in name for name in load_file(tmp_path / "model" / "weights.safetensors"))
    kept = load_file(tmp_path / "checkpoints" / "checkpoint-12" / "model.safetensors")
    assert {name for name in kept if name.startswith(LIFT)} == {"lift.weight", "lift.bias"}
    before = load_file(tmp_path / "checkpoints" / "checkpoint-6" / "model.safetensors")
    assert not torch.equal(before["lift.weight"], kept["lift.weight"])  # nothing but following teaches it
