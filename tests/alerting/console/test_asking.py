"""What the console is asked for: the way back after signing in, and why an alert fired by the bounds of its topic."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.alerting.console.shown import BO, Shown, showing

OF_ITS_TOPIC = "\n[alerts.topic.liquidity_run]\nmin_negatives = 1000\n"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with showing(tmp_path_factory.mktemp("console"), OF_ITS_TOPIC) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("//evil.example/", "/"),
        ("//evil.example/alerts?x=1", "/"),
        ("/login?back=//evil.example/", "/"),
        ("/alerts?state=open", "/alerts?state=open"),
    ],
)
def test_the_page_that_asks_for_a_token_leads_to_our_pages_only(shown: Shown, path: str, back: str) -> None:
    page = httpx.get(shown.url + path, trust_env=False)
    assert page.status_code == 401
    assert f'<p class="note"><a href="{back}">' in page.text
    assert re.findall(r'(?:href|value|action)="(//[^"]*)"', page.text) == []


def test_why_goes_by_the_bounds_of_the_alerts_topic(shown: Shown) -> None:
    headers = {"Authorization": f"Bearer {BO}"}
    why = httpx.get(f"{shown.url}/api/alerts/a1/why", headers=headers, trust_env=False).json()
    assert why["reason"] == "answered"
    assert [each["fires"] for each in why["sources"]] == [False, False]
