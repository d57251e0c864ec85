"""A topic whose sources are silent is not shown as calm, and an alert names them."""

from pathlib import Path

import httpx

from alerting.alerts import Silent, alert_message
from alerting.gauges import TopicGauges
from tests.alerting.console.shown import BO, showing
from tests.alerting.told import told
from tests.publishing import publish
from tests.waiting import until


def test_the_board_says_unknown_and_the_alert_says_who_is_silent(tmp_path: Path) -> None:
    with showing(tmp_path, "") as shown:
        gauges = TopicGauges(shown.registry)
        gauges.know(("fx", "crypto"))
        for topic in ("fx", "crypto"):
            gauges.ready.labels(topic).set(1)
        gauges.show_sources("fx", 0.8, is_unknown=True)
        publish(shown.logs, alert_message(told("a9", silent=Silent(("<b>wire</b>",), 0.8))))
        headers = {"Authorization": f"Bearer {BO}"}
        with httpx.Client(base_url=shown.url, headers=headers, trust_env=False) as client:
            until(lambda: client.get("/alerts/a9").status_code == 200)
            board = {each["subject"]["name"]: each for each in client.get("/api/board").json()}
            assert (board["fx"]["is_unknown"], board["crypto"]["is_unknown"]) == (True, False)
            page = client.get("/").text
            assert page.count("sources silent: unknown") == 1
            assert page.count("as usual") == 1
            alert = client.get("/alerts/a9").text
            assert "80" in alert.split("Usual sources have fallen silent")[1][:60]
            assert "<bdi>&lt;b&gt;wire&lt;/b&gt;</bdi>" in alert
