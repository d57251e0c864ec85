"""Our model beside simpler ones on held-out rows, and what a corpus that was never seen costs.

    python -m benchmarks.models --data FILE... --minutes 20 --out models.json
    python -m benchmarks.models --data FILE... --minutes 40 --leave-out en_sentfin zh_finfe --out strangers.json

The first form compares, on the same rows: a lexicon (VADER; English only); TF-IDF of characters with a linear model, on all rows
that may be learnt; our network, and the same with mean pooling, both trained here on a tenth of the rows for the same number of
steps (with `--minutes 0` not at all); and the artifact. The second trains our network on a tenth of the rows, in turn with and
without one corpus, and judges it there.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.machine import machine
from classifier.artifact import SHIPPED, TOKENIZER, read_artifact
from classifier.training.batches import (
    Balance,
    MixedSampler,
    TokenizedExamples,
    collate,
    draw_rates,
    targets_of,
)
from classifier.training.calibrate import known_labels
from classifier.training.data import UNLABELLED, Example, LabelWeights, read_examples, split
from classifier.training.evaluate import evaluate
from classifier.training.hardware import has_fast_bf16
from classifier.training.labels import TOPICS
from classifier.training.loss import total_loss
from classifier.training.model import LabelAttention
from classifier.training.scoring import Logits, run_torch, score, score_onnx
from classifier.training.settings import Settings
from classifier.training.train import build_model, parameter_groups
from classifier.training.vocabulary import read_tokenizer

TENTH = 10
MAX_TOKENS = 128
NEVER = -5.0
"""The logit of what a model cannot say."""


def lexicon(held_out: Sequence[Example]) -> Logits:
    """VADER, with its usual bounds: neutral within 0.05 of zero. It knows no topics."""
    analyzer = SentimentIntensityAnalyzer()
    compound = np.array([analyzer.polarity_scores(example.text)["compound"] for example in held_out], np.float32)
    sentiment = np.stack([-compound, np.full_like(compound, 0.05), compound], 1)
    return Logits(np.full((len(held_out), len(TOPICS)), NEVER, np.float32), sentiment)


def tf_idf(learnt: Sequence[Example], held_out: Sequence[Example]) -> Logits:
    """One to four characters within words, which needs no word boundaries in Chinese, and a linear model for each answer."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), max_features=200_000, sublinear_tf=True)
    seen = vectorizer.fit_transform([example.text for example in learnt])
    asked = vectorizer.transform([example.text for example in held_out])
    labels = np.array([example.sentiment for example in learnt])
    has_sentiment = np.flatnonzero(labels != UNLABELLED)
    sentiment = _linear(seen[has_sentiment], labels[has_sentiment]).decision_function(asked)
    known, holds = known_labels(learnt), np.array([example.topics for example in learnt]) > 0
    topics = np.full((len(held_out), len(TOPICS)), NEVER, np.float32)
    for topic in range(len(TOPICS)):
        rows = np.flatnonzero(known[:, topic])
        if 0 < holds[rows, topic].sum() < len(rows):
            topics[:, topic] = _linear(seen[rows], holds[rows, topic]).decision_function(asked)
    return Logits(topics, sentiment.astype(np.float32))


def _linear(seen: csr_matrix, labels: np.ndarray) -> SGDClassifier:
    return SGDClassifier(loss="log_loss", alpha=2e-6, random_state=1).fit(seen, labels)


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that was trained here.

    Attributes:
        model: in evaluation mode.
        tokenizer: its file.
        steps: that it took.
    """

    model: LabelAttention
    tokenizer: Path
    steps: int

    def logits(self, texts: Sequence[str]) -> Logits:
        """Of these texts."""
        return score(run_torch(self.model), self.tokenizer, texts, MAX_TOKENS)


def train_short(
    learnt: Sequence[Example], folder: Path, *, minutes: float = 1e9, steps: int = 1_000_000, means: bool = False
) -> Trained:
    """Trains our network until the minutes or the steps are over; with `means`, every answer reads the mean of all tokens."""
    torch.manual_seed(1)
    settings = Settings()
    model, _, tokenizer_json = build_model(settings, [example.text for example in learnt])
    if means:  # a query of zeros looks at all tokens alike
        model.queries.requires_grad_(False).zero_()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer_json, "utf-8")
    rows = TokenizedExamples(learnt, read_tokenizer(tokenizer), MAX_TOKENS)
    rates = draw_rates(learnt, Balance())
    order = iter(MixedSampler(rows.lengths, rates, total=settings.batch * 100_000, batch=settings.batch, seed=1))
    optimizer = torch.optim.AdamW(parameter_groups(model, settings), betas=(0.9, 0.98))
    model.train()
    began, step = time.monotonic(), 0
    while step < steps and time.monotonic() - began < minutes * 60:
        batch = collate([rows[next(order)] for _ in range(settings.batch)])
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
            scores = model(batch["input_ids"], batch["attention_mask"])
        optimizer.zero_grad()
        total_loss(scores.topic_logits, scores.sentiment_logits, targets_of(batch)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
    return Trained(model.eval(), tokenizer, step)


def tenth(examples: Sequence[Example]) -> list[Example]:
    """A tenth of the rows, by chance."""
    chosen = np.random.default_rng(4).permutation(len(examples))[: len(examples) // TENTH]
    return [examples[int(i)] for i in sorted(chosen)]


def side_by_side(
    learnt: Sequence[Example], held_out: Sequence[Example], artifact: Path, minutes: float, folder: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and figures of each model."""
    english = [example for example in held_out if example.lang == "en"]
    texts = [example.text for example in held_out]
    yield "lexicon (VADER)", evaluate(english, lexicon(english), TOPICS)
    yield "TF-IDF, linear", evaluate(held_out, tf_idf(learnt, held_out), TOPICS)
    if minutes:
        few = tenth(learnt)
        ours = train_short(few, folder / "attention", minutes=minutes / 2)
        yield "a tenth: label-wise attention", evaluate(held_out, ours.logits(texts), TOPICS) | {"steps": ours.steps}
        means = train_short(few, folder / "means", steps=ours.steps, means=True)
        yield "a tenth: mean pooling", evaluate(held_out, means.logits(texts), TOPICS) | {"steps": means.steps}
    default = read_artifact(artifact)
    for each in [default, *([read_artifact(artifact, "small")] if default.manifest.small else [])]:
        served = score_onnx(each.path(each.network), each.path(TOKENIZER), texts)
        yield f"artifact {each.id}, int8{', small' if each.is_small else ''}", evaluate(held_out, served, TOPICS)


def strangers(
    learnt: Sequence[Example], held_out: Sequence[Example], sources: Sequence[str], minutes: float, folder: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Figures on each corpus with it among the rows learnt, and without; for the same number of steps."""
    for source in sources:
        there = [example for example in held_out if example.source == source]
        texts = [example.text for example in there]
        seen = train_short(tenth(learnt), folder / f"{source}-seen", minutes=minutes / 2 / len(sources))
        yield f"{source}: seen", evaluate(there, seen.logits(texts), TOPICS) | {"steps": seen.steps}
        others = tenth([example for example in learnt if example.source != source])
        unseen = train_short(others, folder / f"{source}-unseen", steps=seen.steps)
        yield f"{source}: never seen", evaluate(there, unseen.logits(texts), TOPICS) | {"steps": unseen.steps}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown: a line for each model and language."""
    lines = [
        "| model | language | AUROC negative | macro-F1 | accuracy | topics, micro-F1 |",
        "|---|---|---|---|---|---|",
    ]
    for name, figures in found.items():
        for lang in sorted(figures["languages"] | figures["topics"]):
            sentiment, topics = figures["languages"].get(lang, {}), figures["topics"].get(lang, {})
            cells = [sentiment.get(m) for m in ("auroc_negative", "macro_f1", "accuracy")] + [topics.get("micro_f1")]
            lines.append(f"| {name} | {lang} | " + " | ".join("–" if c is None else f"{c:.3f}" for c in cells) + " |")
    return "\n".join(lines)


def corpora(found: dict[str, dict[str, Any]]) -> str:
    """Markdown: a line for each corpus, AUROC of negative and macro-F1 of each model."""
    lines = ["| corpus | rows | " + " | ".join(found) + " |", "|---|---|" + "---|" * len(found)]
    rows = {source: x["rows"] for figures in found.values() for source, x in figures["sentiment"].items()}
    for source in sorted(rows):
        each = [figures["sentiment"].get(source) for figures in found.values()]
        cells = ["–" if x is None else f"{x['auroc_negative']:.3f}, {x['macro_f1']:.3f}" for x in each]
        lines.append(f"| {source} | {rows[source]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(found: dict[str, dict[str, Any]], hardware: dict[str, Any]) -> str:
    """The page of a run: when, on what, and both tables."""
    return (
        f"# Models side by side, {datetime.now(UTC):%Y-%m-%d}\n\n{hardware['cpu']}, {hardware['cores']} cores. "
        "`python -m benchmarks.models`; rows held out from training, topics cross-fitted.\n\n"
        f"{table(found)}\n\nSentiment by corpus: AUROC of negative, macro-F1.\n\n{corpora(found)}\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare models on held-out rows.")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="labelled rows, JSONL or CSV")
    parser.add_argument("--artifact", type=Path, default=SHIPPED)
    parser.add_argument("--minutes", type=float, default=20, help="of training, both networks of a comparison together")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="SOURCE", help="corpora to leave out in turn")
    parser.add_argument(
        "--unjudged", nargs="*", default=[], metavar="SOURCE", help="corpora that the artifact learnt whole"
    )
    parser.add_argument("--out", type=Path, required=True, help="figures as JSON; the table goes beside it as .md")
    given = parser.parse_args(arguments)
    learnt, held_out = split(read_examples(given.data, TOPICS, LabelWeights()))
    held_out = [example for example in held_out if example.source not in given.unjudged]
    folder = given.out.parent / f".{given.out.stem}"
    runs = (
        strangers(learnt, held_out, given.leave_out, given.minutes, folder)
        if given.leave_out
        else side_by_side(learnt, held_out, given.artifact, given.minutes, folder)
    )
    found: dict[str, dict[str, Any]] = {}
    for name, figures in runs:
        found[name] = figures
        print(table({name: figures}).split("\n", 2)[2], flush=True)
    hardware = machine()
    given.out.write_text(json.dumps({"machine": hardware, "minutes": given.minutes, "models": found}, indent=1) + "\n")
    given.out.with_suffix(".md").write_text(report(found, hardware), "utf-8")


if __name__ == "__main__":
    main()
