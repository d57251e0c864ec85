"""The container files cannot be run where these tests run; what can be checked without is."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bellwether.cli import COMMANDS
from bellwether.settings import WrongSettings, read_settings
from tests.deploy.composed import DEPLOY, environment
from tests.promises.service import COMMAND
from tests.servers import Kafka
from tests.waiting import until

# https://docs.docker.com/reference/compose-file/services/, as far as they are used here.
KEYS = {"build", "command", "depends_on", "environment", "healthcheck", "image", "ports", "restart", "secrets",
        "stop_grace_period", "volumes"}  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    return read


@pytest.fixture(scope="module")
def services(compose: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return compose["services"]


def test_every_service_says_what_it_is_in_words_that_compose_knows(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert set(service) <= KEYS, name
        image, _, tag = service["image"].partition(":")
        assert "build" in service or (tag and tag != "latest"), f"{name}: {image} may be another one tomorrow"
        if "build" in service:
            context = DEPLOY / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file()


def test_a_service_waits_for_services_that_exist_and_can_say_that_they_are_ready(
    services: dict[str, dict[str, Any]],
) -> None:
    waits = [
        (other, how["condition"]) for each in services.values() for other, how in each.get("depends_on", {}).items()
    ]
    assert waits
    for other, condition in waits:
        assert condition in {"service_healthy", "service_completed_successfully"}
        assert condition != "service_healthy" or "healthcheck" in services[other]
        assert condition != "service_completed_successfully" or "restart" not in services[other]


def test_every_service_that_has_to_stay_up_is_started_again(services: dict[str, dict[str, Any]]) -> None:
    waits = [wait for each in services.values() for wait in each.get("depends_on", {}).items()]
    done = {other for other, how in waits if how["condition"] == "service_completed_successfully"}
    assert done == {"init"}
    assert {name for name, each in services.items() if each.get("restart") != "unless-stopped"} == done


def test_every_volume_with_a_name_is_declared_and_used(compose: dict[str, dict[str, Any]]) -> None:
    mounts = [volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(compose["volumes"])


def test_files_are_mounted_where_their_readers_look(services: dict[str, dict[str, Any]]) -> None:
    """What the images read unless told otherwise, and what those files name."""
    mounted = {
        name: {volume.split(":")[1]: DEPLOY / volume.split(":")[0] for volume in service.get("volumes", ())}
        for name, service in services.items()
    }
    prometheus = mounted["prometheus"]
    config = yaml.safe_load(prometheus["/etc/prometheus/prometheus.yml"].read_text())
    assert config["rule_files"] == ["rules/*.yml"]
    assert list(prometheus["/etc/prometheus/rules"].glob("*.yml"))
    assert mounted["alertmanager"]["/etc/alertmanager/alertmanager.yml"].is_file()
    grafana = mounted["grafana"]
    provider = yaml.safe_load((grafana["/etc/grafana/provisioning"] / "dashboards" / "bellwether.yml").read_text())
    assert list(grafana[provider["providers"][0]["options"]["path"]].glob("*.json"))


def test_kafka_has_a_listener_for_the_other_containers_and_one_for_this_machine(
    services: dict[str, dict[str, Any]],
) -> None:
    told = services["kafka"]["environment"]
    listens = dict(each.split("://:") for each in told["KAFKA_LISTENERS"].split(","))
    advertised = dict(each.split("://") for each in told["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(each.split(":") for each in told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(protocols) == set(listens)
    assert set(advertised) == set(listens) - {told["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    settings = tomllib.loads((DEPLOY / "compose.toml").read_text())
    assert [advertised["INSIDE"]] == settings["kafka"]["bootstrap_servers"]
    assert services["kafka"]["ports"] == [f"{advertised['OUTSIDE']}:{listens['OUTSIDE']}"]


def test_with_the_second_file_the_console_asks_for_the_tokens_in_the_secret(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    more = yaml.safe_load((DEPLOY / "compose.console.yml").read_text())
    (name,) = more["services"]
    assert set(more["services"][name]) <= KEYS
    (secret,) = more["services"][name]["secrets"]
    assert set(more["secrets"][secret]) == {"file"}
    ((variable, path),) = more["services"][name]["environment"].items()
    assert path == f"/run/secrets/{secret}"
    (tmp_path / secret).write_text("ann:a-token-of-enough-characters\n")
    told = environment(services[name], DEPLOY, tmp_path / "inside")
    for each, value in (told | {variable: str(tmp_path / secret)}).items():
        monkeypatch.setenv(each, value)
    monkeypatch.chdir(tmp_path)
    assert read_settings().console.tokens_file == tmp_path / secret


def test_a_setting_that_does_not_exist_would_be_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Or the checks of environments would prove nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BELLWETHER_KAFKA__BOOTSTRAP", "kafka:19092")
    with pytest.raises(WrongSettings):
        read_settings()


@pytest.mark.timeout(240)
def test_what_compose_starts_makes_its_logs_and_gets_ready_beside_a_real_kafka(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    broker, said = Kafka(), tmp_path / "run.log"
    broker.start()
    ours = {"BELLWETHER_KAFKA__BOOTSTRAP_SERVERS": ",".join(broker.bootstrap), "BELLWETHER_HTTP__HOST": "127.0.0.1",
            "BELLWETHER_HTTP__PORT": "0", "BELLWETHER_LOGGING__FORMAT": "json"}  # fmt: skip
    commands = {name: [*COMMAND, *services[name]["command"]] for name in ("init", "bellwether")}
    told = {name: os.environ | environment(services[name], DEPLOY, tmp_path / name) | ours for name in commands}
    try:
        done = subprocess.run(
            commands["init"], env=told["init"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        with said.open("wb") as out:
            process = subprocess.Popen(
                commands["bellwether"], env=told["bellwether"], cwd=tmp_path, stdout=out, stderr=out
            )
        try:
            until(lambda: _is_ready(said), 90, lambda: said.read_text()[-2000:])
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait(10)
    finally:
        broker.stop()


def _is_ready(said: Path) -> bool:
    served = [json.loads(line) for line in said.read_text().splitlines() if '"pages served"' in line]
    if not served:
        return False
    answer = httpx.get(f"http://127.0.0.1:{served[0]['port']}/readyz", trust_env=False, timeout=10)
    return answer.status_code == 200


def test_every_published_port_is_on_the_loopback_interface(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert len(ports) >= 2
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", ["init", "bellwether"])
def test_compose_names_settings_and_commands_that_exist(
    name: str, services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in environment(services[name], DEPLOY, tmp_path / "inside").items():
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
    entry = re.search(r'^ENTRYPOINT \["(\w+)"\]$', dockerfile, re.MULTILINE)
    assert entry
    assert entry[1] in tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["scripts"]
    extras = set(re.findall(r"\.\[(\w+)\]", dockerfile))
    assert extras <= set(
        tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    )


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
    placeholders = {("dead-mans-switch.example", ""), ("outside.example", "")}
    hosts = set(re.findall(r"(?:\[\"|https?://)([\w.-]+)(?::(\d+))?", told)) - placeholders
    for name, port in hosts:
        assert any(published.endswith(f":{port}") for published in services[name]["ports"]), (name, port)
