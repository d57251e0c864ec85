"""The metrics page tells of every metric that a process of ours registers, with its type and labels, and of no other."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from bellwether.metrics import describe_process
from bellwether.process import Process
from bellwether.roles import PARTS
from bellwether.settings import read_settings

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROWS = {
    name: (kind, re.findall(r"`(\w+)`", labels))
    for name, kind, labels in re.findall(r"^\| `(bellwether_\w+)` \| (\w+) \| (.*?) \| .+ \|$", PAGE, re.MULTILINE)
}
SETTINGS = '[canary]\nevery = "1m"\n[http]\nport = 0\n'


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MetricWrapperBase]:
    """Everything of ours that `bellwether run` registers, by the name that is scraped."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "bellwether.toml").write_text(SETTINGS)
    process = Process(read_settings(folder / "bellwether.toml"), PARTS)
    describe_process(process._registry)
    assert [loop.name for loop in process._start()]
    ours = [each for each in process._registry._collector_to_names if isinstance(each, MetricWrapperBase)]
    return {f"{each._name}_total" if each._type == "counter" else each._name: each for each in ours}


def test_every_metric_is_on_the_page_and_no_other(registered: dict[str, MetricWrapperBase]) -> None:
    assert sorted(ROWS) == sorted(registered)


def test_types_and_labels_are_told_as_they_are(registered: dict[str, MetricWrapperBase]) -> None:
    assert {name: (metric._type, list(metric._labelnames)) for name, metric in registered.items()} == ROWS


def test_every_metric_says_what_it_is(registered: dict[str, MetricWrapperBase]) -> None:
    assert [name for name, metric in registered.items() if len(metric._documentation) < 10] == []


def test_names_are_no_labels(registered: dict[str, MetricWrapperBase]) -> None:
    labels = {label for metric in registered.values() for label in metric._labelnames}
    assert labels & {"entity", "name_found", "source", "url", "id", "alert"} == set()
