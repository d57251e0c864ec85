"""Panels of Grafana as plain values: what the two dashboards are made of."""

from collections.abc import Sequence
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "bellwether-prometheus"}
WIDTH = 24

Json = dict[str, Any]
Query = str | tuple[str, str]  # an expression, with a legend


def graph(title: str, about: str, *queries: Query, unit: str = "short", wide: int = 8, **defaults: Any) -> Json:
    """Lines over time. `defaults` go into the field's configuration, for example thresholds."""
    return _panel("timeseries", title, about, _targets(queries), (wide, 8), {"unit": unit, **defaults})


def number(title: str, about: str, *queries: Query, unit: str = "short", wide: int = 4, **defaults: Any) -> Json:
    """One number a series, as it is now."""
    targets = [{**target, "instant": True, "range": False} for target in _targets(queries)]
    return _panel("stat", title, about, targets, (wide, 4), {"unit": unit, **defaults})


def heatmap(title: str, about: str, expression: str, wide: int = 12) -> Json:
    """How a histogram's observations are spread, over time; the expression sums buckets by `le`."""
    targets = [{**target, "format": "heatmap"} for target in _targets([(expression, "{{le}}")])]
    panel = _panel("heatmap", title, about, targets, (wide, 8), {"unit": "s"})
    panel["options"] = {"calculate": False, "yAxis": {"unit": "s"}, "color": {"mode": "scheme", "scheme": "Blues"}}
    return panel


def table(title: str, about: str, columns: Sequence[tuple[str, str, str]], by: str, wide: int = WIDTH) -> Json:
    """One row a value of the label `by`; columns are (name, expression, unit)."""
    targets = [
        {**target, "format": "table", "instant": True, "range": False}
        for target in _targets([(expression, name) for name, expression, _ in columns])
    ]
    panel = _panel("table", title, about, targets, (wide, 12), {"unit": "short"})
    letters = [target["refId"] for target in targets]
    names = {f"Value #{letter}": name for letter, (name, _, _) in zip(letters, columns, strict=True)}
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}},
    ]
    panel["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
        for name, _, unit in columns
    ]
    panel["options"] = {"sortBy": [{"displayName": columns[0][0], "desc": True}]}
    panel["description"] = f"{about} One row for each {by}."
    return panel


def dashboard(uid: str, title: str, about: str, panels: Sequence[Json], variables: Sequence[Json] = ()) -> Json:
    """The dashboard, its panels laid out in rows from left to right."""
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["bellwether"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(variables)},
        "annotations": {"list": []},
        "links": [],
        "panels": _laid_out(panels),
    }


def choice(name: str, label: str, query: str) -> Json:
    """A variable whose values Prometheus knows; all of them at first."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def address(name: str, label: str, value: str) -> Json:
    """A variable that one types: an address to link to."""
    current = {"text": value, "value": value}
    return {"name": name, "label": label, "type": "textbox", "query": value, "current": current}


def _targets(queries: Sequence[Query]) -> list[Json]:
    pairs = [(query, "") if isinstance(query, str) else query for query in queries]
    return [
        {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "expr": expression,
            "legendFormat": legend or "__auto",
        }
        for number, (expression, legend) in enumerate(pairs)
    ]


def _panel(kind: str, title: str, about: str, targets: list[Json], size: tuple[int, int], defaults: Json) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": DATASOURCE,
        "targets": targets,
        "gridPos": {"w": size[0], "h": size[1]},
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _laid_out(panels: Sequence[Json]) -> list[Json]:
    """The same panels with their places and numbers."""
    x = y = high = 0
    placed = []
    for count, panel in enumerate(panels, 1):
        size = panel["gridPos"]
        if x + size["w"] > WIDTH:
            x, y, high = 0, y + high, 0
        placed.append({"id": count, **panel, "gridPos": {**size, "x": x, "y": y}})
        x, high = x + size["w"], max(high, size["h"])
    return placed
