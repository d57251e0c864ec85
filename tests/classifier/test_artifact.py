"""A folder that is not a whole, unharmed model is refused with one sentence that says what to do."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier.artifact import FORMAT, NETWORK_CPU, NETWORK_GPU, NETWORK_SMALL, TOKENIZER, ArtifactError, read_artifact
from classifier.device import DeviceError
from classifier.scorer import Scorer


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Put a changed manifest into a folder of links."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    replace(folder / "manifest.json", json.dumps(manifest).encode())


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        read_artifact(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_the_shipped_artifact_is_whole(artifact_folder: Path) -> None:
    artifact = read_artifact(artifact_folder)
    manifest = (artifact_folder / "manifest.json").read_bytes()
    assert artifact.id == hashlib.sha256(manifest).hexdigest()[:12]
    assert artifact.path(NETWORK_CPU).is_file()


def test_another_manifest_is_another_artifact(copied: Path) -> None:
    before = read_artifact(copied).id
    rewrite(copied, lambda manifest: manifest["thresholds"].update(other=0.123))
    assert read_artifact(copied).id != before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    sentence = refusal(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in sentence
    assert sentence.endswith(": name the --out of `bellwether train`.")


def test_what_can_be_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file").startswith(f"There is no model folder {tmp_path / 'file'}: ")
    assert "manifest.json cannot be read (File name too long): " in refusal(tmp_path / ("x" * 300))


def test_a_network_before_its_export_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    assert "a network before its export: name the folder that `run` is in" in refusal(tmp_path)


def test_where_the_shipped_model_lacks_a_file_the_package_is_to_be_installed(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classifier.artifact.SHIPPED", copied)
    (copied / TOKENIZER).unlink()
    assert refusal(copied).endswith("lacks tokenizer.json: install the package again.")


@pytest.mark.parametrize("name", ["manifest.json", TOKENIZER, NETWORK_CPU])
def test_a_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / name).unlink()
    assert f"lacks {name}" in refusal(copied)


@pytest.mark.parametrize("name", [TOKENIZER, NETWORK_CPU])
def test_one_flipped_bit_is_noticed(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    replace(copied / name, bytes(content))
    assert f"{copied / name} is damaged" in refusal(copied)


def test_a_file_that_was_cut_short_is_noticed(copied: Path) -> None:
    replace(copied / NETWORK_CPU, (copied / NETWORK_CPU).read_bytes()[:1000])
    assert "is damaged" in refusal(copied)


def test_a_manifest_that_is_no_json_is_damaged(copied: Path) -> None:
    replace(copied / "manifest.json", b'{"format": 1, "name"')
    assert "is damaged" in refusal(copied)


def test_an_unknown_format_says_which_one_is_read(copied: Path) -> None:
    rewrite(copied, lambda manifest: manifest.update(format=FORMAT + 1))
    sentence = refusal(copied)
    assert f"is of format {FORMAT + 1}" in sentence
    assert f"reads format {FORMAT}" in sentence


def _twice(manifest: dict[str, Any]) -> None:
    manifest["topics"][1] = manifest["topics"][0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda manifest: manifest["sentiments"].reverse(), "its sentiments are not negative, neutral, positive"),
        (_twice, "a topic stands there twice"),
        (lambda manifest: manifest["thresholds"].pop("other"), "its thresholds are not one for each topic"),
        (lambda manifest: manifest["thresholds"].update(other=0), "a threshold is not between 0 and 1"),
        (lambda manifest: manifest["temperature"].update(topics=0), "a temperature is not positive"),
        (lambda manifest: manifest["files"].pop(TOKENIZER), f"it has no hash of {TOKENIZER}"),
        (lambda manifest: manifest["files"].update({"../elsewhere": "00"}), "it names files outside its folder"),
    ],
)
def test_a_manifest_that_contradicts_itself_says_how(
    copied: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    rewrite(copied, change)
    assert complaint in refusal(copied)


def with_small(folder: Path, change: Callable[[dict[str, Any]], object] | None = None) -> None:
    """Give an artifact a small network, which is its default one again, with a changed manifest."""
    (folder / NETWORK_SMALL).unlink(missing_ok=True)
    (folder / NETWORK_SMALL).write_bytes((folder / NETWORK_CPU).read_bytes())

    def add(manifest: dict[str, Any]) -> None:
        manifest["files"][NETWORK_SMALL] = manifest["files"][NETWORK_CPU]
        manifest["small"] = {
            "temperature": {"topics": 1.5, "sentiment": 2.5},
            "thresholds": dict.fromkeys(manifest["topics"], 0.25),
        }
        if change:
            change(manifest)

    rewrite(folder, add)


def test_the_small_network_has_temperatures_and_thresholds_of_its_own(copied: Path) -> None:
    with_small(copied)
    default, small = read_artifact(copied), read_artifact(copied, "small")
    assert (small.manifest.temperature.topics, small.manifest.temperature.sentiment) == (1.5, 2.5)
    assert set(small.manifest.thresholds.values()) == {0.25}
    assert default.manifest.thresholds != small.manifest.thresholds
    assert (default.path(default.network).name, small.path(small.network).name) == (NETWORK_CPU, NETWORK_SMALL)
    manifest = (copied / "manifest.json").read_bytes()
    assert default.id == hashlib.sha256(manifest).hexdigest()[:12]
    assert small.id == hashlib.sha256(manifest + b"small").hexdigest()[:12]
    assert small.manifest.metrics.confusion == ()  # the default one's would be wrong


def test_a_small_network_that_is_damaged_spoils_the_whole_artifact(copied: Path) -> None:
    with_small(copied)
    content = bytearray((copied / NETWORK_SMALL).read_bytes())
    content[len(content) // 2] ^= 1
    replace(copied / NETWORK_SMALL, bytes(content))
    assert f"{copied / NETWORK_SMALL} is damaged" in refusal(copied)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda manifest: manifest["small"]["thresholds"].pop("other"), "its thresholds are not one for each topic"),
        (lambda manifest: manifest["small"]["thresholds"].update(other=1), "a threshold is not between 0 and 1"),
        (lambda manifest: manifest["small"]["temperature"].update(sentiment=0), "a temperature is not positive"),
        (lambda manifest: manifest["files"].pop(NETWORK_SMALL), f"it has no hash of {NETWORK_SMALL}"),
    ],
)
def test_a_small_network_that_contradicts_itself_says_how(
    copied: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    with_small(copied, change)
    assert complaint in refusal(copied)


def test_a_network_of_other_topics_than_the_manifest_names_is_refused(copied: Path) -> None:
    def add(manifest: dict[str, Any]) -> None:
        manifest["topics"].append("weather")
        for network in (manifest, manifest["small"]):
            network["thresholds"]["weather"] = 0.5

    rewrite(copied, add)
    with pytest.raises(ArtifactError, match=r"17 topics and 3 sentiments, but manifest\.json names 18 topics"):
        Scorer.open(copied, device="cpu")


@pytest.mark.parametrize("name", [TOKENIZER, NETWORK_CPU])
def test_a_file_that_is_something_else_from_the_start_is_refused(copied: Path, name: str) -> None:
    replace(copied / name, b"something else")
    digest = hashlib.sha256(b"something else").hexdigest()
    rewrite(copied, lambda manifest: manifest["files"].update({name: digest}))
    with pytest.raises(ArtifactError, match=r"export the model again\."):
        Scorer.open(copied, device="cpu")


def test_a_gpu_that_cannot_be_had_is_refused_and_not_replaced(copied: Path) -> None:
    rewrite(copied, lambda manifest: manifest["files"].pop(NETWORK_GPU, None))
    with pytest.raises(DeviceError, match=r"classifier\.device = cuda"):
        Scorer.open(copied, device="cuda")


def test_auto_says_what_it_got(copied: Path) -> None:
    rewrite(copied, lambda manifest: manifest["files"].pop(NETWORK_GPU, None))
    assert Scorer.open(copied, device="auto").provider == "CPUExecutionProvider"


def test_an_unknown_device_is_refused(copied: Path) -> None:
    with pytest.raises(DeviceError, match="auto, cpu or cuda"):
        Scorer.open(copied, device="tpu")
