"""What people read of notices: above all where it stands what to do."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from alerting.destinations.digest import digest
from alerting.destinations.wording import Language, Letters
from alerting.notices import Notice
from ingest.instants import moment
from tests.alerting.told import OPENED, told

RULES = [
    rule
    for file in sorted((Path(__file__).parents[3] / "deploy" / "prometheus" / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
WHAT_TO_DO: dict[Language, str] = {"en": "What to do: ", "zh": "处置手册："}


def notice(rule: dict[str, Any], runbook: str | None = None) -> Notice:
    """As Alertmanager tells of an alert of this rule."""
    said = rule["annotations"]
    return Notice(
        fingerprint=rule["alert"],
        status="firing",
        name=rule["alert"],
        severity="critical",
        summary=said["summary"],
        description=said.get("description", ""),
        labels={"alertname": rule["alert"], **rule.get("labels", {})},
        starts_at=moment(OPENED),
        ends_at=None,
        runbook=said["runbook_url"] if runbook is None else runbook,
    )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_notice_of_every_rule_names_its_entry_in_the_runbook(rule: dict[str, Any], language: Language) -> None:
    letter = Letters(language).write(notice(rule))
    assert f"{WHAT_TO_DO[language]}deploy/runbook.md#{rule['alert'].lower()}" in letter.body.splitlines()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_digest_names_it_for_each_of_its_notices(language: Language) -> None:
    letter = Letters(language).write(digest(OPENED, [told(), *(notice(rule) for rule in RULES)][:4]))
    lines = [line.strip() for line in letter.body.splitlines()]
    for rule in RULES[:3]:
        assert f"{WHAT_TO_DO[language]}deploy/runbook.md#{rule['alert'].lower()}" in lines


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("runbook", "shown"),
    [
        ("https://wiki.example/runbook#logaway", "https://wiki.example/runbook#logaway"),
        ("https://wiki.example/@all", "https://wiki.example/%40all"),
        ("ask <@all>\nfirst", "ask ＜＠all> first"),
        ("a" * 300, "a" * 199 + "…"),
    ],
)
def test_whatever_a_rule_names_is_one_line_that_calls_nobody(runbook: str, shown: str, language: Language) -> None:
    letter = Letters(language).write(notice(RULES[0], runbook))
    assert letter.body.splitlines()[-1] == WHAT_TO_DO[language] + shown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_rule_that_names_nothing_has_no_line_for_it(language: Language) -> None:
    assert WHAT_TO_DO[language] not in Letters(language).write(notice(RULES[0], "")).body
