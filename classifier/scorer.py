"""From texts to scores: tokens, batches, the network, calibrated probabilities as integers, labels, evidence."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Lock

import numpy as np
from cachetools import LRUCache
from msgspec import Struct
from numpy.typing import NDArray

from classifier.artifact import TOKENIZER, Artifact, ArtifactError, Manifest, Model, ModelFails, read_artifact
from classifier.batches import PaddedBatch, bucketed, shapes
from classifier.chunks import pooled
from classifier.scores import WHOLE, Span
from classifier.session import CPU, Outputs, Session
from classifier.spans import spans_of
from classifier.tokenizer import Tokenizer, Tokens

OTHER = "other"
AHEAD = 2  # groups that wait for the network beside those that it reads, while what it said of others is judged
REMEMBERED = 20_000  # texts whose scores are kept for their copies; about 2 KB each

_WARM_UP = "Bank halts withdrawals after regulator opens probe. 银行暂停提款，监管机构展开调查。"


class Stopped(Exception):  # noqa: N818 - asked for, not an error
    """Scoring was given up because it was asked to stop."""


class Scored(Struct, frozen=True):
    """What the model says of one text. Probabilities are integers of 1/10,000."""

    sentiment: tuple[int, int, int]  # negative, neutral, positive; sums to 10,000
    topics: tuple[int, ...]  # in the order of `Scorer.topics`
    labels: tuple[int, ...]  # indexes of the topics over their thresholds; `other` alone when there are none
    spans: tuple[Span, ...]  # in code points of the text as given


class BatchRun(Struct, frozen=True):
    """One run of the network."""

    texts: int  # chunks of long ones count each
    tokens: int
    places: int  # for tokens, padding and fill included


@dataclass(slots=True)
class Work:
    """What scoring took: `Scorer.score` adds to it."""

    texts: int = 0
    cached: int = 0  # copies of a text scored before: not scored again
    truncated: int = 0  # so long that their end was not read
    batches: list[BatchRun] = field(default_factory=list)
    seconds: float = 0.0  # of a portion, decoding included; of those at work at once only one has each second

    def add(self, other: "Work") -> None:
        """Count what another took as well."""
        self.texts += other.texts
        self.cached += other.cached
        self.truncated += other.truncated
        self.batches += other.batches
        self.seconds += other.seconds


def never() -> bool:
    """For who never wants to stop."""
    return False


class Scorer:
    """A loaded, warm model. Several threads may use it: one's texts become tokens while the network reads another's.

    The score of a text depends on the text alone: not on what is scored with it, in which order, or before it.
    """

    def __init__(self, artifact: Artifact, session: Session, tokenizer: Tokenizer) -> None:
        manifest = artifact.manifest
        self.topics: tuple[str, ...] = manifest.topics
        self.artifact: str = artifact.id
        self.name: str = manifest.name
        self.asked: str = session.asked
        self.provider: str = session.provider
        self.threads: int = session.threads
        self._folder = artifact.folder
        self._session = session
        self._tokenizer = tokenizer
        self._shapes = shapes(manifest.max_tokens)
        self._verdict = _Verdict(manifest)
        self._network = ThreadPoolExecutor(session.runs, thread_name_prefix="network")
        self._ahead = session.runs + AHEAD
        self._remembered: LRUCache[bytes, Scored] = LRUCache(REMEMBERED)
        self._lock = Lock()  # of what is remembered
        self._feeding = Lock()  # of who gives the network groups
        self._is_rowwise: dict[int, bool] = {}  # of each length seen: may rows be left out?

    @classmethod
    def open(cls, folder: Path, *, model: Model = "default", device: str = "auto", threads: int = 0) -> "Scorer":
        """Read, verify, load and warm up the artifact in `folder`.

        Raises:
            ArtifactError: the artifact is missing, damaged, or of an unknown format.
            DeviceError: `device` ("auto", "cpu", "cuda") cannot be had.
        """
        artifact = read_artifact(folder, model)
        session = Session(artifact, device=device, threads=threads)
        if session.provider == CPU:
            # The network keeps the cores that may be used busy: threads of the tokenizer's own, one for each core of the
            # machine, would only get in its way.
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        scorer = cls(artifact, session, Tokenizer(artifact.path(TOKENIZER), artifact.manifest.max_tokens))
        try:
            scorer.check()
        except ModelFails as error:
            raise ArtifactError(f"{error}, and install the package again.") from error
        return scorer

    def check(self) -> None:
        """Score two texts of our own, a short and a long one.

        Raises:
            ModelFails: the model cannot do even that.
        """
        texts = [_WARM_UP, _WARM_UP * 40]
        try:
            for _ in self._scored({text.encode(): text for text in texts}, never, Work()):
                pass
        except Exception as error:
            raise ModelFails(
                f"The model in {self._folder} fails on a text of our own ({str(error).strip()[:300]}): "
                "look whether the machine is out of memory"
            ) from error

    def forget(self) -> None:
        """Forget the scores kept for copies: each text is scored anew."""
        with self._lock:
            self._remembered.clear()

    def score(
        self, texts: Sequence[str], *, stop: Callable[[], bool] = never, work: Work | None = None
    ) -> list[Scored]:
        """Score each text, in order.

        Args:
            texts: cleaned texts.
            stop: asked before each batch.
            work: what it took is added here.

        Raises:
            Stopped: `stop` said so. Nothing is returned then, nor remembered; nor is it when scoring fails.
        """
        work = work or Work()
        keys = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        with self._lock:
            known = {key: self._remembered[key] for key in keys if key in self._remembered}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        scored = dict(self._scored(fresh, stop, work))  # all or nothing: what is tried again is no copy
        with self._lock:
            self._remembered.update(scored)
        known |= scored
        work.texts += len(texts)
        work.cached += len(texts) - len(fresh)
        return [known[key] for key in keys]

    def _scored(self, texts: dict[bytes, str], stop: Callable[[], bool], work: Work) -> Iterator[tuple[bytes, Scored]]:
        keys = list(texts)
        tokens = self._tokenizer.encode(list(texts.values()))
        work.truncated += sum(text.truncated for text in tokens)
        chunks = [ids for text in tokens for ids in text.chunks]
        owners = [place for place, text in enumerate(tokens) for _ in text.chunks]
        read: list[list[Outputs]] = [[] for _ in tokens]  # a text's chunks, of one size all, are read in their order
        for group, outputs in self._read(chunks, stop, work):
            for row, chunk in enumerate(group.members):
                place = owners[chunk]
                read[place].append(Outputs(*(output[row] for output in outputs)))
                if len(read[place]) == len(tokens[place].chunks):
                    key, said = keys[place], pooled(read[place], tokens[place])
                    read[place].clear()
                    yield key, self._verdict.of(texts[key], tokens[place], said)

    def _read(
        self, chunks: Sequence[NDArray[np.int64]], stop: Callable[[], bool], work: Work
    ) -> Iterator[tuple[PaddedBatch, Outputs]]:
        """What the network says of each group of chunks; it reads ahead while the groups before are judged.

        Callers take turns, each with all of its groups: fed side by side they would end at the same time, and the network had
        nothing to do while both get their next texts ready.
        """
        running: deque[tuple[PaddedBatch, Future[Outputs]]] = deque()
        try:
            with self._feeding:
                for group in bucketed([len(ids) for ids in chunks], self._shapes):
                    if stop():
                        raise Stopped
                    running.append((group, self._network.submit(self._run, group, chunks)))
                    tokens = sum(len(chunks[place]) for place in group.members)
                    work.batches.append(BatchRun(len(group.members), tokens, self._rows(group) * group.shape.length))
                    if len(running) > self._ahead:
                        yield running[0][0], running.popleft()[1].result()
            while running:
                yield running[0][0], running.popleft()[1].result()
        finally:
            for _, outputs in running:
                outputs.cancel()

    def _rows(self, group: PaddedBatch) -> int:
        """How many rows run: all of the shape, unless it is known that fewer change no bit of those that are there."""
        return len(group.members) if self._is_rowwise.get(group.shape.length) else group.shape.rows

    def _run(self, group: PaddedBatch, chunks: Sequence[NDArray[np.int64]]) -> Outputs:
        """Outputs of the group's rows, and of copies of its last one if the shape is filled up."""
        rows, length = self._rows(group), group.shape.length
        ids = np.full((rows, length), self._tokenizer.padding, np.int64)  # [B, L]
        mask = np.zeros_like(ids)  # [B, L]
        for row in range(rows):
            chunk = chunks[group.members[min(row, len(group.members) - 1)]]
            ids[row, : len(chunk)] = chunk
            mask[row, : len(chunk)] = 1
        outputs = self._session.run(ids, mask)
        if self.provider == CPU and rows > len(group.members) and length not in self._is_rowwise:
            self._is_rowwise[length] = self._agree(ids, mask, outputs)
        return outputs

    def _agree(self, ids: NDArray[np.int64], mask: NDArray[np.int64], whole: Outputs) -> bool:
        """Whether with one row, and with one less than all, each has the bits that it has in the `whole` shape.

        Integer products are exact, but in which order the rest is added up may follow the number of rows, as the processor's
        kernels like it (measured on several threads: logits move by 1e-7, enough to round differently). That order does not
        depend on the data, so one batch of each length tells of all others.
        """
        return all(
            np.array_equal(one, output[:many])
            for many in {1, len(ids) - 1}
            for one, output in zip(self._session.run(ids[:many], mask[:many]), whole, strict=True)
        )


class _Verdict:
    """From what the network says of a text to `Scored`."""

    def __init__(self, manifest: Manifest) -> None:
        self._temperature = manifest.temperature
        self._thresholds = [math.ceil(round(manifest.thresholds[topic] * WHOLE, 6)) for topic in manifest.topics]
        self._other = manifest.topics.index(OTHER) if OTHER in manifest.topics else None

    def of(self, text: str, tokens: Tokens, said: Outputs) -> Scored:
        topics = self._topics(said.topic_logits)
        labels = self._labels(topics)
        attention = said.attention  # [T + 1, L]
        leading = max(labels, key=lambda topic: topics[topic], default=self._other)
        evidence = (
            attention[-1] if leading == self._other or leading is None else (attention[-1] + attention[leading]) / 2
        )
        return Scored(
            sentiment=self._sentiment(said.sentiment_logits),
            topics=topics,
            labels=labels,
            spans=spans_of(text, tokens, evidence),
        )

    def _topics(self, logits: NDArray[np.float32]) -> tuple[int, ...]:
        return tuple(round(WHOLE * _sigmoid(logit / self._temperature.topics)) for logit in logits.tolist())

    def _sentiment(self, logits: NDArray[np.float32]) -> tuple[int, int, int]:
        scaled = [logit / self._temperature.sentiment for logit in logits.tolist()]
        powers = [math.exp(logit - max(scaled)) for logit in scaled]
        negative, neutral, positive = whole_shares([power / sum(powers) for power in powers])
        return negative, neutral, positive

    def _labels(self, topics: Sequence[int]) -> tuple[int, ...]:
        over = [i for i, (p, least) in enumerate(zip(topics, self._thresholds, strict=True)) if p >= least]
        named = tuple(i for i in over if i != self._other)
        return named or (() if self._other is None else (self._other,))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def whole_shares(shares: Sequence[float]) -> list[int]:
    """Integers of 1/10,000 that sum to exactly 10,000: rounded down, and the rest to the largest remainders."""
    floors = [math.floor(share * WHOLE) for share in shares]
    remainders = sorted(range(len(shares)), key=lambda i: (floors[i] - shares[i] * WHOLE, i))
    for i in remainders[: WHOLE - sum(floors)]:
        floors[i] += 1
    return floors
