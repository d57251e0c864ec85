"""The network without anything around it, the tokenizer alone, and the product's own scorer."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from classifier.artifact import SHIPPED, TOKENIZER, Model, read_artifact
from classifier.batches import PaddedBatch, bucketed, shapes
from classifier.lookahead import PORTION_BYTES, READ_BYTES
from classifier.scorer import Scorer
from classifier.session import Session
from classifier.tokenizer import Tokenizer

_AROUND_TEXT = 110  # bytes of a record's JSON besides its text
_POLLED = 500

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]  # ids and mask, each [B, L]


def portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """As many texts together as the daemon takes at once."""
    portion: list[str] = []
    size = 0
    for text in texts:
        more = min(len(text.encode()) + _AROUND_TEXT, READ_BYTES)
        if portion and (size + more > PORTION_BYTES or len(portion) == _POLLED):
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += more
    if portion:
        yield portion


class Network:
    """The shipped artifact, loaded as the runtime does it by itself, bare, and as the product uses it. Same threads."""

    def __init__(self, model: Model = "default") -> None:
        artifact = read_artifact(SHIPPED, model)
        self.manifest, self.artifact = artifact.manifest, artifact.id
        self.tokenizer_file = artifact.path(TOKENIZER)
        self.tokenizer = Tokenizer(self.tokenizer_file, artifact.manifest.max_tokens)
        self._session = Session(artifact, device="cpu")
        self.threads = self._session.threads
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        self._plain = ort.InferenceSession(artifact.path(artifact.network), options, providers=["CPUExecutionProvider"])
        self._shapes = shapes(artifact.manifest.max_tokens)
        self._scorer = Scorer.open(SHIPPED, model=model, device="cpu")

    def groups(self, texts: Sequence[str]) -> Iterator[tuple[PaddedBatch, list[NDArray[np.int64]]]]:
        """How the daemon puts texts together, each group with the ids of its members, which are texts or chunks of them."""
        for portion in portions(texts):
            chunks = [ids for text in self.tokenizer.encode(portion) for ids in text.chunks]
            for group in bucketed([len(ids) for ids in chunks], self._shapes):
                yield group, [chunks[place] for place in group.members]

    def bare(self, texts: Sequence[str]) -> float:
        """Seconds for texts tokenised and put into the daemon's shapes beforehand, a run on each thread at once."""
        batches = [self._batch(group, members) for group, members in self.groups(texts)]
        with ThreadPoolExecutor(self._session.runs) as threads:
            began = time.perf_counter()
            for run in [threads.submit(self._session.run, *batch) for batch in batches]:
                run.result()
            return time.perf_counter() - began

    def spread(self, texts: Sequence[str]) -> float:
        """The same one run after another, each spread over all threads: what the runtime does unless told otherwise."""
        batches = [self._batch(group, members) for group, members in self.groups(texts)]
        began = time.perf_counter()
        for ids, mask in batches:
            self._plain.run(None, {"input_ids": ids, "attention_mask": mask})
        return time.perf_counter() - began

    def tokenising(self, texts: Sequence[str]) -> float:
        """Seconds for tokens alone."""
        began = time.perf_counter()
        for portion in portions(texts):
            self.tokenizer.encode(portion)
        return time.perf_counter() - began

    def scored(self, texts: Sequence[str]) -> float:
        """Seconds that `Scorer.score` takes: probabilities, labels and evidence too."""
        self._scorer.forget()
        began = time.perf_counter()
        for portion in portions(texts):
            self._scorer.score(portion)
        return time.perf_counter() - began

    def _batch(self, group: PaddedBatch, members: Sequence[NDArray[np.int64]]) -> Batch:
        """Without the rows that are missing: the product leaves them out too, once it knows that it may."""
        return padded(members, group.shape.length, self.tokenizer.padding)


def padded(rows: Sequence[NDArray[np.int64]], length: int, padding: int) -> Batch:
    """Ids and mask of `rows`, filled up to `length`."""
    ids = np.full((len(rows), length), padding, np.int64)  # [B, L]
    mask = np.zeros_like(ids)  # [B, L]
    for row, chunk in enumerate(rows):
        ids[row, : len(chunk)] = chunk
        mask[row, : len(chunk)] = 1
    return ids, mask
