"""Logits of many texts, by the trained network or by an exported graph, in batches of like length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from classifier.training.model import load_served
from classifier.training.vocabulary import read_tokenizer

Run = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]
"""From ids and mask, int64 [B, L], to topic logits [B, T], sentiment logits [B, 3] and attention [B, T + 1, L]."""


@dataclass(frozen=True, slots=True)
class Logits:
    """Scores before calibration.

    Attributes:
        topics: float32 [N, T].
        sentiment: float32 [N, 3].
    """

    topics: np.ndarray
    sentiment: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Logits":
        """The rows that a boolean or index array chooses."""
        return Logits(self.topics[chosen], self.sentiment[chosen])


def run_onnx(graph: Path) -> Run:
    """Loads an exported graph on the CPU, on as many threads as torch was given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})


def score_onnx(graph: Path, tokenizer: Path, texts: Sequence[str], max_tokens: int = 256) -> Logits:
    """Scores texts with an exported graph on the CPU."""
    return score(run_onnx(graph), tokenizer, texts, max_tokens)


def score_torch(folder: Path, texts: Sequence[str], max_tokens: int = 256) -> Logits:
    """Scores texts with the trained network in float32, with word rows of 8 bits."""
    model, _ = load_served(folder)

    @torch.inference_mode()
    def run(ids: np.ndarray, mask: np.ndarray) -> Sequence[np.ndarray]:
        scores = model(torch.from_numpy(ids), torch.from_numpy(mask))
        return [scores.topic_logits.numpy(), scores.sentiment_logits.numpy()]

    return score(run, folder / "tokenizer.json", texts, max_tokens)


def score(run: Run, tokenizer_file: Path, texts: Sequence[str], max_tokens: int) -> Logits:
    """Scores texts with any function that runs a batch; the answer is in the order of `texts`."""
    tokenizer = read_tokenizer(tokenizer_file)
    tokenizer.enable_truncation(max_tokens)
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
    answers = {row: outputs[:2] for row, outputs in each(run, ids)}
    ordered = [answers[row] for row in range(len(ids))]
    return Logits(np.stack([t for t, _ in ordered]), np.stack([s for _, s in ordered]))


def each(run: Run, ids: Sequence[Sequence[int]], batch: int = 32) -> Iterator[tuple[int, list[np.ndarray]]]:
    """The place of each text and its outputs (topic logits [T], sentiment logits [3], attention [T + 1, L]), shortest first."""
    for rows in _like_lengths(ids, batch):
        outputs = run(*pad([ids[row] for row in rows]))
        for i, row in enumerate(rows):
            yield row, [output[i] for output in outputs]


def _like_lengths(ids: Sequence[Sequence[int]], batch: int) -> Iterator[list[int]]:
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    for start in range(0, len(order), batch):
        yield order[start : start + batch]


def pad(ids: Sequence[Sequence[int]], multiple: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask, int64 [B, L], with L the longest rounded up to a multiple."""
    longest = -(-max(len(row) for row in ids) // multiple) * multiple
    input_ids = np.zeros((len(ids), longest), np.int64)
    mask = np.zeros_like(input_ids)
    for i, row in enumerate(ids):
        input_ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return input_ids, mask
