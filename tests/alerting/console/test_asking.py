"""What the console is asked for: the way back after signing in, and why an alert fired by the bounds of its topic."""

import re
from collections.abc import Iterator

import httpx
import pytest

from alerting.alerts import alert_message
from ingest.instants import MINUTE, moment
from tests.alerting.console.shown import BO, DETECTION, Shown, showing
from tests.alerting.told import OPENED, told
from tests.publishing import publish
from tests.waiting import until

OF_ITS_TOPIC = "\n[alerts.topic.liquidity_run]\nmin_negatives = 28\n"


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


@pytest.mark.parametrize("change", ["caught_up", "closed"])
def test_why_is_gone_for_an_alert_whose_beginning_is_no_longer_held(shown: Shown, change: str) -> None:
    end = {"state": "closed", "closed_at": moment(OPENED + MINUTE)} if change == "closed" else {}
    alert = told(change, 3, change=change, detection=DETECTION, scores_from=0, scores_to=1, **end)
    publish(shown.logs, alert_message(alert))
    headers = {"Authorization": f"Bearer {BO}"}
    with httpx.Client(base_url=shown.url, headers=headers, trust_env=False) as client:
        until(lambda: client.get(f"/alerts/{change}").status_code == 200)
        assert client.get(f"/api/alerts/{change}/why").json()["reason"] == "gone"
        assert "are no longer kept" in client.get(f"/alerts/{change}?why=1").text
