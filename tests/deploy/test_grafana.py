"""Dashboards as Grafana's file provisioning wants them. What their queries find, tests/e2e asks a real Prometheus."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.draw import FOLDER, drawn
from deploy.grafana.panels import WIDTH

GRAFANA = FOLDER.parent
DASHBOARDS = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
KINDS = {"timeseries", "stat", "heatmap", "table"}


def _datasource() -> dict[str, Any]:
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    return source


def test_the_files_are_what_is_drawn() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == drawn()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_everything_asks_the_one_data_source_that_is_provisioned(name: str) -> None:
    uids = set(re.findall(r'"datasource": \{\s*"type": "prometheus",\s*"uid": "([^"]*)"', (FOLDER / name).read_text()))
    assert uids == {_datasource()["uid"]}
    assert "${DS_" not in (FOLDER / name).read_text()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_numbers_titles_places_and_queries_of_their_own(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["type"] in KINDS
        assert panel["title"]
        assert len(panel["description"]) > 10
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH
    assert [(a["title"], b["title"]) for a, b in combinations(panels, 2) if _overlap(a["gridPos"], b["gridPos"])] == []


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    return (
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )


def test_dashboards_are_told_apart_by_uid_and_title() -> None:
    assert {board["uid"] for board in DASHBOARDS.values()} == {"bellwether-sentiment", "bellwether-pipeline"}
    assert len({board["title"] for board in DASHBOARDS.values()}) == 2


def test_every_metric_that_they_ask_for_is_on_the_page_of_metrics() -> None:
    page = (GRAFANA.parents[1] / "docs" / "metrics.md").read_text()
    told = set(re.findall(r"`(bellwether_\w+)`", page))
    used = {
        re.sub(r"_(bucket|sum|count)$", "", metric)
        for path in FOLDER.glob("*.json")
        for metric in re.findall(r"bellwether_\w+", path.read_text())
    }
    assert used - told == set()


def test_the_provider_looks_where_compose_puts_the_dashboards() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "bellwether.yml").read_text())["providers"]
    compose = yaml.safe_load((Path(GRAFANA).parent / "compose.yml").read_text())
    mounts = [volume.split(":") for volume in compose["services"]["grafana"]["volumes"]]
    assert [provider["options"]["path"]] == [
        inside for outside, inside, *_ in mounts if outside == "./grafana/dashboards"
    ]


def _asked(title: str) -> str:
    """The one query of this panel of the pipeline's dashboard."""
    (panel,) = [panel for panel in DASHBOARDS["pipeline.json"]["panels"] if panel["title"] == title]
    (expression,) = [str(target["expr"]) for target in panel["targets"]]
    return expression


def test_what_is_lost_is_counted_as_the_rules_tests_hold_it() -> None:
    cases = yaml.safe_load((GRAFANA.parent / "prometheus" / "tests" / "flow.yml").read_text())["tests"]
    assert _asked("Lost") in {each["expr"] for case in cases for each in case.get("promql_expr_test", ())}


def test_without_an_aggregator_the_canary_s_panel_shows_nothing_rather_than_a_perfect_second() -> None:
    """The newest of each input, as the rule has it: who stands by keeps the gauge of the time when it worked."""
    expression = _asked("Canary")
    rules = yaml.safe_load((GRAFANA.parent / "prometheus" / "rules" / "pipeline.yml").read_text())["groups"]
    (rule,) = [rule for group in rules for rule in group["rules"] if rule.get("alert") == "CanaryMissing"]
    assert expression in rule["expr"]
