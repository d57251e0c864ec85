"""From examples to batches: tokens once, a mild balance of corpora and rare topics, neighbours of like length."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from classifier.training.augment import disturbed
from classifier.training.data import Example, Told
from classifier.training.guide import Guide, Guided, collate_guided
from classifier.training.labels import SENTIMENTS, TOPICS
from classifier.training.loss import Answers, Targets

_UNTOLD = Told((0.0,) * len(SENTIMENTS), (0.0,) * len(TOPICS), 0.0)


@dataclass(frozen=True, slots=True)
class Balance:
    """How far small corpora and rare topics are drawn more often than they come.

    Attributes:
        source_power: a corpus of n rows is drawn as if it had n ** source_power, rescaled; 1 leaves it as it is.
        rare_topic_rows: a row of a topic with fewer rows than this in its language is drawn up to `most` times as often.
        most: the most often that such a row is drawn in a pass, all factors together.
        written: how often a row of the source `written` is drawn in a pass; those are few and meant.
    """

    source_power: float = 0.75
    rare_topic_rows: int = 600
    most: float = 4.0
    written: float = 5.0


def draw_rates(examples: Sequence[Example], balance: Balance) -> np.ndarray:
    """How often each example is drawn in a pass, float64 [N]."""
    per_source = Counter(example.source for example in examples)
    per_topic = Counter(
        (e.lang, t) for e in examples for t, holds in enumerate(e.topics) if holds and e.topic_weights[t] >= 0.5
    )
    biggest = max(per_source.values())
    rates = np.empty(len(examples))
    for row, example in enumerate(examples):
        rate = (per_source[example.source] / biggest) ** (balance.source_power - 1)
        rarest = min((per_topic[example.lang, t] for t, holds in enumerate(example.topics) if holds), default=0)
        if 0 < rarest < balance.rare_topic_rows:
            rate *= (balance.rare_topic_rows / rarest) ** 0.5
        rates[row] = balance.written if example.source == "written" else min(rate, balance.most)
    return rates


@dataclass(frozen=True, slots=True)
class Item:
    """One example as the collator wants it."""

    input_ids: list[int]
    example: Example
    guided: Guided | None = None


class TokenizedExamples(Dataset[Item]):
    """Examples with their tokens; each time that one is drawn, its text is disturbed with this probability.

    Chance is Python's own: a run that goes on from a checkpoint has it back from there.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: Tokenizer,
        max_tokens: int,
        augmented: float = 0.0,
        guide: Guide | None = None,
    ) -> None:
        self._tokenizer, self._augmented, self._guide = tokenizer, augmented, guide
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        texts = [example.text for example in examples]
        encodings = tokenizer.encode_batch_fast(texts)
        self._items = [Item(e.ids, x) for e, x in zip(encodings, examples, strict=True)]
        self.lengths = np.array([len(item.input_ids) for item in self._items])
        self._is_guided = guide.reads(texts) if guide else np.zeros(len(texts), bool)  # [N]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Item:
        item = self._items[index]
        text = item.example.text
        if random.random() < self._augmented:  # noqa: S311 - nothing secret
            text = disturbed(text, random.Random(random.getrandbits(64)))  # noqa: S311
        elif not self._is_guided[index]:
            return item
        encoding = self._tokenizer.encode(text)
        return Item(encoding.ids, item.example, self._guided(index, text, encoding))

    def _guided(self, index: int, text: str, encoding: Encoding) -> Guided | None:
        return self._guide.read(text, encoding) if self._guide and self._is_guided[index] else None


class MixedSampler(Sampler[int]):
    """Draws `total` rows in passes, each row about `rates` times a pass, in batches of like length in random order.

    The order is a function of the seed alone, so that a resumed run goes on where it stopped.
    """

    def __init__(self, lengths: np.ndarray, rates: np.ndarray, *, total: int, batch: int, seed: int) -> None:
        self._lengths, self._rates = lengths, rates
        self._total, self._batch, self._seed = total, batch, seed

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng(self._seed)
        left = self._total
        while left > 0:
            deck = self._one_pass(rng)[:left]
            left -= len(deck)
            yield from deck.tolist()

    def _one_pass(self, rng: np.random.Generator, batches_sorted_together: int = 64) -> np.ndarray:
        copies = np.floor(self._rates + rng.random(len(self._rates))).astype(int)
        deck = rng.permutation(np.repeat(np.arange(len(copies)), copies))
        chunk = self._batch * batches_sorted_together
        ordered = [
            part[np.argsort(self._lengths[part], kind="stable")]
            for part in np.array_split(deck, max(1, len(deck) // chunk))
        ]
        batches = [
            part[i : i + self._batch] for part in ordered for i in range(0, len(part) - self._batch + 1, self._batch)
        ]
        if not batches:
            return deck
        return np.concatenate([batches[i] for i in rng.permutation(len(batches))])


def collate(items: Sequence[Item]) -> dict[str, Tensor]:
    """Pads a batch to its longest text, rounded up to a multiple of 8.

    Returns:
        `input_ids` and `attention_mask`, int64 [B, L], the fields of `Targets` and `Answers`, and those of `collate_guided`.
    """
    # Few distinct lengths: oneDNN compiles its kernels once a shape.
    longest = -(-max(len(item.input_ids) for item in items) // 8) * 8
    ids = torch.zeros(len(items), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, item in enumerate(items):
        ids[row, : len(item.input_ids)] = torch.tensor(item.input_ids)
        mask[row, : len(item.input_ids)] = 1
    examples = [item.example for item in items]
    told = [example.told or _UNTOLD for example in examples]
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "sentiment": torch.tensor([example.sentiment for example in examples]),
        "sentiment_weight": torch.tensor([example.sentiment_weight for example in examples]),
        "is_two_way": torch.tensor([example.is_two_way for example in examples]),
        "topics": torch.tensor([example.topics for example in examples]),
        "topic_weights": torch.tensor([example.topic_weights for example in examples]),
        "told_sentiment": torch.tensor([said.sentiment for said in told]),
        "told_topics": torch.tensor([said.topics for said in told]),
        "told_share": torch.tensor([said.share for said in told]),
        **collate_guided([item.guided for item in items], longest),
    }


def targets_of(batch: dict[str, Tensor]) -> Targets:
    """The targets of a collated batch."""
    return Targets(**{field.name: batch[field.name] for field in fields(Targets)})


def answers_of(batch: dict[str, Tensor]) -> Answers:
    """The teachers' answers in a collated batch."""
    return Answers(**{field.name: batch[field.name] for field in fields(Answers)})
