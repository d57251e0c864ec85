"""Which exit code an error leads to: who restarts the process goes by it."""

import pytest

from bellwether.failures import Died, NotNow, exit_code, sentences
from bellwether.settings import WrongSettings
from classifier.artifact import ArtifactError, ModelFails
from classifier.device import DeviceError
from ingest.logs import LogAway, LogReplaced, LogUnfit


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LogAway("the broker is away"), 1),
        (LogReplaced("the log was removed while in use"), 1),
        (Died("classify died"), 1),
        (NotNow("the port is taken"), 1),
        (ModelFails("the model fails for want of memory"), 1),
        (ArtifactError("the model is damaged"), 2),
        (DeviceError("there is no GPU"), 2),
        (LogUnfit("the log is missing"), 2),
        (WrongSettings(["one", "two"]), 2),
        (ModuleNotFoundError("there is no runtime", name="onnxruntime"), 2),
        (ModuleNotFoundError("a mistake of ours", name="bellwether.nothing"), None),
        (ValueError("a mistake of ours"), None),
    ],
)
def test_an_error_says_whether_starting_again_may_help(error: Exception, code: int | None) -> None:
    assert exit_code(error) == code


def test_an_expected_error_is_told_in_a_sentence_and_wrong_settings_in_one_each() -> None:
    assert sentences(ModelFails("it fails")) == ["bellwether: it fails"]
    assert sentences(WrongSettings(["one", "two"])) == ["settings: one", "settings: two"]
