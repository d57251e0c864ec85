"""What larger models say of the texts to learn from, for a network that learns their answers beside the labels.

A label is one word, and many texts have none; the probabilities of a model that knows more say how sure one can be, and what the
corpus does not label (Hinton et al., "Distilling the knowledge in a neural network", 2015). A teacher has its own tokenizer and
may have learnt one language only: each text is answered by the first teacher that can read it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from classifier.training.data import Example, Told
from classifier.training.hardware import has_fast_bf16
from classifier.training.labels import SENTIMENTS, TOPICS
from classifier.training.model import LabelAttention
from classifier.training.scoring import Logits, Run, score
from classifier.training.thaw import load_trained
from classifier.training.vocabulary import read_tokenizer
from ingest.language import language_of

MOST_UNKNOWN = 0.1
"""A text of whose tokens a larger share is unknown to a teacher cannot be read by it."""

_AT_ONCE = 1024


def taught(
    examples: Sequence[Example], teachers: Sequence[Path], share: float, max_tokens: int, kept: Path
) -> list[Example]:
    """The same examples with what a teacher says of each; of a text that none can read nothing is told.

    Args:
        examples: with labels or without.
        teachers: folders of trained models, of the same topics; they must not have seen what is held out.
        share: of a labelled text's loss that is the teacher's, 0 to 1; of an unlabelled one all of it is.
        max_tokens: longer texts are read in chunks.
        kept: a file for the answers, so that an interrupted run need not ask again.
    """
    texts = [example.text for example in examples]
    asked = _fingerprint(teachers, texts, max_tokens)
    said = np.load(kept) if kept.exists() else None
    if said is None or str(said["asked"]) != asked:
        answers, is_told = ask(teachers, texts, max_tokens)
        partial = kept.with_name(f"partial.{kept.name}")
        np.savez(partial, asked=asked, topics=answers.topics, sentiment=answers.sentiment, is_told=is_told)
        partial.replace(kept)
        said = np.load(kept)
    rows = zip(examples, said["topics"], said["sentiment"], said["is_told"], strict=True)
    return [
        _with_answer(example, topics, sentiment, share) if told else example
        for example, topics, sentiment, told in rows
    ]


def _fingerprint(teachers: Sequence[Path], texts: Sequence[str], max_tokens: int) -> str:
    """Who is asked what."""
    digest = hashlib.sha256(f"{max_tokens}".encode())
    for folder in teachers:
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()


def _with_answer(example: Example, topics: np.ndarray, sentiment: np.ndarray, share: float) -> Example:
    likely = 1 / (1 + np.exp(-topics))  # [T]
    powers = np.exp(sentiment - sentiment.max())  # [3]
    told = Told(tuple((powers / powers.sum()).tolist()), tuple(likely.tolist()), share if example.is_labelled else 1.0)
    return replace(example, told=told)


def ask(teachers: Sequence[Path], texts: Sequence[str], max_tokens: int) -> tuple[Logits, np.ndarray]:
    """Logits of each text by the first teacher that can read it, and which were read, bool [N]; 0 where none was.

    Raises:
        TrainingError: a teacher cannot be read, or knows other topics.
    """
    topics = np.zeros((len(texts), len(TOPICS)), np.float32)
    sentiment = np.zeros((len(texts), len(SENTIMENTS)), np.float32)
    is_told = np.zeros(len(texts), bool)
    open_rows = np.arange(len(texts))
    for folder in teachers:
        model, card, _ = load_trained(folder)
        run = _run(model)
        mine = open_rows[can_read(folder / "tokenizer.json", [texts[int(row)] for row in open_rows], card.languages)]
        for start in track(range(0, len(mine), _AT_ONCE), f"asking {folder}"):
            rows = mine[start : start + _AT_ONCE]
            logits = score(run, folder / "tokenizer.json", [texts[int(row)] for row in rows], max_tokens)
            topics[rows], sentiment[rows] = logits.topics, logits.sentiment
        is_told[mine] = True
        open_rows = np.setdiff1d(open_rows, mine)
    return Logits(topics, sentiment), is_told


def languages_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The languages of labelled examples, by script, those of one in a hundred or more."""
    counts = Counter(language_of(example.text) for example in examples if example.is_labelled)
    return tuple(sorted(name for name, rows in counts.items() if rows >= counts.total() / 100))


def can_read(tokenizer_file: Path, texts: Sequence[str], languages: Sequence[str] = ()) -> np.ndarray:
    """Which texts hold few enough tokens that a tokenizer does not know, and are of one of these languages, bool [N].

    A vocabulary may have signs that were never learnt, so languages tell more; if none are named, any is one.
    """
    tokenizer = read_tokenizer(tokenizer_file)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    unknown = tokenizer.token_to_id("[UNK]") or 0
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    knows = [e.ids.count(unknown) <= MOST_UNKNOWN * len(e.ids) for e in encodings]
    speaks = [not languages or language_of(text) in languages for text in texts]
    return np.array(list(map(all, zip(knows, speaks, strict=True))), bool)


def _run(model: LabelAttention) -> Run:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)

    @torch.inference_mode()
    def run(ids: np.ndarray, mask: np.ndarray) -> Sequence[np.ndarray]:
        with torch.autocast(device, torch.bfloat16, enabled=has_fast_bf16()):
            scores = model(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))
        outputs = (scores.topic_logits, scores.sentiment_logits, scores.attention, scores.log_mass)
        return [output.float().cpu().numpy() for output in outputs]

    return run
