"""Errors that are told in one sentence, and the exit code each leads to. All others are ours, and show where they come from."""

from bellwether.settings import WrongSettings
from classifier.artifact import ArtifactError, ModelFails
from classifier.device import DeviceError
from ingest.files import BrokenFile
from ingest.logs import LogAway, LogUnfit


class Died(Exception):  # noqa: N818 - what happened
    """A loop ended by an error that nobody expected; the message is the reason."""


def exit_code(error: BaseException) -> int | None:
    """1: starting again may help. 2: a person has to act first. None: nobody expected this error."""
    if isinstance(error, LogAway | ModelFails | Died):
        return 1
    if isinstance(error, WrongSettings | LogUnfit | ArtifactError | BrokenFile | DeviceError):
        return 2
    return None


def sentences(error: BaseException) -> list[str]:
    """What to tell of an expected error, a line each."""
    if isinstance(error, WrongSettings):
        return [f"settings: {mistake}" for mistake in error.mistakes]
    return [f"bellwether: {error}"]
