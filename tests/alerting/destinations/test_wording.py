"""What people read: of notices above all where it stands what to do, of alerts what is unusual."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml
from msgspec.structs import replace

from alerting.alerts import Flash, Silent, Subject, decode_alert
from alerting.destinations.digest import digest
from alerting.destinations.wording import Language, Letters
from alerting.notices import Notice
from ingest.instants import DAY, moment
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
def test_what_comes_from_outside_hides_no_address_and_ours_stay_as_they_are(language: Language) -> None:
    link = "[reuters.com](https://evil.example)"
    document = replace(told().top_documents[0], text=link, source=link, url=f"https://{link}")
    alert = told("test-1", subject=Subject("entity", link), top_documents=(document,))
    rule = {"alert": link, "annotations": {"summary": link, "description": link}}
    letters = Letters(language, console="http://[::1]:8700")
    foreign = [alert, notice(rule, runbook=link), digest(OPENED, [alert, notice(rule, runbook=link)])]
    whole = "\n".join(letters.write(each).whole for each in foreign)
    assert "[reuters" not in whole
    assert "https://%5Breuters.com](https://evil.example)" in whole
    assert "［reuters.com](https://evil.example)" in whole
    assert letters.write(alert).title.startswith("[TEST 测试] ")
    assert "http://[::1]:8700/alerts/test-1" in letters.write(alert).body.splitlines()


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


def test_of_a_share_a_letter_tells_the_stories_that_it_is_of() -> None:
    alert = told()
    assert Letters("en").write(alert).body.splitlines()[:2] == [
        "9 of 12 stories negative: 75 %, usual 20 % (40 texts with copies)",
        "12 stories, usual 6.5, from 7 sources",
    ]
    assert Letters("zh").write(alert).body.splitlines()[:2] == [
        "12 条报道中 9 条负面：占比 75 %，平常 20 %（含转载共 40 篇）",
        "共 12 条报道，平常 6.5 条，来自 7 个来源",
    ]


def test_a_digest_tells_stories_too() -> None:
    matters = [told(), told("b", historical=True)]
    english = Letters("en").write(digest(OPENED, matters)).body.splitlines()
    assert "9 of 12 stories negative" in english[0]
    assert "long afterwards" not in english[0]
    assert "found long afterwards" in english[2]
    chinese = Letters("zh").write(digest(OPENED, matters)).body.splitlines()
    assert "12 条报道中 9 条负面" in chinese[0]
    assert "事后很久才发现" in chinese[2]


def test_an_alert_that_an_older_version_told_is_read_and_its_share_is_of_texts() -> None:
    older = msgspec.to_builtins(told(share=0.775, copies=0))
    del older["story_negatives"]
    alert = decode_alert(json.dumps(older).encode())
    assert Letters("en").write(alert).body.splitlines()[0] == "31 of 40 texts negative: 78 %, usual 20 %"
    assert Letters("zh").write(alert).body.splitlines()[0] == "40 篇文本中 31 篇负面：占比 78 %，平常 20 %"


@pytest.mark.parametrize(
    ("kind", "english", "chinese"),
    [
        ("share", "What stands out is the share of negatives.", "异常的是负面占比。"),
        ("volume", "What stands out is the number of stories.", "异常的是报道数量。"),
        (
            "both",
            "What stands out is both the share of negatives and the number of stories.",
            "负面占比和报道数量都异常。",
        ),
    ],
)
def test_a_letter_says_what_is_unusual(kind: str, english: str, chinese: str) -> None:
    assert english in Letters("en").write(told(kind=kind)).body.splitlines()
    assert chinese in Letters("zh").write(told(kind=kind)).body.splitlines()


def test_a_letter_says_what_is_to_be_known_of_its_numbers() -> None:
    alert = told(late=True, historical=True, silent=Silent(("wire", "<desk>"), 0.35))
    told_of = {
        "en": (
            "Documents that came late took part.",
            "Found long after it happened.",
            "Usual sources have fallen silent, and with them 35 % of the usual volume: wire, ＜desk>",
        ),
        "zh": (
            "其中包含迟到的文档。",
            "事发很久之后才发现。",
            "以下常用信源已静默，缺少平时 35 % 的稿量：wire、＜desk>",
        ),
    }
    for language, lines in told_of.items():
        assert set(lines) <= set(Letters(language).write(alert).body.splitlines())
        assert not set(lines) & set(Letters(language).write(told()).body.splitlines())


def test_a_letter_says_from_when_on_it_counts() -> None:
    ended = told("a1", 4, change="closed", state="closed", closed_at=moment(OPENED + 5 * DAY))
    assert (
        "Counted since 2026-03-01 09:25 +00:00, opened 2026-03-01 09:30 +00:00, closed 2026-03-06 09:30 +00:00"
        in Letters("en").write(ended).body.splitlines()
    )
    shanghai = Letters("zh", ZoneInfo("Asia/Shanghai")).write(ended).body.splitlines()
    assert "统计自 2026-03-01 17:25 +08:00 起，告警 2026-03-01 17:30 +08:00，结束 2026-03-06 17:30 +08:00" in shanghai


FLASH = Flash(("liquidity_run", "credit_default"), ("halts", "withdrawals"), "wire", 1, 0.974, over_budget=False)
LOUDER = told(
    "f", 2, kind="flash", flash=FLASH, subject=Subject("entity", "Northbank"), return_period_days=0.0,
    stories=3, story_negatives=2, sources=2, share=0.6667,
)  # fmt: skip


def test_the_letter_of_a_flash_says_why_one_text_was_enough_and_nothing_of_what_is_usual() -> None:
    assert Letters("en").write(LOUDER).body.splitlines()[:4] == [
        "A further text calls for telling it more loudly.",
        "From wire (tier 1), 97 % negative, on Liquidity run, Credit default; with the words halts, withdrawals",
        "2 of 3 stories on Northbank negative, from 2 sources",
        "Counted since 2026-03-01 09:25 +00:00, opened 2026-03-01 09:30 +00:00",
    ]
    assert Letters("zh").write(LOUDER).body.splitlines()[:4] == [
        "后续的一条内容需要更醒目地告知。",
        "来自 wire（1 级信源），负面 97 %，话题：流动性与挤兑、信用违约；含关键词：halts、withdrawals",
        "关于 Northbank 的 3 条报道中 2 条负面，来自 2 个来源",
        "统计自 2026-03-01 09:25 +00:00 起，告警 2026-03-01 09:30 +00:00",
    ]


def test_the_letter_of_a_flash_beyond_the_budget_says_so() -> None:
    beyond = replace(LOUDER, flash=replace(FLASH, words=(), over_budget=True), change="opened", action="digest")
    english, chinese = (Letters(language).write(beyond).body.splitlines() for language in ("en", "zh"))
    assert english[:2] == [
        "From wire (tier 1), 97 % negative, on Liquidity run, Credit default",
        "The day's budget of flashes was spent, so it is told in the digest.",
    ]
    assert chinese[1] == "当日的单条告警额度已用完，因此列入汇总。"


def test_a_flash_that_an_older_version_told_without_its_reason_is_written() -> None:
    assert (
        "31 of 40 texts on Northbank negative"
        in Letters("en").write(told(kind="flash", subject=Subject("entity", "Northbank"), story_negatives=0)).body
    )
