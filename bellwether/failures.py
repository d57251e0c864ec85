"""Errors that are told in one sentence, and the exit code each leads to. All others are ours, and show where they come from."""

from bellwether.settings import WrongSettings
from classifier.artifact import ArtifactError, ModelFails
from classifier.device import DeviceError
from ingest.lines import BrokenFile
from ingest.logs import LogAway, LogReplaced, LogUnfit

RUNTIME = "onnxruntime"  # comes with the extra `cpu` or `gpu`; who aggregates or delivers needs neither
INSTALL = "in the folder of the checkout, pip install -c constraints.txt -e '.[cpu]' brings it, or '.[gpu]' for a GPU"


class Died(Exception):  # noqa: N818 - what happened
    """A loop ended by an error that nobody expected; the message is the reason."""


class NotNow(Exception):  # noqa: N818 - a state of the world
    """What a start needs is not to be had at present."""


def exit_code(error: BaseException) -> int | None:
    """1: starting again may help. 2: a person has to act first. None: nobody expected this error."""
    if isinstance(error, LogAway | LogReplaced | ModelFails | Died | NotNow):
        return 1
    if isinstance(error, WrongSettings | LogUnfit | ArtifactError | BrokenFile | DeviceError):
        return 2
    return 2 if _without_runtime(error) else None


def sentences(error: BaseException) -> list[str]:
    """What to tell of an expected error, a line each."""
    if isinstance(error, WrongSettings):
        return [f"settings: {mistake}" for mistake in error.mistakes]
    if _without_runtime(error):
        return [f"bellwether: {RUNTIME} is missing, which runs the model: {INSTALL}"]
    return [f"bellwether: {error}"]


def _without_runtime(error: BaseException) -> bool:
    return isinstance(error, ModuleNotFoundError) and error.name == RUNTIME
