"""The artifact of this repository against promises that hold on every host, with and without VNNI."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from classifier.artifact import NETWORK_CPU, NETWORK_SMALL, read_artifact
from classifier.training.labels import SENTIMENTS, TOPICS
from classifier.training.scoring import Logits, pad, score_onnx
from classifier.training.vocabulary import gb2312_level_1, read_tokenizer

ARTIFACT = Path(__file__).parents[3] / "classifier" / "artifact"
REFERENCE = Path(__file__).parents[1] / "reference"

RARE = [
    ("en", "liquidity_run"),
    ("en", "crypto"),
    ("en", "fx"),
    ("en", "credit_default"),
    ("zh", "liquidity_run"),
    ("zh", "crypto"),
    ("zh", "fx"),
]
RECALL, PRECISION = 0.7, 0.8

SENTENCES = [json.loads(line) for line in (REFERENCE / "sentences.jsonl").read_text("utf-8").splitlines()]
TEXTS = [sentence["text"] for sentence in SENTENCES]


@pytest.fixture(scope="module")
def manifest() -> Any:
    return json.loads((ARTIFACT / "manifest.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def logits() -> Logits:
    return score_onnx(ARTIFACT / "model.int8.onnx", ARTIFACT / "tokenizer.json", TEXTS)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def test_the_hashes_of_the_manifest_are_those_of_the_files(manifest: Any) -> None:
    assert {"tokenizer.json", "model.int8.onnx", "card.md"} <= set(manifest["files"])
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((ARTIFACT / name).read_bytes()).hexdigest() == digest, name


def test_the_manifest_names_every_logit_and_every_source_of_the_data(manifest: Any) -> None:
    assert manifest["topics"] == list(TOPICS)
    assert manifest["sentiments"] == list(SENTIMENTS)
    assert list(manifest["thresholds"]) == list(TOPICS)
    assert manifest["parameters"] <= 25_000_000
    card = (ARTIFACT / "card.md").read_text("utf-8")
    for entry in manifest["licences"]:
        assert f"| {entry['source']} | {entry['licence']} |" in card
    for source in manifest["metrics"]["not_judged"]:
        assert source not in manifest["metrics"]["sentiment"]
        assert source in card.partition("Not judged")[2]


def test_what_is_committed_stays_small() -> None:
    assert sum(file.stat().st_size for file in ARTIFACT.iterdir()) < 60_000_000


def test_the_small_network_is_one_of_its_own_that_shares_the_word_rows(manifest: Any) -> None:
    assert list(manifest["small"]["thresholds"]) == list(TOPICS)
    assert read_artifact(ARTIFACT, "small").id != read_artifact(ARTIFACT).id
    assert (ARTIFACT / NETWORK_SMALL).stat().st_size < 6_000_000
    graph = onnx.load(str(ARTIFACT / NETWORK_SMALL), load_external_data=False).graph
    elsewhere = [pair.value for tensor in graph.initializer for pair in tensor.external_data if pair.key == "location"]
    assert set(elsewhere) == {NETWORK_CPU}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_small_network_costs_two_points_of_sentiment_and_of_topics_at_most(manifest: Any, lang: str) -> None:
    for part, figure, most in (("languages", "macro_f1", 0.02), ("topics", "micro_f1", 0.02)):
        whole, small = (network["metrics"][part][lang][figure] for network in (manifest, manifest["small"]))
        assert small >= whole - most


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("network", [NETWORK_CPU, NETWORK_SMALL])
def test_negative_and_positive_are_not_swapped(network: str, lang: str) -> None:
    """Clear sentences of both signs: almost all on their side, and none of the order of labels read wrongly."""
    logits = score_onnx(ARTIFACT / network, ARTIFACT / "tokenizer.json", TEXTS)
    rows = [i for i, s in enumerate(SENTENCES) if s["lang"] == lang and s["sentiment"] != "neutral"]
    leans = logits.sentiment[rows, 2] > logits.sentiment[rows, 0]
    meant = np.array([SENTENCES[i]["sentiment"] == "positive" for i in rows])
    assert (leans == meant).mean() >= (0.9 if network == NETWORK_CPU else 0.85)


def test_clear_topics_are_said(logits: Logits) -> None:
    """One sentence for each of several topics, so that a shifted label order cannot pass."""
    expected = {
        "Quarterly profit at Wexler Industries jumped 45% and the company raised its outlook": "earnings_guidance",
        "Tarvik Bank halted withdrawals as panicked customers queued outside its branches": "liquidity_run",
        "储户恐慌排队取款，塔维克银行暂停提现": "liquidity_run",
        "Bitcoin crashes 18% in a day, wiping out leveraged traders": "crypto",
        "比特币一天暴跌百分之十八，大量杠杆账户爆仓": "crypto",
        "The krona sank to its weakest level in a decade": "fx",
        "Mine operator defaults on its bonds and enters bankruptcy protection": "credit_default",
        "Oil prices collapse as demand dries up": "commodities_energy",
        "Analyst upgrades Minverva Chips to buy and doubles the price target": "analyst_ratings",
    }
    said = {text: TOPICS[int(logits.topics[TEXTS.index(text)].argmax())] for text in expected}
    assert said == expected


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (REFERENCE / name).read_text("utf-8").splitlines()]


def score_artifact(texts: list[str]) -> Logits:
    return score_onnx(ARTIFACT / "model.int8.onnx", ARTIFACT / "tokenizer.json", texts)


def test_rare_topics_are_found_and_not_seen_everywhere(manifest: Any) -> None:
    """Sentences of ours that were not trained on, hard negatives ("runs a bank", "ran out of eggs") among them."""
    rows = rows_of("topics.jsonl")
    logits = score_artifact([row["text"] for row in rows])
    probabilities = 1 / (1 + np.exp(-logits.topics / manifest["temperature"]["topics"]))
    said = probabilities >= np.array([manifest["thresholds"][topic] for topic in manifest["topics"]])
    figures = {}
    for lang, topic in RARE:
        column = said[:, manifest["topics"].index(topic)]
        chosen = [i for i, row in enumerate(rows) if row["lang"] == lang]
        holds = [topic in rows[i].get("topics", ()) for i in chosen]
        right = sum(bool(column[i]) and holds_here for i, holds_here in zip(chosen, holds, strict=True))
        figures[lang, topic] = (right / sum(holds), right / max(1, int(column[chosen].sum())))
    assert {key: f for key, f in figures.items() if f[0] < RECALL or f[1] < PRECISION} == {}


def test_turns_of_meaning_are_mostly_understood() -> None:
    """Negation, "less bad than feared", growing losses, plain facts, emoji, capitals, mixed language: three in four."""
    rows = rows_of("behaviour.jsonl")
    answers = score_artifact([row["text"] for row in rows]).sentiment.argmax(1)
    wrong = [row["text"] for row, answer in zip(rows, answers, strict=True) if SENTIMENTS[answer] != row["sentiment"]]
    assert len(wrong) <= len(rows) // 4, wrong


def test_int8_says_what_float32_said(logits: Logits) -> None:
    """Probabilities against the committed answers of the float32 network.

    Integer products are exact on every host and weights of seven bits cannot saturate, so the tolerance is that of the
    rounding itself, not of the processor.
    """
    reference = json.loads((REFERENCE / "scores.json").read_text("utf-8"))
    sentiment = softmax(logits.sentiment) - softmax(np.array(reference["sentiment"]))
    topics = 1 / (1 + np.exp(-logits.topics)) - 1 / (1 + np.exp(-np.array(reference["topics"])))
    assert np.abs(sentiment).max() < 0.10
    assert np.sort(np.abs(topics), axis=None)[-2] < 0.15
    assert np.abs(topics).max() < 0.30  # one answer of a thousand lies where the curve is steepest
    assert np.abs(sentiment).mean() < 0.01
    assert np.abs(topics).mean() < 0.01


@pytest.mark.skipif(not (ARTIFACT / "model.fp16.onnx").exists(), reason="this artifact has no network for GPUs")
def test_float16_says_what_float32_said() -> None:
    """On a processor, which widens where it must: the rounding of the weights is the same as on a GPU."""
    reference = json.loads((REFERENCE / "scores.json").read_text("utf-8"))
    halved = score_onnx(ARTIFACT / "model.fp16.onnx", ARTIFACT / "tokenizer.json", TEXTS)
    sentiment = softmax(halved.sentiment) - softmax(np.array(reference["sentiment"]))
    topics = 1 / (1 + np.exp(-halved.topics)) - 1 / (1 + np.exp(-np.array(reference["topics"])))
    assert max(np.abs(sentiment).max(), np.abs(topics).max()) < 1e-2


def test_a_score_does_not_depend_on_its_company_its_padding_or_its_place() -> None:
    session = onnxruntime.InferenceSession(str(ARTIFACT / "model.int8.onnx"), providers=["CPUExecutionProvider"])
    tokenizer = read_tokenizer(ARTIFACT / "tokenizer.json")
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(TEXTS)]

    def rounded(batch: list[int], multiple: int) -> dict[int, list[int]]:
        tokens, mask = pad([ids[row] for row in batch], multiple)
        topics, sentiment, *_ = session.run(None, {"input_ids": tokens, "attention_mask": mask})
        numbers = np.rint(10_000 * np.concatenate([1 / (1 + np.exp(-topics.astype(float))), softmax(sentiment)], 1))
        return {row: numbers[i].astype(int).tolist() for i, row in enumerate(batch)}

    alone = {row: rounded([row], 1)[row] for row in range(len(ids))}
    shuffled = random.Random(5)
    for multiple in (1, 8, 64, 200):
        order = shuffled.sample(range(len(ids)), len(ids))
        while order:
            size = shuffled.randint(1, 20)
            batch, order = order[:size], order[size:]
            assert rounded(batch, multiple) == {row: alone[row] for row in batch}


def test_no_character_of_gb2312_level_1_is_unknown_to_it() -> None:
    tokenizer = read_tokenizer(ARTIFACT / "tokenizer.json")
    assert not [c for c in gb2312_level_1() if "[UNK]" in tokenizer.encode(c).tokens]
