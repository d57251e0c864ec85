"""A bank run, through real servers: rule, route, evidence; and nobody is told twice, or that it is over when it is not."""

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from alerting.alerts import ALERTS, decode_alert
from ingest.logs import Record
from tests.e2e.conftest import Place
from tests.waiting import until

SCHEMA = json.loads((Path(__file__).parent / "alertmanager-webhook-4.schema.json").read_text())


def _records(place: Place) -> list[Record]:
    logs = place.deployment.logs()
    found = list(logs.scan(ALERTS.log))
    logs.close()
    return found


def _spikes(place: Place) -> list[dict[str, Any]]:
    return [each for each in place.notifications() if each["groupLabels"]["alertname"] == "TopicSpike"]


def test_the_desk_is_told_of_the_run_with_its_evidence(place: Place) -> None:
    alert = json.loads(place.desk.requests[0].body)["alert"]
    assert alert["subject"] == {"kind": "topic", "name": "liquidity_run"}
    assert (alert["change"], alert["historical"]) == ("opened", False)
    assert alert["top_documents"]
    assert all(document["text"] and document["spans"] for document in alert["top_documents"])


def test_prometheus_sees_what_the_aggregator_found_and_routes_it_to_us_at_once(place: Place) -> None:
    (notification, *_) = [each for each in _spikes(place) if each["groupLabels"]["topic"] == "liquidity_run"]
    assert notification["status"] == "firing"
    assert notification["receiver"] == "risk-at-once"
    assert "comes once in" in notification["commonAnnotations"]["description"]


def test_what_alertmanager_sends_is_version_four_of_its_webhook(place: Place) -> None:
    validator = Draft202012Validator(SCHEMA)
    until(lambda: place.notifications("/watchdog"))
    for body in (*place.notifications(), *place.notifications("/watchdog")):
        assert list(validator.iter_errors(body)) == []


def test_by_way_of_alertmanager_comes_the_same_alert_with_the_same_evidence(place: Place) -> None:
    again = [record for record in _records(place) if ("via", b"alertmanager") in record.headers]
    first = {record.key: record for record in _records(place) if not record.headers}
    assert again
    for record in again:
        assert record.value == first[record.key].value
        assert decode_alert(record.value or b"").top_documents


def test_both_ways_together_are_one_page(place: Place) -> None:
    until(lambda: place.value("bellwether_deliver_alerts_total{outcome='duplicate'}") >= 1)
    assert [key for key, times in Counter(place.desk.keys).items() if times > 1] == []


def test_the_watchdog_reaches_the_dead_man_s_switch_and_nobody_else(place: Place) -> None:
    until(lambda: place.notifications("/watchdog"))
    assert {each["groupLabels"]["alertname"] for each in place.notifications("/watchdog")} == {"Watchdog"}
    assert "Watchdog" not in {each["groupLabels"]["alertname"] for each in place.notifications()}


@pytest.mark.parametrize("what", ["prometheus", "alertmanager", "bellwether"])
def test_a_restart_in_the_midst_of_it_pages_nobody_again_and_resolves_nothing(place: Place, what: str) -> None:
    until(lambda: place.value("bellwether_topic_alert_open{topic='liquidity_run',severity='critical'}") == 1)
    time.sleep(2)  # what was under way is told
    heard, pages = len(_spikes(place)), len(place.desk.requests)
    restarted_at = datetime.now(UTC)
    if what == "bellwether":
        place.restart_run()
    else:
        {"prometheus": place.prometheus, "alertmanager": place.alertmanager}[what].restart()
    until(lambda: place.value("up{job='bellwether'}") == 1 and "TopicSpike" in place.prometheus.firing(), 40)
    until(lambda: place.value("bellwether_topic_alert_open{topic='liquidity_run',severity='critical'}") == 1, 40)
    if what == "alertmanager":
        until(lambda: _at_alertmanager(place), 40)
    time.sleep(3)  # three rounds of scraping, evaluating and grouping
    assert len(_spikes(place)) == heard
    assert len(place.desk.requests) == pages
    # What was resolved and fires again begins anew; nobody is sent a `resolved` of topics who could tell.
    assert [each["startsAt"] for each in _at_alertmanager(place) if _began(each) > restarted_at] == []


def _at_alertmanager(place: Place) -> list[dict[str, Any]]:
    alerts = place.alertmanager.get("v2/alerts")
    return [alert for alert in alerts if alert["labels"]["alertname"] == "TopicSpike"]


def _began(alert: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(alert["startsAt"])
