"""The container files cannot be run where these tests run; what can be checked without is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bellwether.cli import COMMANDS
from bellwether.settings import read_settings

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    return read


def test_every_published_port_is_on_the_loopback_interface(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert len(ports) >= 2
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", ["init", "bellwether"])
def test_compose_names_settings_and_commands_that_exist(
    name: str, services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in services[name]["environment"].items():
        monkeypatch.setenv(variable, value)
    settings = read_settings()
    assert settings.kafka is not None
    assert settings.kafka.bootstrap_servers == ("kafka:19092",)
    assert services[name]["command"][0] in COMMANDS


def test_the_kafka_in_the_container_is_the_one_that_the_tests_run_against(services: dict[str, dict[str, Any]]) -> None:
    tested = re.search(
        r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)<", (DEPLOY / "kafka" / "pom.xml").read_text()
    )
    assert tested
    assert services["kafka"]["image"] == f"apache/kafka:{tested[1]}"


def test_the_image_holds_what_is_installed_and_runs_as_nobody_special() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    kept = {line[1:] for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--)(.*) \S+$", dockerfile, re.MULTILINE) for name in line.split()}
    assert copied == kept
    assert re.search(r"^USER 10001$", dockerfile, re.MULTILINE)


def test_the_unit_starts_a_command_that_exists_with_its_settings_named() -> None:
    unit = (DEPLOY / "bellwether.service").read_text()
    started = re.search(r"^ExecStart=\S+/bellwether --config \S+ (\w+)$", unit, re.MULTILINE)
    assert started
    assert started[1] in COMMANDS


def test_every_file_that_a_service_mounts_is_there(services: dict[str, dict[str, Any]]) -> None:
    mounts = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]
    files = [mount for mount in mounts if mount.startswith("./")]
    assert len(files) >= 5
    assert [mount for mount in files if not (DEPLOY / mount).exists()] == []


def test_services_find_each_other_under_their_names(services: dict[str, dict[str, Any]]) -> None:
    told = "\n".join(
        (DEPLOY / name).read_text()
        for name in (
            "prometheus/prometheus.yml", "alertmanager/alertmanager.yml", "grafana/provisioning/datasources/prometheus.yml",
        )
    )  # fmt: skip
    hosts = set(re.findall(r"(?:\[\"|https?://)([\w.-]+)(?::(\d+))?", told)) - {("dead-mans-switch.example", "")}
    for name, port in hosts:
        assert any(published.endswith(f":{port}") for published in services[name]["ports"]), (name, port)
