"""A student comes to say what its teacher says, and is served beside it."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from classifier.artifact import NETWORK_CPU, NETWORK_SMALL, Artifact, ArtifactError, read_artifact
from classifier.device import DeviceError
from classifier.scorer import Scorer
from classifier.training import artifact, distil
from classifier.training.data import LabelWeights, read_examples, split, unlabelled
from classifier.training.distil import Mix, Reading, make_student, teacher_loss
from classifier.training.evaluate import evaluate_artifact
from classifier.training.export import export_fp32
from classifier.training.labels import TOPICS
from classifier.training.model import LabelAttention, load_model, load_served
from classifier.training.quantize import quantize
from classifier.training.scoring import pad, score_onnx, score_torch
from classifier.training.vocabulary import read_tokenizer
from tests.classifier.training.made import as_rows, texts

EMBEDDINGS = "encoder.embeddings."


def command(trained: Path, labelled: Path, out: Path) -> list[str]:
    usual = [
        "--teacher",
        str(trained),
        "--data",
        str(labelled),
        "--out",
        str(out),
        "--layers",
        "1",
        "--inner",
        "48",
        "--max-steps",
        "40",
    ]
    return [*usual, "--batch", "8", "--learning-rate", "2e-3"]


@pytest.fixture(scope="module")
def run(trained: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("distilled")
    distil.main(command(trained, labelled, out))
    return out


@pytest.fixture(scope="module")
def folder(trained: Path, run: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact with a small network, by the command itself."""
    out = tmp_path_factory.mktemp("both")
    usual = ["--model", str(trained), "--small", str(run / "model"), "--data", str(labelled), "--out", str(out)]
    artifact.main([*usual, "--name", "tiny"])
    return out


@pytest.fixture(scope="module")
def small(folder: Path) -> Artifact:
    return read_artifact(folder, "small")


def batch(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    ids, mask = pad([encoding.ids for encoding in tokenizer.encode_batch_fast(texts())])
    return torch.from_numpy(ids), torch.from_numpy(mask)


@torch.no_grad()
def apart(student: LabelAttention, trained: Path) -> float:
    ids, mask = batch(trained)
    told = Reading.of(load_served(trained)[0], ids, mask)
    return float(teacher_loss(Reading.of(student.eval(), ids, mask), told, mask, Mix()))


def test_a_few_steps_bring_a_student_nearer_to_its_teacher(trained: Path, run: Path) -> None:
    least = apart(load_served(trained)[0], trained)
    before, after = apart(make_student(trained, [1]), trained), apart(load_served(run / "model")[0], trained)
    assert after - least < 0.5 * (before - least)


def test_nothing_pulls_at_a_student_that_is_its_teacher(trained: Path) -> None:
    """Each part of the loss is least where student and teacher agree, padding included."""
    ids, mask = batch(trained)
    model, _ = load_served(trained)
    with torch.no_grad():
        told = Reading.of(model, ids, mask)
    teacher_loss(Reading.of(model, ids, mask), told, mask, Mix()).backward()
    gradients = [p.grad.abs().max().item() for p in model.parameters() if p.grad is not None]
    assert max(gradients) < 1e-5
    with torch.no_grad():
        model.queries.mul_(0.5)
    teacher_loss(Reading.of(model, ids, mask), told, mask, Mix(hidden=0.0)).backward()
    assert model.queries.grad is not None
    assert model.queries.grad.abs().max() > 1e-4


def test_a_student_keeps_its_teachers_embeddings_to_the_last_bit(trained: Path, run: Path) -> None:
    teacher, student = (load_file(path / "weights.safetensors") for path in (trained, run / "model"))
    shared = [name for name in teacher if name.startswith(EMBEDDINGS)]
    assert len(shared) >= 4
    assert all(torch.equal(teacher[name], student[name]) for name in shared)
    learnt = "encoder.encoder.layer.0.attention.output.dense.weight"
    assert not torch.equal(teacher[learnt.replace("layer.0", "layer.1")], student[learnt])
    assert not any(".layer.1." in name for name in student)


def test_a_run_that_has_ended_is_not_run_again(trained: Path, run: Path, labelled: Path) -> None:
    before = (run / "model" / "weights.safetensors").read_bytes()
    distil.main(command(trained, labelled, run))
    assert (run / "model" / "weights.safetensors").read_bytes() == before


def test_a_student_of_before_goes_on_with_the_embeddings_of_a_changed_teacher(
    trained: Path, run: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(trained, changed)
    model, _ = load_model(changed)
    with torch.no_grad():
        model.encoder.get_submodule("embeddings.LayerNorm").get_parameter("bias").add_(1.0)
    distil.save_model(model, load_model(trained)[1], (trained / "tokenizer.json").read_text("utf-8"), changed)
    student = make_student(changed, [1], run / "model").state_dict()
    own, theirs = load_file(run / "model" / "weights.safetensors"), load_file(changed / "weights.safetensors")
    bias = EMBEDDINGS + "LayerNorm.bias"
    assert torch.equal(student[bias], theirs[bias])
    assert not torch.equal(student[bias], own[bias])
    assert all(torch.equal(value, own[name]) for name, value in student.items() if not name.startswith(EMBEDDINGS))
    (changed / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match="another vocabulary"):
        make_student(changed, [1], run / "model")


def test_what_a_student_loses_of_a_layer_are_the_neurons_that_say_least(trained: Path) -> None:
    """A layer whose other neurons say nothing is the same without them; more than it has is all of it."""
    layer = load_model(trained)[0].encoder.get_submodule("encoder.layer.1")
    rise, fall = (layer.get_submodule(name) for name in ("intermediate.dense", "output.dense"))
    width, inner = fall.get_parameter("weight").shape
    with torch.no_grad():
        rise.get_parameter("weight")[5:20] = 0
        rise.get_parameter("bias")[5:20] = 0
        fall.get_parameter("weight")[:, 40] = 0
        hidden = torch.randn(3, 7, width)
        before = layer(hidden)
        distil.narrow(layer, inner - 16)
        torch.testing.assert_close(layer(hidden), before)
    distil.narrow(layer, inner)
    assert rise.get_parameter("weight").shape == (inner - 16, width)
    assert fall.get_parameter("weight").shape == (width, inner - 16)


def test_layers_that_a_teacher_does_not_have_are_refused(trained: Path) -> None:
    with pytest.raises(ValueError, match="has 2 layers: choose from 0 to 1"):
        make_student(trained, [0, 2])


def test_texts_that_are_held_out_are_not_learnt_unlabelled_either(labelled: Path) -> None:
    examples = read_examples([labelled], TOPICS, LabelWeights())
    _, held_out = split(examples)
    more = unlabelled(as_rows(held_out[0].text, "deposits fell again", "deposits fell again", " "), held_out)
    assert [example.text for example in more] == ["deposits fell again"]
    learnt, kept = split([*examples, *more])
    assert more[0] in learnt
    assert kept == held_out
    assert more[0].sentiment_weight == sum(more[0].topic_weights) == 0


def test_the_small_graph_says_what_the_student_says(small: Artifact, run: Path) -> None:
    said = score_onnx(small.path(NETWORK_SMALL), small.folder / "tokenizer.json", texts())
    network = score_torch(run / "model", texts())
    assert np.abs(1 / (1 + np.exp(-said.topics)) - 1 / (1 + np.exp(-network.topics))).max() < 0.03
    assert np.abs(said.sentiment - network.sentiment).max() < 0.15


def test_the_small_graph_reads_the_embeddings_out_of_the_int8_file(small: Artifact, tmp_path: Path) -> None:
    whole, own = ((small.folder / name).stat().st_size for name in (NETWORK_CPU, NETWORK_SMALL))
    assert own < whole / 2
    shutil.copyfile(small.folder / NETWORK_SMALL, tmp_path / NETWORK_SMALL)
    with pytest.raises(Exception, match=r"model\.int8\.onnx"):
        onnxruntime.InferenceSession(str(tmp_path / NETWORK_SMALL))


def test_a_student_of_another_model_is_not_put_beside_it(run: Path, folder: Path, tmp_path: Path) -> None:
    export_fp32(run / "model", tmp_path / "small.onnx")
    with pytest.raises(ValueError, match="does not hold the word rows"):
        quantize(tmp_path / "small.onnx", tmp_path / NETWORK_SMALL, teacher=folder / "model.fp16.onnx")


def test_the_small_network_is_judged_by_itself(folder: Path, small: Artifact, labelled: Path) -> None:
    said = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert set(said["files"]) == {"tokenizer.json", NETWORK_CPU, "model.fp16.onnx", NETWORK_SMALL, "card.md"}
    assert said["small"]["parameters"] < said["parameters"]
    assert small.manifest.temperature.topics == said["small"]["temperature"]["topics"]
    assert dict(small.manifest.thresholds) == said["small"]["thresholds"]
    assert sum(map(sum, small.manifest.metrics.confusion)) == 9
    assert evaluate_artifact(folder, [labelled], model="small")["confusion"] == said["small"]["metrics"]["confusion"]
    assert "## The small network" in (folder / "card.md").read_text("utf-8")


def test_no_two_networks_share_an_id_or_a_name(folder: Path, small: Artifact, tiny: Artifact) -> None:
    default = read_artifact(folder)
    assert len({default.id, small.id, tiny.id}) == 3
    assert (default.manifest.name, small.manifest.name) == ("tiny", "tiny-small")
    assert small.id == read_artifact(folder, "small").id


def test_an_artifact_without_a_small_network_says_so(tiny: Artifact) -> None:
    with pytest.raises(ArtifactError, match=r"has no small network: set classifier\.model = default"):
        read_artifact(tiny.folder, "small")


def test_the_small_network_runs_on_processors_alone(folder: Path) -> None:
    assert Scorer.open(folder, model="small", device="auto").provider == "CPUExecutionProvider"
    with pytest.raises(DeviceError, match=r"classifier\.model = small runs on CPUs alone"):
        Scorer.open(folder, model="small", device="cuda")


def test_a_small_score_does_not_depend_on_the_company(folder: Path) -> None:
    scorer = Scorer.open(folder, model="small", device="cpu", threads=1)
    together = scorer.score(texts())
    scorer.forget()
    assert [scorer.score([text])[0] for text in texts()] == together
    default = Scorer.open(folder, device="cpu", threads=1).score(texts())
    assert [each.topics for each in default] != [each.topics for each in together]
