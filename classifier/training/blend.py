"""Weighted means of trained models with one vocabulary, as a new model.

    python -m classifier.training.blend --out DIR [--untrained 0.4] MODEL... [--weights W...]

Points of one training, or of trainings that began at one model, have a mean that is often better than each of them (Wortsman et
al., "Model soups", 2022). The mean with the encoder as it was before any label was taught, `--untrained`, takes back much of
what a long training learnt by heart, and is a better place to go on from than where it ended (Ash and Adams, "On warm-starting
neural network training", 2020).
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedModel

from classifier.training.licences import joined
from classifier.training.model import Card, LabelAttention, load_encoder, load_model, save_model
from classifier.training.train import packaged_encoder
from classifier.training.vocabulary import read_tokenizer

_WORD_ROWS = "embeddings.word_embeddings.weight"


@torch.no_grad()
def blend(models: Sequence[LabelAttention], weights: Sequence[float]) -> LabelAttention:
    """The first model with the weighted mean of all in its parameters; the weights are rescaled to sum to 1.

    Raises:
        ValueError: the models differ in shape, or there is not a weight for each.
    """
    states = [model.state_dict() for model in models]
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("the models differ in shape: blend models of one training")
    total = sum(weights)
    for name, value in states[0].items():
        if value.is_floating_point():
            each = zip(states, weights, strict=True)
            value.copy_(torch.stack([state[name] * (weight / total) for state, weight in each]).sum(0))
    return models[0]


@torch.no_grad()
def towards_untrained(
    model: LabelAttention, vocabulary: dict[str, int], untrained: PreTrainedModel, words: dict[str, int], share: float
) -> None:
    """Moves a model's encoder a share of the way back to the one it began as; queries, heads and words of its own stay.

    Args:
        model: changed in place.
        vocabulary: id of each of its words.
        untrained: the encoder that it began as.
        words: id of each of that encoder's words.
        share: 0 to 1.
    """
    common = [(vocabulary[word], place) for word, place in words.items() if word in vocabulary]
    ours, theirs = (torch.tensor(places) for places in zip(*common, strict=True))
    source = untrained.state_dict()
    for name, value in model.encoder.state_dict().items():
        if name == _WORD_ROWS:
            value[ours] = torch.lerp(value[ours], source[name][theirs], share)
        elif value.is_floating_point():
            value.lerp_(source[name], share)


def _of_all(cards: Sequence[Card]) -> Card:
    """The first card with what the others say of where their networks come from."""
    if any(card.topics != cards[0].topics for card in cards):
        raise ValueError("the models know different topics")
    noted = [card.languages for card in cards]
    return replace(
        cards[0],
        teachers=tuple(dict.fromkeys(chain.from_iterable(card.teachers for card in cards))),
        languages=tuple(sorted(set(chain.from_iterable(noted)))) if all(noted) else (),
        licences=joined(chain.from_iterable(card.licences for card in cards)),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the weighted mean of trained models.")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="folders `model` that training wrote")
    parser.add_argument("--weights", nargs="+", type=float, help="one a model; equal ones if not given")
    parser.add_argument("--untrained", type=float, default=0.0, help="share of the encoder before any training")
    parser.add_argument(
        "--encoder", default="", help="name or path of that encoder; the packaged MiniLM-L6 if not given"
    )
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    loaded = [load_model(folder) for folder in given.models]
    card = _of_all([card for _, card in loaded])
    model = blend([network for network, _ in loaded], given.weights or [1.0] * len(loaded))
    file = given.models[0] / "tokenizer.json"
    if given.untrained:
        name = given.encoder or packaged_encoder()
        words = AutoTokenizer.from_pretrained(name).get_vocab()
        towards_untrained(model, read_tokenizer(file).get_vocab(), load_encoder(name), words, given.untrained)
    save_model(model, card, file.read_text("utf-8"), given.out)


if __name__ == "__main__":
    main()
