"""Training and measuring from the command line, with an encoder that is tiny and otherwise real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram, WordPiece

from tests.bellwether.commands.calls import Caller
from tests.classifier.training.made import rows
from tests.classifier.training.tiny import write_encoder


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows()), "utf-8")
    return path


def test_a_model_is_trained_then_measured_then_scores(call: Caller, labelled: Path, tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "encoder")
    switches = ("--lora", "4", "--adversarial", "0.5", "--accumulation", "2", "--warm-up-minutes", "0.005")
    switches += ("--masked", "0.1", "--smoothing", "0.02", "--augmented", "0.3")
    size = ("--max-steps", "30", "--batch", "8", "--learning-rate", "2e-3")
    done = call("train", "--data", str(labelled), "--out", "mine", "--encoder", encoder, *size, *switches)
    assert done.code == 0, done.err
    assert "the model is in mine" in done.out
    done = call(
        "evaluate",
        "--model",
        "mine",
        "--data",
        str(labelled),
        str(labelled),
        "--all",
        "--out",
        "f.json",
        "--diagram",
        "d.png",
    )
    assert done.code == 0, done.err
    figures = json.loads((tmp_path / "f.json").read_text("utf-8"))
    assert figures["rows"] == 2 * len(rows())
    assert sum(map(sum, figures["confusion"])) == 2 * len(rows())
    assert figures["sentiment"]["own"]["accuracy"] > 0.6
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    assert "Sentiment by source" in done.out
    assert "liquidity_run" in done.out
    held_out = call("evaluate", "--model", "mine", "--data", str(labelled))
    assert f"{sum(row['fold'] == 0 for row in rows())} rows judged" in held_out.out
    (tmp_path / "news.jsonl").write_text('{"id": "1", "text": "deposits fell run"}\n')
    assert call("score", "news.jsonl", "--model", "mine", "--out", "scores.jsonl").code == 0
    more = ("--max-steps", "3", "--batch", "8", "--learning-rate", "1e-6", "--guide", "mine/run/model")
    done = call("train", "--data", str(labelled), "--out", "more", "--start-from", "mine", *more)
    assert done.code == 0, done.err
    assert call("score", "news.jsonl", "--model", "more", "--out", "again.jsonl").code == 0
    before, after = (json.loads((tmp_path / file).read_text()) for file in ("scores.jsonl", "again.jsonl"))
    assert after["sentiment"] == pytest.approx(before["sentiment"], abs=0.05)
    assert after["topics"] == pytest.approx(before["topics"], abs=0.05)


def test_one_can_only_go_on_from_what_was_trained(call: Caller, labelled: Path, tmp_path: Path) -> None:
    for name, card in (("empty", None), ("broken", "{"), ("bare", "{}")):
        (tmp_path / name).mkdir()
        if card:
            (tmp_path / name / "card.json").write_text(card)
    for given in ("empty", "broken", "bare", "nowhere"):
        done = call("train", "--data", str(labelled), "--out", "mine", "--start-from", given)
        assert done.code == 2, given
        assert f"{given} does not hold a trained network that can be read" in " ".join(done.err.split())
    done = call("train", "--data", str(labelled), "--out", "mine", "--start-from", "shipped", "--encoder", "any")
    assert done.code == 2
    assert "say one of the two" in done.err


def test_an_encoder_that_is_not_there_is_told(call: Caller, labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    for name in ("bare", "no/such/encoder/here"):
        done = call("train", "--data", str(labelled), "--out", "mine", "--encoder", name)
        assert done.code == 2, name
        assert f"{name} is no encoder that can be had" in " ".join(done.err.split())
    assert not [*(tmp_path / "mine").iterdir()]


@pytest.mark.parametrize(
    "model", [BPE({"<pad>": 0, "a": 1}, []), Unigram([("<pad>", 0.0), ("a", -1.0)]), WordPiece({"<pad>": 0, "a": 1})]
)
def test_an_encoder_whose_tokenizer_is_of_another_kind_is_refused(
    call: Caller, labelled: Path, tmp_path: Path, model: BPE | Unigram | WordPiece
) -> None:
    write_encoder(tmp_path / "encoder")
    (tmp_path / "encoder" / "tokenizer.json").write_text(Tokenizer(model).to_str(), "utf-8")
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    (tmp_path / "encoder" / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")
    done = call("train", "--data", str(labelled), "--out", "mine", "--encoder", "encoder")
    assert done.code == 2
    assert "encoder has no fast WordPiece tokenizer with [PAD], [UNK]" in " ".join(done.err.split())


def test_where_a_model_cannot_be_kept_is_told_before_the_work(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "x", "sentiment": "angry"}\n')
    done = call("train", "--data", "rows.jsonl", "--out", "rows.jsonl/mine")
    assert done.code == 2
    assert "--out rows.jsonl/mine cannot be written: Not a directory" in " ".join(done.err.split())
    assert "angry" not in done.err


def test_where_figures_cannot_be_kept_is_told_before_the_work(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "x", "sentiment": "angry"}\n')
    for option in ("--out", "--diagram"):
        done = call("evaluate", "--data", "rows.jsonl", option, "missing/file")
        assert done.code == 2
        assert f"{option} missing/file cannot be written" in " ".join(done.err.split())
        assert "angry" not in done.err


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_all_mistakes_are_told_before_the_first_step(call: Caller, tmp_path: Path, command: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x", "sentiment": "angry"}\n{"text": "y", "topics": ["sport"]}\n')
    (tmp_path / "b.csv").write_text("headline,mood\nx,bad\n")
    (tmp_path / "c.jsonl").write_bytes("坏".encode("gb18030"))
    out = ("--out", "mine") if command == "train" else ()
    done = call(command, "--data", "a.jsonl", "b.csv", "c.jsonl", *out)
    assert done.code == 2
    for told in (
        "'angry'",
        "unknown names: sport",
        "no column text or title",
        "headline, mood",
        "c.jsonl: cannot be read",
    ):
        assert told in done.err
    assert not [*tmp_path.glob("mine/*")]


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_without_the_extra_one_sentence_says_so(labelled: Path, command: str) -> None:
    arguments = [command, "--data", str(labelled), *(["--out", "mine"] if command == "train" else [])]
    script = f"import sys; sys.modules['torch'] = None; from bellwether.cli import main; main({arguments})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=labelled.parent
    )
    assert done.returncode == 2
    assert "needs the extra `train` (torch is missing)" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_file_without_held_out_rows_is_refused_with_the_way_out(call: Caller, labelled: Path, tmp_path: Path) -> None:
    kept = [line for line in labelled.read_text("utf-8").splitlines() if json.loads(line)["fold"]]
    (tmp_path / "learnt.jsonl").write_text("\n".join(kept), "utf-8")
    done = call("evaluate", "--data", "learnt.jsonl")
    assert done.code == 2
    assert "judge all rows instead" in done.err


def test_a_source_is_told_as_it_is_written(call: Caller, tmp_path: Path) -> None:
    made = [row | {"source": "desk[/eu]:bank:"} for row in rows()]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, made)), "utf-8")
    done = call("evaluate", "--data", "rows.jsonl", "--all")
    assert done.code == 0
    assert "desk[/eu]:bank:" in done.out
