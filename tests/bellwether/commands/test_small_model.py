"""`classifier.model = "small"`: what scores, and whose scores they then are."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bellwether.clock import now
from bellwether.roles import model_errors
from bellwether.settings import read_settings
from classifier.artifact import NETWORK_SMALL, read_artifact
from classifier.scorer import Scorer
from classifier.scores import SCORES, decode_range
from ingest.embedded.logs import EmbeddedLogs
from tests.bellwether.commands.calls import Caller
from tests.classifier.training.made import texts
from tests.classifier.training.tiny import write_artifact


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def model(built: Path, tmp_path: Path) -> Path:
    """A folder of its own, that the settings name, with the small network."""
    shutil.copytree(built, tmp_path / "model")
    (tmp_path / "bellwether.toml").write_text('[classifier]\nartifact = "model"\nmodel = "small"\n')
    return tmp_path / "model"


def without_small(folder: Path) -> None:
    """Takes the small network out of an artifact."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    del manifest["small"], manifest["files"][NETWORK_SMALL]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (folder / NETWORK_SMALL).unlink()


def news(file: Path) -> Path:
    lines = [
        {"id": f"n{number}", "source": "wire", "published_at": f"2026-03-02T{number % 24:02d}:30:00Z", "text": text}
        for number, text in enumerate(dict.fromkeys(texts()))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return file


def ranges(log: Path) -> Iterator[tuple[str, dict[str, tuple[int, ...]]]]:
    """The artifact of each range of scores, and the topics' probabilities of each of its documents."""
    logs = EmbeddedLogs(log, now)
    for record in logs.scan(SCORES.log):
        scored = decode_range(record.value or b"")
        yield scored.artifact, {document.id: document.topics for document in scored.documents}


def test_the_loops_of_the_daemon_score_with_the_small_network_and_say_so(
    call: Caller, model: Path, tmp_path: Path
) -> None:
    news(tmp_path / "news.jsonl")
    called = call("replay", "news.jsonl", "--out", "found", "--keep")
    assert called.code == 0, called.err
    found = list(ranges(tmp_path / "found" / "replay.db"))
    said = {document: topics for _, documents in found for document, topics in documents.items()}
    scorer = Scorer.open(model, model="small", device="cpu")
    assert {artifact for artifact, documents in found if documents} == {scorer.artifact}
    assert scorer.artifact != read_artifact(model).id
    alone = scorer.score(list(dict.fromkeys(texts())))
    assert said == {f"n{number}": scored.topics for number, scored in enumerate(alone)}


def test_shares_are_corrected_by_the_small_networks_own_errors(model: Path, tmp_path: Path) -> None:
    manifest = json.loads((model / "manifest.json").read_text("utf-8"))
    manifest["metrics"]["confusion"] = [[80, 15, 5], [10, 180, 10], [0, 20, 80]]
    manifest["small"]["metrics"]["confusion"] = [[70, 20, 10], [20, 160, 20], [10, 20, 70]]
    (model / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    errors = model_errors(read_settings(tmp_path / "bellwether.toml"))
    assert errors
    assert (errors.artifact, errors.found) == (read_artifact(model, "small").id, 70)


def test_commands_follow_the_setting(call: Caller, model: Path, tmp_path: Path) -> None:
    news(tmp_path / "news.jsonl")
    assert call("score", "news.jsonl", "--out", "small.jsonl").code == 0
    (tmp_path / "bellwether.toml").write_text('[classifier]\nartifact = "model"\n')
    assert call("score", "news.jsonl", "--out", "default.jsonl").code == 0
    assert (tmp_path / "small.jsonl").read_text("utf-8") != (tmp_path / "default.jsonl").read_text("utf-8")


@pytest.mark.parametrize("command", [("check",), ("doctor",), ("replay", "news.jsonl", "--out", "found")])
def test_a_model_without_a_small_network_ends_it_with_what_to_do(
    call: Caller, model: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    without_small(model)
    news(tmp_path / "news.jsonl")
    called = call(*command)
    assert called.code == 2
    assert "has no small network: set classifier.model = default" in called.err.splitlines()[-1]


def test_a_gpu_is_not_for_the_small_network(call: Caller, model: Path, tmp_path: Path) -> None:
    assert model.is_dir()
    with (tmp_path / "bellwether.toml").open("a") as settings:
        settings.write('device = "cuda"\n')
    for command in ("check", "doctor"):
        called = call(command)
        assert called.code == 2
        assert "classifier.model = small runs on CPUs alone" in called.err


def test_another_word_for_a_model_is_a_wrong_setting(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").write_text('[classifier]\nmodel = "tiny"\n')
    called = call("check")
    assert called.code == 2
    assert "classifier.model" in called.err
    assert "small" in called.err
