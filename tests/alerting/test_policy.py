"""The severity policy: the first rule that fits, and every mistake of a table at once."""

from pathlib import Path

import pytest

from alerting.counting.windows import WindowSettings
from alerting.policy import NO_NAME, Facts, Policy, Rule, read_policy
from alerting.sources import Sources, Trust
from alerting.state import AggregateSettings
from ingest.instants import DAY
from ingest.tables import WrongTables
from tests.alerting.made import START, crisis, ordinary
from tests.alerting.runs import Run, in_ranges


def case(*topics: str, name: int = NO_NAME, source: int = 3, severity: str = "warning", kind: str = "share") -> Facts:
    return Facts(frozenset(topics), name, source, severity, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "action"),
    [
        (case("liquidity_run"), "page"),
        (case("market_moves"), "notify"),
        (case("market_moves", severity="critical"), "page"),
        (case("earnings_guidance"), "page"),
        (case("market_moves", name=1), "page"),
        (case("market_moves", name=2), "page"),
        (case("market_moves", name=3), "digest"),
        (case("market_moves", name=3, source=1), "page"),
        (case("operations", "fraud_misconduct", name=3), "page"),
        (case("anything new"), "page"),
    ],
)
def test_the_shipped_table_decides_so(given: Facts, action: str) -> None:
    assert read_policy().action(given) == action


def test_the_first_rule_that_fits_decides() -> None:
    rules = (Rule("notify", topics=("fx",)), Rule("page", topics=("fx",), severities=("critical",)), Rule("digest"))
    assert Policy("1", rules).action(case("fx", severity="critical")) == "notify"
    assert Policy("1", rules[1:]).action(case("fx", severity="critical")) == "page"
    assert Policy("1", rules[1:]).action(case("fx")) == "digest"


def test_the_label_changes_with_the_version_and_with_the_rules() -> None:
    labels = {
        Policy("1", (Rule("page"),)).label,
        Policy("2", (Rule("page"),)).label,
        Policy("1", (Rule("digest"),)).label,
    }
    assert len(labels) == 3
    assert Policy().label == ""


def test_every_mistake_of_a_table_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("""\
title = "ours"
[[rule]]
action = "call"
topics = []

[[rule]]
actions = "page"
name_tiers = [4]
source_tiers = 1
severities = ["loud"]
""")
    with pytest.raises(WrongTables) as caught:
        read_policy(file)
    assert [mistake.replace(str(file), "F") for mistake in caught.value.mistakes] == [
        "F: there is no title; known are version and [[rule]]",
        "F: version is missing or no short text; set it, and change it with the rules",
        "F: the last [[rule]] must have nothing but action, so that it fits whatever comes",
        "F, line 2: action cannot be 'call': it is one of page, notify, digest",
        "F, line 2: topics must be a list of names of topics, at least one",
        "F, line 6: action is missing: page or notify or digest",
        "F, line 6: there is no actions; known are action, topics, name_tiers, source_tiers, severities, kinds",
        "F, line 6: name_tiers cannot be 4: it is one of 0, 1, 2, 3",
        "F, line 6: source_tiers must be a list, of 1, 2, 3",
        "F, line 6: severities cannot be 'loud': it is one of warning, critical",
    ]


def test_an_alert_carries_what_the_policy_said_and_is_never_told_less_loudly() -> None:
    rules = (Rule("page", severities=("critical",)), Rule("notify", topics=("liquidity_run",)), Rule("digest"))
    policy = Policy("desk-7", rules)
    settings = AggregateSettings(("news",), WindowSettings(early=False), policy=policy)
    before = ordinary(12)
    run = Run(settings).take(*in_ranges([*before, *crisis(len(before), START + 12 * DAY)], 5))
    assert run.alerts
    assert {alert.policy for alert in run.alerts} == {policy.label}
    assert [alert.action for alert in run.alerts] == [
        "page" if any(e.severity == "critical" for e in run.alerts[: n + 1]) else "notify"
        for n in range(len(run.alerts))
    ]


def test_a_source_has_the_tier_of_its_name_or_of_the_best_pattern() -> None:
    trust = Trust(Sources(tier_1=("Reuters", "*.gov.cn"), tier_2=("guba-*", "wire-?"), tier_3=("fake.gov.cn",)))
    tiers = {"reuters": 1, "REUTERS": 1, "pbc.gov.cn": 1, "fake.gov.cn": 3, "guba-1": 2, "wire-12": 3, "": 3, "x": 3}
    assert {source: trust.tier(source) for source in tiers} == tiers
