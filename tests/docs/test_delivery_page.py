"""The page about delivery: its examples can be read and used, and what it names exists."""

import re
from pathlib import Path
from typing import get_args

import pytest

from alerting.destinations.alertmanager import ENDS_AFTER, NAME, RESEND_EVERY
from alerting.destinations.metrics import OUTCOMES
from alerting.destinations.robots import ROBOTS
from alerting.destinations.triage import CAUGHT_UP
from alerting.receiver import MIRRORS
from bellwether.delivering import deliver_settings, destinations
from bellwether.sections.destinations import Type
from bellwether.settings import read_settings
from ingest.instants import MINUTE

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SECRETS = {
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=t",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/t",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#channel",
    "teams": "workflows://host.example/workflow/signature",
    "mail": "mailtos://user:password@mail.example?to=risk@bank.example",
    "credit-address": "https://credit.example/hook",
}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_can_be_used(tmp_path: Path, number: int) -> None:
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r'"secrets/(.*?)"', PAGE):
        (tmp_path / "secrets" / name).write_text(SECRETS.get(name, "key"))
    example = EXAMPLES[number]
    if not example.startswith("[[destination]]"):  # what belongs into one
        example = '[[destination]]\nname = "x"\ntype = "log"\n\n' + example
    (tmp_path / "bellwether.toml").write_text(example)
    settings = read_settings(tmp_path / "bellwether.toml")
    assert len(destinations(settings)) == len(settings.destination) == example.count("[[destination]]")
    for section in settings.destination:
        assert deliver_settings(section, replay=False).deadline > 0


def test_every_type_and_every_outcome_is_on_the_page() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE)) | set(re.findall(r'outcome="(\w+)"', PAGE))
    assert set(get_args(Type)) | set(OUTCOMES) <= named


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"{ROBOTS['dingtalk'].limit_bytes:,} bytes for DingTalk and Feishu" in PAGE
    assert ROBOTS["dingtalk"].limit_bytes == ROBOTS["feishu"].limit_bytes
    assert f"{ROBOTS['wecom'].limit_bytes:,} for WeCom" in PAGE
    assert f"told together {CAUGHT_UP // MINUTE} to {2 * CAUGHT_UP // MINUTE} minutes later" in PAGE
    assert f"each time with an end {ENDS_AFTER // MINUTE} minutes ahead" in PAGE
    assert "every minute for as long as they are open" in PAGE
    assert RESEND_EVERY == MINUTE
    assert all(f"`{name}`" in PAGE for name in MIRRORS - {NAME})
