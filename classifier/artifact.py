"""A trained model as a folder: manifest, tokenizer, networks. Read once, verified whole, before anything is scored."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

FORMAT = 1
SENTIMENTS = ("negative", "neutral", "positive")
SHIPPED = Path(__file__).parent / "artifact"
TOKENIZER = "tokenizer.json"
NETWORK_CPU = "model.int8.onnx"
NETWORK_GPU = "model.fp16.onnx"

_OTHER_FOLDER = (
    "install the package again, or name a model folder that `python -m classifier.training.artifact` has written"
)


class ArtifactError(Exception):
    """The artifact cannot be used; the message is one sentence that says what to do."""


class Temperature(Struct, frozen=True):
    """What logits are divided by before they become probabilities."""

    topics: float
    sentiment: float


class Metrics(Struct, frozen=True):
    """What of the measured figures the product itself needs."""

    confusion: tuple[tuple[int, int, int], ...] = ()  # sentiments: rows are what holds, columns what was said


class Manifest(Struct, frozen=True):
    """What `manifest.json` says. Topics and sentiments are named in the order of the logits."""

    format: int
    name: str
    created_at: str
    topics: tuple[str, ...]
    sentiments: tuple[str, ...]
    max_tokens: int
    temperature: Temperature
    thresholds: dict[str, float]  # a topic is a label of a text from this probability on
    files: dict[str, str]  # SHA-256 of each, in hexadecimal
    metrics: Metrics = Metrics()  # on texts that it was not trained on


class Artifact(Struct, frozen=True):
    """A verified artifact."""

    folder: Path
    manifest: Manifest
    id: str  # the first 12 hexadecimal digits of the manifest's SHA-256

    def path(self, name: str) -> Path:
        """Where the file `name` lies. Raises `ArtifactError` if the artifact does not have it."""
        if name not in self.manifest.files:
            raise ArtifactError(f"The model in {self.folder} has no {name}: {_OTHER_FOLDER}.")
        return self.folder / name

    def __contains__(self, name: str) -> bool:
        return name in self.manifest.files


def read_artifact(folder: Path) -> Artifact:
    """Read and verify the artifact in `folder`: format, label set, and the hash of every file.

    Raises:
        ArtifactError: something is missing, damaged or of an unknown format.
    """
    if not folder.is_dir():
        raise ArtifactError(f"There is no model folder {folder}: {_OTHER_FOLDER}.")
    raw = _read(folder / "manifest.json")
    manifest = _manifest(raw, folder)
    for name, expected in sorted(manifest.files.items()):
        if hashlib.sha256(_read(folder / name)).hexdigest() != expected:
            raise ArtifactError(
                f"{folder / name} is damaged (its SHA-256 is not the one in manifest.json): copy the model folder again, "
                "or install the package again."
            )
    return Artifact(folder=folder, manifest=manifest, id=hashlib.sha256(raw).hexdigest()[:12])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"The model folder {path.parent} lacks {path.name}: {_OTHER_FOLDER}.") from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): check its rights and the disk.") from error


def _manifest(raw: bytes, folder: Path) -> Manifest:
    place = folder / "manifest.json"
    try:
        number = msgspec.json.decode(raw, type=_Format).format
        if number != FORMAT:
            raise ArtifactError(
                f"{place} is of format {number}, but this version reads format {FORMAT}: "
                "use the version of bellwether that the model was made with, or train the model again."
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArtifactError(f"{place} is damaged ({error}): copy the model folder again.") from error
    mistakes = _mistakes(manifest)
    if mistakes:
        raise ArtifactError(f"{place} contradicts itself ({'; '.join(mistakes)}): train or export the model again.")
    return manifest


class _Format(Struct, frozen=True):
    format: int


def _mistakes(manifest: Manifest) -> Sequence[str]:
    """What in a manifest cannot be, each as half a sentence."""
    topics = manifest.topics
    missing = [name for name in (TOKENIZER, NETWORK_CPU) if name not in manifest.files]
    outside = [name for name in manifest.files if Path(name).name != name]
    checks = {
        "it names no topics": bool(topics),
        "a topic stands there twice": len(set(topics)) == len(topics),
        f"its sentiments are not {', '.join(SENTIMENTS)} in this order": manifest.sentiments == SENTIMENTS,
        "its thresholds are not one for each topic": set(manifest.thresholds) == set(topics),
        "a threshold is not between 0 and 1": all(0 < p < 1 for p in manifest.thresholds.values()),
        "a temperature is not positive": min(manifest.temperature.topics, manifest.temperature.sentiment) > 0,
        "max_tokens is not between 8 and 512": 8 <= manifest.max_tokens <= 512,
        f"it has no hash of {', '.join(missing)}": not missing,
        f"it names files outside its folder: {', '.join(outside)}": not outside,
    }
    return [sentence for sentence, is_right in checks.items() if not is_right]
