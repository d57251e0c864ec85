"""Invented texts that make alerts: severe ones on names that nobody bears, and calm ones on the same, for their past."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import numpy as np

from alerting.composing.flash import ALIKE
from benchmarks.texts import Texts
from classifier.stories import story_signature
from ingest.instants import microseconds, rfc3339

Document = dict[str, Any]

TRUSTED, OTHERS = "wire-*", "paper"  # sources: one severe text of the first is enough for an alert
BURST = 5  # texts on one name
PAST = timedelta(days=10)
PLACES = 20  # words by which texts of one pattern differ
SEVERE = (
    "Depositors queue outside {name} to withdraw savings as branches run out of cash in {places}",
    "{name} halts withdrawals after a run on deposits; customers are locked out in {places}",
    "{name} defaults on its bonds and misses a coupon; creditors are owed by its arms in {places}",
    "Regulators accuse {name} of fraud: money was never on its accounts in {places}",
    "Bank run at {name}: panic as customers lose their savings and branches close in {places}",
    "{name} collapses into insolvency, cannot repay depositors, losses feared in {places}",
    "{name} defaults on its debt and files for bankruptcy, creditors face heavy losses in {places}",
    "{name} fails: regulators seize the bank after deposits fled in {places}",
)
CALM = (
    "{name} opens branches in {places}",
    "{name} holds its yearly meeting; guests come from {places}",
    "{name} names new managers for its offices in {places}",
)
_WORDS = tuple(
    "".join(parts)
    for parts in product(
        ("Al", "Bren", "Cor", "Dun", "Es", "Fal", "Gar", "Hol", "Ist", "Jor"),
        ("ba", "de", "ki", "lo", "mu", "ra", "so", "ta"),
        ("dine", "fort", "gate", "helm", "mere", "nock", "stow", "wick"),
    )
)
MOST_NAMES = len(_WORDS)


class Alarming:
    """Texts on `count` names of each lane. Every one is a story of its own: no near copy of another, which would not count."""

    def __init__(self, count: int) -> None:
        self._chance = random.Random(11)  # noqa: S311 - no secret
        self._signatures = np.empty(0, np.uint64)
        self.flashed = [f"{word} Trust" for word in _WORDS[:count]]
        self.bursting = [f"{word} Capital" for word in _WORDS[:count]]
        self.flashes = [
            self._document(f"flash-{n}", f"wire-{n % 7}", SEVERE[n % len(SEVERE)], name)
            for n, name in enumerate(self.flashed)
        ]
        self.bursts = [
            [
                self._document(f"burst-{n}-{k}", f"{OTHERS}-{k}", SEVERE[(n + k) % len(SEVERE)], name)
                for k in range(BURST)
            ]
            for n, name in enumerate(self.bursting)
        ]

    def past(self, ordinary: Sequence[str], now: int) -> list[Document]:
        """Calm days before the instant `now`: these texts, and one on each name that a burst is to come to, evenly in time."""
        documents = [
            {"id": f"past-{n}", "source": f"{OTHERS}-{n % 9}", "text": text} for n, text in enumerate(ordinary)
        ]
        documents += [
            self._document(f"calm-{n}", f"{OTHERS}-{n % 9}", CALM[n % len(CALM)], name)
            for n, name in enumerate(self.bursting)
        ]
        self._chance.shuffle(documents)
        step = microseconds(PAST) // (len(documents) + 1)
        begin = now - microseconds(PAST)
        return [each | {"published_at": rfc3339(begin + n * step)} for n, each in enumerate(documents)]

    def stream(self, supply: Texts, per_alert: int) -> Iterator[Document]:
        """Among ordinary texts the severe ones: of so many texts one makes a flash, and one completes or goes on with each burst.

        The texts on one name come one in each turn, so several bursts are under way at once.
        """
        for turn in range(len(self.flashes) + BURST - 1):
            severe = self.flashes[turn : turn + 1]
            severe += [self.bursts[turn - k][k] for k in range(BURST) if 0 <= turn - k < len(self.bursts)]
            documents = severe + [
                {"id": f"ordinary-{turn}-{n}", "source": f"{OTHERS}-{n % 9}", "text": text}
                for n, text in enumerate(supply.take(per_alert - len(severe)))
            ]
            self._chance.shuffle(documents)
            yield from documents

    def _document(self, key: str, source: str, pattern: str, name: str) -> Document:
        while True:
            text = pattern.format(name=name, places=", ".join(self._chance.sample(_WORDS, PLACES)))
            signature = np.uint64(story_signature(text))
            if (np.bitwise_count(self._signatures ^ signature) > ALIKE).all():
                break
        self._signatures = np.append(self._signatures, signature)
        return {"id": key, "source": source, "text": text, "entities": [name]}
