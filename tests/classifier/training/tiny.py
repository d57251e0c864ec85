"""A tiny English encoder and tokenizer: everything real but the size."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, PreTrainedModel

from classifier.training import artifact
from classifier.training.data import LabelWeights, read_examples
from classifier.training.distil import make_student, with_embeddings_of
from classifier.training.labels import TOPICS
from classifier.training.model import Card, save_model
from classifier.training.settings import Settings
from classifier.training.train import build_model
from tests.classifier.training.made import rows, texts

SENTENCES = (
    "shares of the bank fell sharply after the run on deposits",
    "the company reported a record profit and raised its outlook",
    "the board meets on monday to vote on the plan",
    "customers withdraw cash while the dollar rises and bitcoin falls",
)


def tokenizer_json(sentences: tuple[str, ...] = SENTENCES) -> str:
    """An English WordPiece tokenizer with these sentences' words."""
    words = sorted({word for sentence in sentences for word in sentence.split()})
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?%$"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *words]
    made = BertWordPieceTokenizer({piece: i for i, piece in enumerate(dict.fromkeys(pieces))})
    return made.to_str()


def bert(rows: int) -> PreTrainedModel:
    """Two layers of 32, with so many word rows."""
    return BertModel(
        BertConfig(vocab_size=rows, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    )


def distilbert(rows: int) -> PreTrainedModel:
    """One of the same size whose settings have other names."""
    return DistilBertModel(DistilBertConfig(vocab_size=rows, dim=32, n_layers=2, n_heads=2, hidden_dim=64))


def write_encoder(folder: Path, make: Callable[[int], PreTrainedModel] = bert) -> str:
    """Writes an encoder of two layers of 32 that `AutoModel` and `AutoTokenizer` read; returns its path."""
    torch.manual_seed(3)
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(tokenizer_json(), "utf-8")
    names = {f"{n}_token": f"[{n.upper()}]" for n in ("pad", "unk", "cls", "sep", "mask")}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **names}), "utf-8")
    rows = len(json.loads(tokenizer_json())["model"]["vocab"])
    make(rows).save_pretrained(folder)
    return str(folder)


def write_artifact(folder: Path) -> Path:
    """Writes the artifact of an untrained model of two layers and of its untrained student of one; returns its folder."""
    rows_file = folder / "rows.jsonl"
    encoder = write_encoder(folder / "encoder")
    rows_file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows()), "utf-8")
    teacher, _, tokenizer = build_model(Settings(encoder=encoder), texts())
    save_model(teacher, Card(TOPICS, "tiny"), tokenizer, folder / "teacher")
    student = with_embeddings_of(folder / "teacher", make_student(folder / "teacher", [1]))
    save_model(student, Card(TOPICS, "tiny"), tokenizer, folder / "student")
    examples = read_examples([rows_file], TOPICS, LabelWeights())
    artifact.build(folder / "teacher", examples, folder / "artifact", "tiny", small=folder / "student")
    return folder / "artifact"
