"""Policy, sources and flashes stand in the settings, and what the model does not know is refused."""

import math
from pathlib import Path

import pytest

from alerting.composing.flash import FlashSettings
from alerting.detection.rules import SpikeSettings
from alerting.policy import read_policy
from bellwether.roles import aggregate_settings, check_topics
from bellwether.settings import Settings, WrongSettings, read_settings

OWN = 'version = "desk-7"\n[[rule]]\ntopics = ["{}"]\naction = "page"\n[[rule]]\naction = "notify"\n'


def read(folder: Path, text: str, topic: str = "fx") -> Settings:
    (folder / "own.toml").write_text(OWN.format(topic))
    (folder / "b.toml").write_text(text)
    return read_settings(folder / "b.toml")


def test_unless_set_the_shipped_policy_counts_and_no_source_is_trusted(tmp_path: Path) -> None:
    settings = aggregate_settings(read(tmp_path, ""))
    assert settings.policy == read_policy()
    assert settings.flash == FlashSettings()
    assert settings.sources.tier_1 == ()


def test_what_is_set_counts_and_stands_in_the_hash_of_the_settings(tmp_path: Path) -> None:
    text = (
        '[alerts]\npolicy = "own.toml"\n[sources]\ntier_1 = ["wire"]\n[flash]\nwords = [["停兑"]]\nbudget_per_day = 1\n'
    )
    settings = aggregate_settings(read(tmp_path, text + '[[watch.name]]\nname = "Northbank"\ntier = 1\n'))
    assert settings.policy.version == "desk-7"
    assert settings.sources.tier_1 == ("wire",)
    assert (settings.flash.words, settings.flash.budget_per_day) == ((("停兑",),), 1)
    assert settings.tiers == {"Northbank": 1}
    assert settings != aggregate_settings(read(tmp_path, ""))


def test_a_topic_that_the_model_does_not_know_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    text = '[alerts]\npolicy = "own.toml"\n[flash]\ntopics = ["weather", "credit_default"]\n'
    check_topics(read(tmp_path, '[alerts]\npolicy = "own.toml"\n'))
    with pytest.raises(WrongSettings) as caught:
        check_topics(read(tmp_path, text, topic="forex"))
    first, second = caught.value.mistakes
    assert first.startswith("alerts.policy: the model knows no topic forex; it knows ")
    assert second.startswith("flash.topics: the model knows no topic weather; it knows ")


def test_what_is_otherwise_for_a_topic_reaches_the_detector_and_nothing_else(tmp_path: Path) -> None:
    text = """
        [alerts.topic.market_moves]
        rarity = 3
        min_negatives = 10
        [alerts.topic.liquidity_run]
        critical = 1
        min_ratio = 1.1
        [alerts.topic.other]
        alert = false
    """
    settings = read(tmp_path, text)
    check_topics(settings)
    spikes, usual = aggregate_settings(settings).spikes, SpikeSettings()
    moves, run, other = (spikes.of(topic) for topic in ("market_moves", "liquidity_run", "other"))
    assert (moves.rarity, moves.min_negatives, moves.critical) == (3, 10, usual.critical)
    assert (run.rarity, run.critical, run.min_ratio, run.min_excess) == (1, 1, 1.1, usual.min_excess)
    assert other.rarity == math.inf
    assert spikes.of("fx") == usual


def test_mistakes_about_topics_are_told_at_once_with_the_topics_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings) as caught:
        read(
            tmp_path, "[alerts.topic.fx]\nrarity = 0\ncritical = 0.5\n[alerts.topic.crypto]\nbudget = 3\nalert = 'so'\n"
        )
    assert {mistake.split(":")[0] for mistake in caught.value.mistakes} == {
        "alerts.topic.fx.rarity",
        "alerts.topic.fx.critical",
        "alerts.topic.crypto.budget",
        "alerts.topic.crypto.alert",
    }
    with pytest.raises(WrongSettings) as caught:
        check_topics(read(tmp_path, "[alerts.topic.forex]\nrarity = 2\n[alerts.topic.weather]\nalert = false\n"))
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("alerts.topic: the model knows no topic forex, weather; it knows earnings_guidance, ")
    route = '[destination.route]\nsubjects = ["topic/fx", "topic/f*", "topic/forex"]\n'
    with pytest.raises(WrongSettings) as caught:
        check_topics(read(tmp_path, '[[destination]]\nname = "desk"\ntype = "log"\n' + route))
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("destination.route.subjects: the model knows no topic forex; it knows ")


def test_mistakes_of_a_policy_are_told_with_the_others(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings) as caught:
        read(tmp_path, '[alerts]\npolicy = "b.toml"\n[flash]\nwords = [[]]\nnegative = 2\n')
    told = "\n".join(caught.value.mistakes)
    assert "alerts:" in told
    assert "version is missing" in told
    assert "flash.words: must be lists of words, none of them empty" in told
    assert "flash.negative" in told
