"""To whom Alertmanager sends what, asked of its own tool."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.monitors import Alertmanager
from tests.waiting import until

CONFIG = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return read


def test_the_configuration_is_accepted() -> None:
    done = subprocess.run(["amtool", "check-config", CONFIG], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=Watchdog severity=none team=operators", "dead-mans-switch"),
        ("alertname=TopicSpike severity=critical team=risk topic=fx", "risk-at-once"),
        ("alertname=TopicSpike severity=warning team=risk topic=fx", "risk"),
        ("alertname=TopicSpike severity=warning team=risk topic=liquidity_run", "risk-at-once"),
        ("alertname=TopicSpikeBlind severity=critical team=risk topic=fx", "outside,risk-at-once"),
        ("alertname=AggregatorDown severity=critical team=operators", "outside,operators-at-once"),
        ("alertname=WatermarkStill severity=critical team=operators", "outside,operators-at-once"),
        ("alertname=RangesAhead severity=critical team=operators", "outside,operators-at-once"),
        ("alertname=DeliveryFailing severity=critical team=operators", "outside,operators-at-once"),
        ("alertname=AlertsUndelivered severity=critical team=operators destination=desk", "outside,operators-at-once"),
        ("alertname=ClassifierBehind severity=critical team=operators", "operators-at-once"),
        ("alertname=InputSilent severity=warning team=operators kafka_topic=news", "operators"),
        ("alertname=SomebodyElses severity=critical", "operators"),
    ],
)
def test_alerts_go_where_their_severity_and_topic_say(labels: str, receiver: str) -> None:
    command = ["amtool", "config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}"]
    done = subprocess.run([*command, *labels.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout.split()[:1]} instead of {receiver}"


@pytest.fixture
def alertmanager(tmp_path: Path, config: dict[str, Any]) -> Iterator[Alertmanager]:
    """A real one by the file of deploy/, who tells nobody."""
    urls = [webhook["url"] for receiver in config["receivers"] for webhook in receiver["webhook_configs"]]
    server = Alertmanager(tmp_path, {url: [] for url in urls})
    server.start()
    yield server
    server.stop()


def test_while_reading_lags_what_is_sure_is_told_and_what_is_unsure_is_not(alertmanager: Alertmanager) -> None:
    """A flood of bad news makes reading lag; with the aggregator down TopicSpikeBlind is all there is."""
    posted = [
        {"alertname": "ClassifierBehind", "severity": "warning", "team": "operators", "lag": "true"},
        {"alertname": "TopicSpikeBlind", "severity": "critical", "team": "risk", "topic": "liquidity_run"},
        {"alertname": "TopicSpike", "severity": "critical", "team": "risk", "topic": "fx"},
        {"alertname": "TopicSpike", "severity": "warning", "team": "risk", "topic": "crypto"},
    ]
    answer = httpx.post(
        f"{alertmanager.url}/api/v2/alerts", json=[{"labels": labels} for labels in posted], trust_env=False
    )
    assert answer.status_code == 200

    def held_back() -> dict[str, bool]:
        found = alertmanager.get("v2/alerts")
        return {each["labels"].get("topic", ""): bool(each["status"]["inhibitedBy"]) for each in found}

    until(lambda: held_back().get("crypto"))
    assert held_back() == {"": False, "liquidity_run": False, "fx": False, "crypto": True}


def test_the_end_of_a_topic_s_alert_is_left_to_the_aggregator(config: dict[str, Any]) -> None:
    for receiver in config["receivers"]:
        resolved = {webhook["send_resolved"] for webhook in receiver["webhook_configs"]}
        assert resolved == {receiver["name"].startswith(("operators", "outside"))}, receiver["name"]


def test_everything_but_the_watchdog_comes_to_our_own_receiver(config: dict[str, Any]) -> None:
    for receiver in config["receivers"]:
        for webhook in receiver["webhook_configs"]:
            ours = webhook["url"].endswith("/alertmanager")
            assert ours == (receiver["name"] not in {"dead-mans-switch", "outside"})
    assert all(route.get("continue") for route in config["route"]["routes"] if route["receiver"] == "outside")


def test_the_watchdog_is_sent_on_each_time_its_group_is_looked_at(config: dict[str, Any]) -> None:
    """Alertmanager counts from when the last one was sent, a moment after it had looked."""
    (route,) = [each for each in config["route"]["routes"] if each["receiver"] == "dead-mans-switch"]
    looked_s, repeated_s = (
        int(route[name][:-1]) * {"s": 1, "m": 60}[route[name][-1]] for name in ("group_interval", "repeat_interval")
    )
    assert looked_s / 2 < repeated_s < looked_s == 60


def test_what_is_told_outside_is_a_rule_of_ours(config: dict[str, Any]) -> None:
    (route,) = [each for each in config["route"]["routes"] if each["receiver"] == "outside"]
    named = set(re.findall(r"[A-Z]\w+", route["matchers"][0]))
    rules = [yaml.safe_load(file.read_text()) for file in (CONFIG.parents[1] / "prometheus" / "rules").glob("*.yml")]
    assert named <= {rule.get("alert") for file in rules for group in file["groups"] for rule in group["rules"]}
    assert len(named) == 9
