"""Settings of one's own, as docs/deploying.md has them: in containers and under systemd."""

import configparser
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from bellwether.failures import exit_code
from bellwether.settings import Settings, read_settings
from ingest.logs import LogUnfit
from tests.deploy.composed import DEPLOY, block, environment, merged

PAGE = "deploying.md"
EXAMPLE = block("settings.md", "toml", "[kafka]")
SECRETS = ("kafka", "risk-desk-address", "risk-desk-key")


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BELLWETHER_")]:
        monkeypatch.delenv(name)


def in_container(name: str, own: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What `init` or `bellwether` reads with the page's own file over compose.yml, `folder` being that of both."""
    (folder / "bellwether.toml").write_text(own)
    (folder / "secrets").mkdir()
    for secret in SECRETS:
        (folder / "secrets" / secret).write_text("https://a.example/hook" if "address" in secret else "a secret")
    services = merged((DEPLOY / "compose.yml").read_text(), block(PAGE, "yaml", "x-own"))
    for variable, value in environment(services[name], folder, folder / "inside").items():
        monkeypatch.setenv(variable, value)
    return read_settings()


@pytest.mark.parametrize("name", ["init", "bellwether"])
def test_the_first_example_of_the_settings_is_in_force_in_both_containers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = in_container(name, EXAMPLE, tmp_path, monkeypatch)
    assert [each.kafka_topic for each in settings.input] == ["wire.headlines"]
    assert [each.name for each in settings.destination] == ["risk-desk"]
    assert settings.kafka is not None
    assert settings.kafka.bootstrap_servers == ("kafka-1:9092", "kafka-2:9092")
    assert settings.kafka.sasl_password_file == tmp_path / "inside/etc/bellwether/secrets/kafka"
    assert settings.http.host == "0.0.0.0"


def test_a_copy_of_the_file_that_is_there_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = in_container("bellwether", (DEPLOY / "compose.toml").read_text(), tmp_path, monkeypatch)
    assert settings.kafka is not None
    assert settings.kafka.bootstrap_servers == ("kafka:19092",)
    assert settings.canary.every is not None


def test_no_variable_of_compose_forbids_what_a_settings_file_says() -> None:
    """A variable wins over the file: an input that takes no canaries could not be read at all."""
    services = merged((DEPLOY / "compose.yml").read_text())
    for name in ("init", "bellwether"):
        assert set(services[name]["environment"]) == {"BELLWETHER_CONFIG", "BELLWETHER_HTTP__HOST"}


def test_git_passes_over_what_the_page_lets_one_put_beside_compose() -> None:
    names = ["bellwether.toml", "compose.own.yml", "secrets/risk-desk-key", "tokens"]
    told = (DEPLOY.parent / "docs" / PAGE).read_text("utf-8")
    assert all(name.split("/")[0] in told for name in names)
    done = subprocess.run(
        ["git", "check-ignore", *(f"deploy/{name}" for name in names)],
        cwd=DEPLOY.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 128:
        pytest.skip("this is no checkout of git")
    assert done.stdout.splitlines() == [f"deploy/{name}" for name in names]


def _unit(text: str) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] - systemd's names have capitals
    unit.read_string(text)
    return unit["Service"]


UNIT = _unit((DEPLOY / "bellwether.service").read_text())


def test_a_command_typed_by_hand_uses_the_service_s_own_log(tmp_path: Path) -> None:
    """With the `--config` of the unit and without the unit's environment."""
    assert "Environment" not in UNIT
    assert "EnvironmentFile" not in UNIT
    named = re.search(r"--config (\S+)", UNIT["ExecStart"])
    assert named
    told = (DEPLOY.parent / "docs" / PAGE).read_text("utf-8")
    assert f"--config {named[1]} init" in told
    file = tmp_path / Path(named[1]).name
    file.write_text(block(PAGE, "toml", "[log]"))
    assert read_settings(file).log_path == Path("/var/lib") / UNIT["StateDirectory"] / "bellwether.db"
    assert tomllib.loads(block(PAGE, "toml", "[log]"))["log"]["path"].startswith(f"{UNIT['WorkingDirectory']}/")


def test_the_service_starts_again_but_where_a_person_has_to_act_and_writes_for_its_user_alone() -> None:
    assert UNIT["Restart"] == "always"  # systemd takes an end by SIGHUP for one that was asked for
    assert UNIT["RestartPreventExitStatus"] == str(exit_code(LogUnfit("")))
    assert UNIT["UMask"] == "0077"


def test_where_the_unit_hides_the_gpu_the_page_has_a_drop_in_and_the_runbook_names_it() -> None:
    assert UNIT["PrivateDevices"] == "yes"
    assert dict(_unit(block(PAGE, "ini", "[Service]"))) == {"PrivateDevices": "no"}
    runbook = (DEPLOY / "runbook.md").read_text("utf-8")
    entry = runbook.partition("### ModelOnCpu\n")[2].partition("\n### ")[0]
    assert "docs/deploying.md#on-a-gpu" in entry
