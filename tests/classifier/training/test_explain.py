from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from classifier.artifact import Artifact, Temperature
from classifier.training.data import LabelWeights, read_examples
from classifier.training.explain import explain, without
from classifier.training.labels import TOPICS
from classifier.training.model import LabelAttention, load_encoder


def test_striking_out_the_words_that_matter_costs_more_than_striking_out_others(tiny: Artifact, labelled: Path) -> None:
    # A model that makes no mistake at all is sharpened without bound, and then no word of several can be missed.
    soft = replace(tiny, manifest=replace(tiny.manifest, temperature=Temperature(1.0, 1.0)))
    report = explain(soft, read_examples([labelled], TOPICS, LabelWeights()))
    figures = report["sentiment"]["all"]
    assert figures["answers"] > 10
    assert figures["drop_of_top_words"] > figures["drop_of_random_words"]
    low, high = figures["interval"]
    assert 0 < low <= figures["gap"] <= high


def test_words_are_struck_out_at_their_places() -> None:
    assert without("Shares fell, bonds rose", [(13, 18), (0, 6)]) == " fell,  rose"


@pytest.fixture(scope="module")
def network(encoder: str) -> LabelAttention:
    """A head whose answers are known by hand: the first three places of a token are what it says of the three sentiments."""
    model = LabelAttention(load_encoder(encoder), len(TOPICS)).eval()
    with torch.no_grad():
        model.sentiment.weight.zero_()
        model.sentiment.weight[:, :3] = 4 * torch.eye(3)
    return model


def test_evidence_of_a_sentiment_is_what_spoke_for_it_not_what_spoke_against_it(network: LabelAttention) -> None:
    hidden = torch.zeros(1, 6, 32)
    hidden[0, 1, 0], hidden[0, 3, 2] = 1.0, 2.0  # token 1 says negative, token 3 says positive, and louder
    mask = torch.tensor([[1, 1, 1, 1, 1, 0]])
    evidence = network.evidence(hidden, network.pool(hidden, mask))[0, -1].detach().numpy()
    assert evidence.argmax() == 3
    assert evidence[3] > 0.9
    assert evidence[1] < 0.01


def test_evidence_sums_to_one_and_never_lies_on_padding(network: LabelAttention) -> None:
    hidden = torch.randn(4, 7, 32, generator=torch.Generator().manual_seed(2))
    mask = torch.tensor([[1] * 7, [1] * 5 + [0] * 2, [1] * 3 + [0] * 4, [1] + [0] * 6])
    scores = network.pool(hidden, mask)
    evidence = network.evidence(hidden, scores).detach()
    np.testing.assert_allclose(evidence.sum(-1), 1, atol=1e-5)
    assert not evidence[(mask[:, None] == 0).expand_as(evidence)].any()
    assert torch.equal(evidence[:, :-1], scores.attention[:, :-1])
