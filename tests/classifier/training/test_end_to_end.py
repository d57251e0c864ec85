import json
import random
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from transformers import BertConfig

from classifier.artifact import Artifact
from classifier.session import Outputs
from classifier.training.card import model_card
from classifier.training.export import export_fp32
from classifier.training.half import halve
from classifier.training.labels import TOPICS
from classifier.training.model import Card
from classifier.training.scoring import Logits, pad, score_onnx, score_torch
from classifier.training.vocabulary import read_tokenizer
from tests.classifier.training.made import texts


def test_a_few_steps_teach_sentences_it_has_not_seen(trained: Path) -> None:
    logits = score_torch(trained, ["run on deposits fell 77", "record profit raised 77"])
    assert logits.sentiment[0, 0] > logits.sentiment[0, 2]
    assert logits.sentiment[1, 2] > logits.sentiment[1, 0]


def probabilities(logits: Logits) -> np.ndarray:
    powers = np.exp(logits.sentiment)
    return np.concatenate([1 / (1 + np.exp(-logits.topics)), powers / powers.sum(1, keepdims=True)], 1)


def test_the_exported_graph_says_what_the_network_says(trained: Path, tmp_path: Path) -> None:
    """Parity of torch and ONNX within 1e-4 of the logits, which probabilities do not exceed."""
    export_fp32(trained, tmp_path / "fp32.onnx")
    exported = score_onnx(tmp_path / "fp32.onnx", trained / "tokenizer.json", texts())
    network = score_torch(trained, texts())
    np.testing.assert_allclose(exported.topics, network.topics, atol=1e-4)
    np.testing.assert_allclose(exported.sentiment, network.sentiment, atol=1e-4)


def test_half_precision_says_what_the_network_says(trained: Path, tiny: Artifact) -> None:
    """The processor runs the file by way of float32 where it must; what is tested is what the rounded weights say."""
    halved = score_onnx(tiny.folder / "model.fp16.onnx", trained / "tokenizer.json", texts())
    network = score_torch(trained, texts())
    assert np.abs(probabilities(halved) - probabilities(network)).max() < 1e-2


def test_half_precision_reads_its_word_rows_out_of_the_int8_file(tiny: Artifact, tmp_path: Path) -> None:
    alone = tmp_path / "model.fp16.onnx"
    shutil.copyfile(tiny.folder / alone.name, alone)
    assert alone.stat().st_size < (tiny.folder / "model.int8.onnx").stat().st_size / 2
    with pytest.raises(Exception, match=r"model\.int8\.onnx"):
        onnxruntime.InferenceSession(str(alone))


def test_two_files_that_are_not_of_one_network_are_not_joined(tiny: Artifact, trained: Path, tmp_path: Path) -> None:
    export_fp32(trained, tmp_path / "fp32.onnx")
    (tmp_path / "model.int8.onnx").write_bytes((tiny.folder / "model.fp16.onnx").read_bytes())
    with pytest.raises(ValueError, match="does not hold the word rows"):
        halve(tmp_path / "fp32.onnx", tmp_path / "model.int8.onnx", tmp_path / "model.fp16.onnx")


@pytest.mark.parametrize("name", ["model.int8.onnx", "model.fp16.onnx"])
def test_a_graph_gives_what_the_serving_side_expects(tiny: Artifact, name: str) -> None:
    session = onnxruntime.InferenceSession(str(tiny.folder / name))
    tokenizer = read_tokenizer(tiny.folder / "tokenizer.json")
    ids, mask = pad([encoding.ids for encoding in tokenizer.encode_batch_fast(texts())])
    outputs = session.run(list(Outputs._fields), {"input_ids": ids, "attention_mask": mask})
    topics, sentiment, attention, log_mass = outputs
    assert {array.dtype for array in outputs} == {np.dtype(np.float32)}
    assert topics.shape == (36, 17)
    assert sentiment.shape == (36, 3)
    assert attention.shape == (36, 18, ids.shape[1])
    assert log_mass.shape == (36, 18)
    assert not attention[np.broadcast_to(mask[:, None] == 0, attention.shape)].any()
    np.testing.assert_allclose(attention.sum(-1), 1, atol=5e-3)


def test_the_artifact_folder_holds_what_the_serving_side_expects(tiny: Artifact) -> None:
    manifest = json.loads((tiny.folder / "manifest.json").read_text("utf-8"))
    assert manifest["topics"] == list(TOPICS)
    assert manifest["sentiments"] == ["negative", "neutral", "positive"]
    assert set(manifest["thresholds"]) == set(TOPICS)
    assert manifest["licences"] == [{"source": "own", "licence": "not stated", "rows": 27}]
    assert set(manifest["files"]) == {"tokenizer.json", "model.int8.onnx", "model.fp16.onnx", "card.md"}


@pytest.mark.parametrize(
    ("languages", "told"),
    [
        (("en",), " in English:"),
        (("en", "zh"), " in English and Chinese:"),
        (("und",), " in other languages:"),
        ((), ":"),
    ],
)
def test_the_card_names_the_languages_that_were_learnt(languages: tuple[str, ...], told: str) -> None:
    metrics = {"sentiment": {}, "topics": {}, "calibration_error": {}, "not_judged": []}
    config = BertConfig(num_hidden_layers=2, hidden_size=32)
    card = model_card("own", 5, Card(TOPICS, "tiny", languages=languages), config, [], metrics)
    assert f"A model for short financial texts{told}" in card
    assert "An encoder of 2 layers (hidden 32)" in card
    assert "bilingual" not in card


def test_the_order_of_rows_is_the_same_after_a_restart() -> None:
    from classifier.training.batches import MixedSampler  # noqa: PLC0415

    lengths = np.array([random.Random(i).randint(3, 40) for i in range(100)])
    first, second = (list(MixedSampler(lengths, np.full(100, 1.5), total=300, batch=8, seed=4)) for _ in range(2))
    assert first == second
    assert len(first) == 300
    assert len(set(first)) > 90
