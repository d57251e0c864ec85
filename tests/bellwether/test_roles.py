import json
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from alerting.policy import read_policy
from alerting.state import AggregateSettings
from bellwether.clock import now
from bellwether.delivering import destinations
from bellwether.opening import open_logs
from bellwether.roles import Surroundings, aggregate_settings, loop_names, model_errors, roles
from bellwether.settings import WrongSettings, read_settings
from classifier.artifact import SHIPPED, ArtifactError

WEBHOOK = '[[destination]]\nname = "{name}"\ntype = "webhook"\nsecret = "s"\nurl = "{url}"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "bellwether.toml"
    file.write_text(text)
    return file


def test_unless_set_otherwise_alerts_are_decided_by_the_defaults_of_alerting(tmp_path: Path) -> None:
    settings = aggregate_settings(read_settings(written(tmp_path, "")))
    assert settings == AggregateSettings(inputs=("documents",), policy=read_policy())


def test_what_is_set_reaches_the_aggregator(tmp_path: Path) -> None:
    text = """
        [[input]]
        kafka_topic = "a"
        [[input]]
        kafka_topic = "b"
        [windows]
        bin = "5m"
        out_of_orderness = "3m"
        early = false
        keep = "24h"
        [alerts]
        budget_per_week = 2
        historical_after = "30m"
    """
    settings = aggregate_settings(read_settings(written(tmp_path, text)))
    assert settings.inputs == ("a", "b")
    assert settings.windows.bin == timedelta(minutes=5)
    assert settings.windows.out_of_orderness == timedelta(minutes=3)
    assert not settings.windows.early
    assert settings.windows.keep == timedelta(hours=24)
    assert settings.spikes.budget_per_week == 2
    assert settings.historical_after == timedelta(minutes=30)


def test_the_mistakes_of_all_destinations_are_told_at_once(tmp_path: Path) -> None:
    names = {"one": "https://user:pw@a.example/x", "two": "https://b.example/x", "three": "https://user:pw@c.example"}
    text = "".join(WEBHOOK.format(name=name, url=url) + 'token = "t"\n' for name, url in names.items())
    with pytest.raises(WrongSettings) as wrong:
        destinations(read_settings(written(tmp_path, text)))
    assert [mistake.split(":")[0] for mistake in wrong.value.mistakes] == ["destination.0", "destination.2"]
    assert "pw" not in str(wrong.value)


def test_each_destination_has_a_loop_of_its_own(tmp_path: Path) -> None:
    text = WEBHOOK.format(name="desk", url="https://a.example") + '[[destination]]\nname = "log"\ntype = "log"\n'
    settings = read_settings(written(tmp_path, text))
    assert [each.name for each in destinations(settings)] == ["desk", "log"]
    assert loop_names(("classify", "aggregate", "deliver"), settings) == [
        "classify",
        "aggregate",
        "deliver-desk",
        "deliver-log",
    ]
    assert loop_names(("aggregate",), settings) == ["aggregate"]


def test_how_often_the_model_errs_is_read_off_its_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED, folder)
    settings = read_settings(written(tmp_path, '[classifier]\nartifact = "model"\n'))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for confusion, found in (([[80, 15, 5], [10, 180, 10], [0, 20, 80]], (100, 80, 300, 10)), (None, None)):
        manifest["metrics"] = {"rows": 400} | ({"confusion": confusion} if confusion else {})
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        errors = model_errors(settings)
        assert (errors and (errors.negatives, errors.found, errors.others, errors.mistaken)) == found
    shutil.rmtree(folder)
    assert model_errors(settings) is None


def aggregating(folder: Path, text: str) -> list[str]:
    """The roles of an aggregator that has no model."""
    settings = read_settings(written(folder, f'[classifier]\nartifact = "none"\n{text}'))
    with closing(open_logs(settings, now)) as logs:
        around = Surroundings(settings, logs, CollectorRegistry(), Event(), {})
        return [role.name for role in roles({"aggregate"}, around)]


def test_an_aggregator_without_the_model_starts_whatever_topics_a_destination_is_told_of(tmp_path: Path) -> None:
    desk = '[[destination]]\nname = "desk"\ntype = "log"\n[destination.route]\nsubjects = ["topic/liquidity_run"]\n'
    assert aggregating(tmp_path, desk) == ["aggregate"]
    with pytest.raises(ArtifactError):
        aggregating(tmp_path, desk + "[alerts.topic.fx]\nrarity = 2\n")
