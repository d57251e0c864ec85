"""Logits of many texts, by the trained network or by an exported graph, in batches of like length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from classifier.chunks import pooled
from classifier.session import Outputs
from classifier.tokenizer import Tokenizer, Tokens
from classifier.training.model import LabelAttention, load_served

Run = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]
"""From ids and mask, int64 [B, L], to the outputs of `classifier.session.Outputs`."""


@dataclass(frozen=True, slots=True)
class Logits:
    """Scores before calibration.

    Attributes:
        topics: float32 [N, T].
        sentiment: float32 [N, 3].
    """

    topics: np.ndarray
    sentiment: np.ndarray

    @classmethod
    def of(cls, answers: Sequence[Outputs]) -> "Logits":
        """Of texts of which a network has said these."""
        return cls(np.stack([a.topic_logits for a in answers]), np.stack([a.sentiment_logits for a in answers]))

    def rows(self, chosen: np.ndarray) -> "Logits":
        """The rows that a boolean or index array chooses."""
        return Logits(self.topics[chosen], self.sentiment[chosen])


def run_onnx(graph: Path) -> Run:
    """Loads an exported graph on the CPU, on as many threads as torch was given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(list(Outputs._fields), {"input_ids": ids, "attention_mask": mask})


def score_onnx(graph: Path, tokenizer: Path, texts: Sequence[str], max_tokens: int = 256) -> Logits:
    """Scores texts with an exported graph on the CPU."""
    return score(run_onnx(graph), tokenizer, texts, max_tokens)


def score_torch(folder: Path, texts: Sequence[str], max_tokens: int = 256) -> Logits:
    """Scores texts with the trained network in float32, with word rows of 8 bits."""
    model, _ = load_served(folder)
    return score(run_torch(model), folder / "tokenizer.json", texts, max_tokens)


def run_torch(model: LabelAttention) -> Run:
    """Runs a model that is in evaluation mode."""

    @torch.inference_mode()
    def run(ids: np.ndarray, mask: np.ndarray) -> Sequence[np.ndarray]:
        scores = model(torch.from_numpy(ids), torch.from_numpy(mask))
        return [getattr(scores, name).numpy() for name in Outputs._fields]

    return run


def score(run: Run, tokenizer_file: Path, texts: Sequence[str], max_tokens: int) -> Logits:
    """Scores texts with any function that runs a batch; the answer is in the order of `texts`."""
    return Logits.of(read(run, Tokenizer(tokenizer_file, max_tokens).encode(texts)))


def read(run: Run, texts: Sequence[Tokens], batch: int = 32) -> list[Outputs]:
    """What a network says of each text, its chunks pooled, without the batch's dimension."""
    chunks = [ids for text in texts for ids in text.chunks]
    said: dict[int, Outputs] = {}
    for places in _like_lengths(chunks, batch):
        outputs = run(*pad([chunks[place] for place in places]))
        said |= {place: Outputs(*(output[row] for output in outputs)) for row, place in enumerate(places)}
    in_order = (said[place] for place in range(len(chunks)))
    return [pooled(list(islice(in_order, len(text.chunks))), text) for text in texts]


def _like_lengths(ids: Sequence[np.ndarray], batch: int) -> Iterator[list[int]]:
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    for start in range(0, len(order), batch):
        yield order[start : start + batch]


def pad(ids: Sequence[np.ndarray], multiple: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask, int64 [B, L], with L the longest rounded up to a multiple."""
    longest = -(-max(len(row) for row in ids) // multiple) * multiple
    input_ids = np.zeros((len(ids), longest), np.int64)
    mask = np.zeros_like(input_ids)
    for i, row in enumerate(ids):
        input_ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return input_ids, mask
