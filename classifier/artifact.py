"""A trained model as a folder: manifest, tokenizer, networks. Read once, verified whole, before anything is scored."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

FORMAT = 1
SENTIMENTS = ("negative", "neutral", "positive")
SHIPPED = Path(__file__).parent / "artifact"
TOKENIZER = "tokenizer.json"
NETWORK_CPU = "model.int8.onnx"
NETWORK_GPU = "model.fp16.onnx"
NETWORK_SMALL = "model.small.int8.onnx"

Model = Literal["default", "small"]
"""Which of an artifact's networks."""


class ArtifactError(Exception):
    """The artifact cannot be used; the message is one sentence that says what to do."""


class ModelFails(Exception):  # noqa: N818 - a state of the world
    """A model that was loaded scores nothing, not even texts of our own: loaded anew, it may work again."""


class Temperature(Struct, frozen=True):
    """What logits are divided by before they become probabilities."""

    topics: float
    sentiment: float


class Metrics(Struct, frozen=True):
    """What of the measured figures the product itself needs."""

    confusion: tuple[tuple[int, int, int], ...] = ()  # sentiments: rows are what holds, columns what was said


class Small(Struct, frozen=True):
    """What holds for the small network in place of what the manifest says for the default one."""

    temperature: Temperature
    thresholds: dict[str, float]
    metrics: Metrics = Metrics()


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
    small: Small | None = None


class Artifact(Struct, frozen=True):
    """A verified artifact, and which of its networks is meant.

    No two networks share an id, for all that is learnt from scores is learnt from those of one: it is the first 12 hexadecimal
    digits of the manifest's SHA-256; for the small network of the manifest and the word `small` after it.
    """

    folder: Path
    manifest: Manifest  # of the small network: with its own name, temperatures, thresholds and figures
    id: str
    network: str = NETWORK_CPU  # the file that a CPU runs

    @property
    def is_small(self) -> bool:
        """Whether the small network is meant."""
        return self.network == NETWORK_SMALL

    def path(self, name: str) -> Path:
        """Where the file `name` lies. Raises `ArtifactError` if the artifact does not have it."""
        if name not in self.manifest.files:
            raise ArtifactError(f"The model in {self.folder} has no {name}: {_instead_of(self.folder)}.")
        return self.folder / name

    def __contains__(self, name: str) -> bool:
        return name in self.manifest.files


def read_artifact(folder: Path, model: Model = "default") -> Artifact:
    """Read and verify the artifact in `folder`: format, label set, and the hash of every file.

    Raises:
        ArtifactError: something is missing, damaged or of an unknown format.
    """
    raw = _read(folder / "manifest.json")
    manifest = _manifest(raw, folder)
    for name, expected in sorted(manifest.files.items()):
        if hashlib.sha256(_read(folder / name)).hexdigest() != expected:
            raise ArtifactError(
                f"{folder / name} is damaged (its SHA-256 is not the one in manifest.json): "
                f"{'install the package' if folder == SHIPPED else 'copy the model folder'} again."
            )
    if model == "small":
        return Artifact(folder, _of_small(manifest, folder), _id(raw + b"small"), NETWORK_SMALL)
    return Artifact(folder, manifest, _id(raw))


def _instead_of(folder: Path) -> str:
    """What to do where a folder is no whole model."""
    if folder == SHIPPED:
        return "install the package again"
    if (folder / "card.json").exists():  # as `classifier.training.model` writes it
        return "it is a network before its export: name the folder that `run` is in, the --out of `bellwether train`"
    return "name the --out of `bellwether train`"


def _id(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:12]


def _of_small(manifest: Manifest, folder: Path) -> Manifest:
    small = manifest.small
    if small is None:
        raise ArtifactError(
            f"The model in {folder} has no small network: set classifier.model = default, or write the folder again by "
            "`python -m classifier.training.artifact` with --small."
        )
    return structs.replace(
        manifest,
        name=f"{manifest.name}-small",
        temperature=small.temperature,
        thresholds=small.thresholds,
        metrics=small.metrics,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        folder = path.parent  # this user may enter it, if it is one
        what = (
            f"The model folder {folder} lacks {path.name}" if folder.is_dir() else f"There is no model folder {folder}"
        )
        raise ArtifactError(f"{what}: {_instead_of(folder)}.") from None
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
    needed = (TOKENIZER, NETWORK_CPU, *([NETWORK_SMALL] if manifest.small else []))
    missing = [name for name in needed if name not in manifest.files]
    each = (manifest, manifest.small or manifest)
    outside = [name for name in manifest.files if Path(name).name != name]
    checks = {
        "it names no topics": bool(topics),
        "a topic stands there twice": len(set(topics)) == len(topics),
        f"its sentiments are not {', '.join(SENTIMENTS)} in this order": manifest.sentiments == SENTIMENTS,
        "its thresholds are not one for each topic": all(set(x.thresholds) == set(topics) for x in each),
        "a threshold is not between 0 and 1": all(0 < p < 1 for x in each for p in x.thresholds.values()),
        "a temperature is not positive": all(min(x.temperature.topics, x.temperature.sentiment) > 0 for x in each),
        "max_tokens is not between 8 and 512": 8 <= manifest.max_tokens <= 512,
        f"it has no hash of {', '.join(missing)}": not missing,
        f"it names files outside its folder: {', '.join(outside)}": not outside,
    }
    return [sentence for sentence, is_right in checks.items() if not is_right]
