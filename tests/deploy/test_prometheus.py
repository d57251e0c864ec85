"""Rules, alerts and the routes to people: held by the tools that will read them, and against the runbook and the code."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def _rules() -> list[dict[str, Any]]:
    files = (yaml.safe_load(path.read_text()) for path in RULES)
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in _rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in _rules() if "record" in rule}


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    _said("promtool", "test", "rules", str(path))


def test_the_configuration_names_these_rules_and_is_accepted() -> None:
    told = _said("promtool", "check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert f"{len(RULES)} rule files found" in told


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_tested(name: str) -> None:
    cases = [case for path in TESTS for case in yaml.safe_load(path.read_text())["tests"]]
    fires = [case for case in cases if case["name"].startswith(f"{name} fires")]
    assert fires, "no test says when it fires"
    for case in fires:
        firing = [each for each in case.get("alert_rule_test", ()) if each.get("exp_alerts")]
        counted = [
            each for each in case.get("promql_expr_test", ()) if name in each["expr"] and each.get("exp_samples")
        ]
        assert firing or counted, case["name"]


@pytest.mark.parametrize("name", sorted(set(ALERTS) - {"Watchdog"}))
def test_every_alert_but_the_watchdog_is_tested_for_silence_too(name: str) -> None:
    cases = [case for path in TESTS for case in yaml.safe_load(path.read_text())["tests"]]
    silent = [
        each
        for case in cases
        for each in (*case.get("alert_rule_test", ()), *case.get("promql_expr_test", ()))
        if (each.get("alertname") == name and not each.get("exp_alerts"))
        or (f'alertname="{name}"' in each.get("expr", "") and not each.get("exp_samples"))
    ]
    assert silent


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_severity_a_team_and_a_place_in_the_runbook(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["team"] in {"risk", "operators"}
    assert "severity" in alert["labels"] or "severity" in alert["expr"]
    assert alert["annotations"]["summary"]
    page, anchor = alert["annotations"]["runbook_url"].split("#")
    headings = re.findall(r"^### (\w+)$", (DEPLOY.parent / page).read_text(), re.MULTILINE)
    assert anchor == name.lower()
    assert headings.count(name) == 1


def test_the_runbook_speaks_of_no_alert_that_is_not_there() -> None:
    headings = re.findall(r"^### (\w+)$", (DEPLOY / "runbook.md").read_text(), re.MULTILINE)
    assert set(headings) == set(ALERTS)


def test_every_recorded_name_that_is_used_is_recorded() -> None:
    used = {name for rule in _rules() for name in re.findall(r"bellwether:[\w:]+", rule["expr"])}
    assert used - RECORDED == set()


METRIC = re.compile(r"bellwether_\w+")


def test_every_metric_that_rules_and_the_runbook_name_is_on_the_page_of_metrics() -> None:
    told = set(METRIC.findall((DEPLOY.parent / "docs" / "metrics.md").read_text()))
    used = {name for rule in _rules() for name in METRIC.findall(rule["expr"])}
    used |= set(METRIC.findall((DEPLOY / "runbook.md").read_text()))
    assert {re.sub(r"_bucket$", "", name) for name in used} - told == set()
