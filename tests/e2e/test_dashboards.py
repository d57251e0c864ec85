"""Every query of the dashboards, run against a Prometheus that has scraped a run: there is no empty panel."""

import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Place

DASHBOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards").glob("*.json"))
}
PANELS = [(name, panel) for name, board in DASHBOARDS.items() for panel in board["panels"]]
WORDS = {"$__rate_interval": "10s", "$topic": ".*"}


def _filled(expression: str) -> str:
    """As Grafana would send it."""
    for word, value in WORDS.items():
        expression = expression.replace(word, value)
    assert "$" not in expression
    return expression


def _values(place: Place, expression: str) -> list[float]:
    """All that a query finds in the last minutes."""
    now = time.time()
    found = place.prometheus.get("v1/query_range", query=_filled(expression), start=now - 300, end=now, step="1s")
    return [float(value) for series in found["data"]["result"] for _, value in series["values"]]


@pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=[f"{name}-{panel['id']}-{panel['title']}" for name, panel in PANELS]
)
def test_no_query_of_a_panel_is_empty(place: Place, name: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        values = _values(place, target["expr"])
        assert any(math.isfinite(value) for value in values), target["expr"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_and_annotations_find_something(place: Place, name: str) -> None:
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
            assert place.prometheus.get(f"v1/label/{label}/values", **{"match[]": metric})["data"]
    for annotation in DASHBOARDS[name]["annotations"]["list"]:
        assert _values(place, annotation["expr"])
