"""Alertmanager's webhook, over real HTTP, into a real log."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from alerting.alerts import ALERTS, decode_alert
from alerting.audit import AUDIT, verify
from alerting.notices import NOTICES, Notice, decode_notice
from alerting.receiver import Receiver, ReceiverMetrics, receiver_route
from bellwether.health import PageServer
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import MINUTE, moment
from ingest.logs import Message
from tests.alerting.destinations.receiver import receiving
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Outbox, turning, webhook
from tests.broker.keepers import Embedded


class Served:
    """A receiver behind HTTP."""

    def __init__(self, outbox: Outbox, token: str | None = None) -> None:
        self.outbox, self.registry = outbox, CollectorRegistry()
        self.receiver = Receiver(ReceiverMetrics(self.registry), token)
        self.server = PageServer(Starlette(routes=[receiver_route(self.receiver, outbox.clock)]), "127.0.0.1", 0)

    def post(self, body: object, **headers: str) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.server.port}/alertmanager"
        return httpx.post(url, content=content, headers=headers, trust_env=False).status_code

    def becomes(self, what: str) -> float | None:
        return self.registry.get_sample_value("bellwether_receiver_alerts_total", {"becomes": what})

    def answers(self, what: str) -> float | None:
        return self.registry.get_sample_value("bellwether_receiver_notifications_total", {"answer": what})


@pytest.fixture
def served(outbox: Outbox) -> Iterator[Served]:
    held = Served(outbox)
    held.receiver.open(outbox.logs)
    yield held
    held.server.close()


def posted(name: str = "TopicSpike", status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} speaks", "runbook_url": "https://runbook.example/x"},
        "startsAt": moment(OPENED).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else moment(OPENED + MINUTE).isoformat(),
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"f-{name}-{'-'.join(labels.values())}",
    }


def notification(*alerts: dict[str, Any], version: str = "4") -> dict[str, Any]:
    """As Alertmanager writes it, with fields that are of no use here."""
    return {
        "version": version,
        "groupKey": '{}:{alertname="TopicSpike"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "risk",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
    }


def notices(outbox: Outbox) -> list[Notice]:
    return [decode_notice(record.value or b"") for record in outbox.logs.scan(NOTICES.log)]


def test_a_notification_about_an_alert_puts_that_very_alert_into_the_outbox_again(
    outbox: Outbox, served: Served
) -> None:
    outbox.append(told("a1"), told("a1", 2))
    assert served.post(notification(posted(topic="liquidity_run"))) == 200
    records = list(outbox.logs.scan(ALERTS.log))
    assert [decode_alert(record.value or b"").key for record in records] == ["a1/1", "a1/2", "a1/2"]
    assert records[1].value == records[2].value
    assert records[2].headers == (("via", b"alertmanager"),)
    assert notices(outbox) == []


def test_both_paths_on_are_one_page(outbox: Outbox, served: Served) -> None:
    outbox.append(told("a1"))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        for _ in range(3):  # an HA pair, and a repetition
            assert served.post(notification(posted(topic="liquidity_run"))) == 200
        turns.turn(2)
        assert there.keys == ["a1/1"]
        assert turns.outcomes() == {"delivered": 1, "duplicate": 1}
    assert (served.becomes("alert"), served.becomes("duplicate")) == (1, 2)


def test_a_topic_without_an_open_alert_is_a_notice_and_so_is_a_blind_aggregator(outbox: Outbox, served: Served) -> None:
    over = told("a1", 2, state="closed", change="closed", closed_at=moment(OPENED - MINUTE))
    outbox.append(told("a1"), over, told("a2", subject=type(over.subject)("topic", "fx")))
    spike, blind = posted(topic="liquidity_run"), posted("TopicSpikeBlind", topic="fx")
    assert served.post(notification(spike, blind)) == 200
    assert [(notice.name, notice.severity, notice.summary) for notice in notices(outbox)] == [
        ("TopicSpike", "critical", "TopicSpike speaks"),
        ("TopicSpikeBlind", "critical", "TopicSpikeBlind speaks"),
    ]


def test_a_notice_is_taken_once_for_each_state_however_often_it_comes_and_after_a_restart(
    outbox: Outbox, served: Served
) -> None:
    firing, resolved = posted("Lagging"), posted("Lagging", "resolved")
    for body in (firing, firing, resolved, resolved):
        assert served.post(notification(body)) == 200
    again = Served(outbox)
    again.receiver.open(outbox.logs)
    assert again.post(notification(firing, resolved)) == 200
    again.server.close()
    assert [notice.status for notice in notices(outbox)] == ["firing", "resolved"]
    assert again.becomes("duplicate") == 2


def test_the_end_of_what_was_never_told_is_not_told(outbox: Outbox, served: Served) -> None:
    assert served.post(notification(posted("Lagging", "resolved"))) == 200
    assert notices(outbox) == []
    assert served.becomes("unknown_end") == 1


def test_notices_reach_the_destinations(outbox: Outbox, served: Served) -> None:
    served.post(notification(posted("Lagging")))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(3)
    body = json.loads(there.requests[0].body)
    assert body["notice"]["name"] == "Lagging"
    assert "alert" not in body


def test_it_says_try_again_until_the_logs_are_there(outbox: Outbox, tmp_path: Path) -> None:
    held = Served(outbox)
    assert held.post(notification(posted("Lagging"))) == 503
    held.receiver.open(EmbeddedLogs(tmp_path / "without-logs.sqlite", outbox.clock))
    assert held.post(notification(posted("Lagging"))) == 503
    held.receiver.open(outbox.logs)
    assert held.post(notification(posted("Lagging"))) == 200
    held.server.close()
    assert len(notices(outbox)) == 1
    assert (held.answers("away"), held.answers("taken")) == (2, 1)


@pytest.mark.parametrize("token", [None, "t0ken"])
@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
def test_a_web_page_that_is_open_on_this_machine_is_not_heard(outbox: Outbox, token: str | None, header: str) -> None:
    held = Served(outbox, token)
    held.receiver.open(outbox.logs)
    said = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}[header]
    sent = {header: said, "Content-Type": "text/plain", "Authorization": "Bearer t0ken"}
    assert held.post(notification(posted("Lagging")), **sent) == 401
    held.server.close()
    assert notices(outbox) == []
    assert held.answers("unauthorized") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"other": ' + b"[" * 60_000,
        [],
        {"version": "4"},
        notification(version="3"),
        notification({"status": "firing", "labels": {}}),
    ],
)
def test_what_can_never_be_read_is_refused_and_counted(outbox: Outbox, served: Served, body: object) -> None:
    assert served.post(body) == 400
    assert served.answers("unreadable") == 1


def test_a_time_without_a_zone_can_never_be_read(served: Served) -> None:
    assert served.post(notification(posted("Lagging") | {"startsAt": "2026-03-01T09:30:00"})) == 400


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00"])
@pytest.mark.parametrize("name", ["startsAt", "endsAt"])
def test_a_time_at_the_edge_of_the_calendar_takes_nothing_with_it(
    outbox: Outbox, served: Served, edge: str, name: str
) -> None:
    outbox.append(told("a1"))
    spike = posted(topic="liquidity_run")
    odd = posted("Lagging", "resolved") | {name: edge}
    assert served.post(notification(posted("Lagging"), spike, odd)) == 400
    assert served.post(notification(posted("Lagging"), spike)) == 200
    assert len(list(outbox.logs.scan(ALERTS.log))) == 2
    assert len(notices(outbox)) == 1
    verdict = verify(outbox.logs.scan(AUDIT.log))
    assert (verdict.entries, verdict.faults) == (2, ())


class Failing(EmbeddedLogs):
    """Nobody can write, for a reason that nobody foresaw."""

    def writer(self) -> NoReturn:
        raise RuntimeError


def test_what_was_not_written_is_taken_when_it_comes_again_whatever_the_reason(
    outbox: Outbox, served: Served, tmp_path: Path
) -> None:
    outbox.append(told("a1"))
    body = notification(posted("Lagging"), posted(topic="liquidity_run"))
    served.receiver.open(Failing(tmp_path / "log.sqlite", outbox.clock))
    assert served.post(body) == 500
    served.receiver.open(outbox.logs)
    assert served.post(body) == 200
    assert (served.becomes("notice"), served.becomes("alert"), served.becomes("duplicate")) == (1, 1, 0)


@pytest.mark.parametrize("value", [b'{"nonsense', b'{"id":"a\xff"}', b'{"x":' + b"[" * 100_000])
def test_what_nobody_can_read_in_the_alerts_log_is_passed_over(outbox: Outbox, served: Served, value: bytes) -> None:
    outbox.append(Message(ALERTS.log, value), told("a1"))
    assert served.post(notification(posted("Fallen"), posted(topic="liquidity_run"))) == 200
    assert (served.becomes("notice"), served.becomes("alert")) == (1, 1)


def test_logs_that_were_made_anew_are_known_from_their_beginning(
    outbox: Outbox, served: Served, tmp_path: Path
) -> None:
    outbox.append(told("a0"))
    bodies = [notification(each) for each in (posted("Lagging"), posted("Fallen"), posted(topic="liquidity_run"))]
    for body in bodies:
        assert served.post(body) == 200
    for log in (ALERTS.log, NOTICES.log):
        Embedded(tmp_path / "log.sqlite").remake(log)
    outbox.append(told("a1"))
    for body in bodies * 2:
        assert served.post(body) == 200
    assert len(notices(outbox)) == 2
    alerts = [decode_alert(record.value or b"").key for record in outbox.logs.scan(ALERTS.log)]
    assert alerts == ["a1/1", "a1/1"]


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        Receiver(ReceiverMetrics(CollectorRegistry()), "")


def test_without_its_token_nobody_is_heard(outbox: Outbox) -> None:
    held = Served(outbox, "t0ken")
    held.receiver.open(outbox.logs)
    assert held.post(notification(posted("Lagging"))) == 401
    assert held.post(notification(posted("Lagging")), Authorization="Bearer wrong") == 401
    assert held.post(notification(posted("Lagging")), Authorization="Bearer t0ken") == 200
    held.server.close()
    assert (held.answers("unauthorized"), held.answers("taken")) == (2, 1)


def test_a_body_is_not_read_from_whom_nobody_hears(outbox: Outbox) -> None:
    held = Served(outbox, "t0ken")
    with closing(HTTPConnection("127.0.0.1", held.server.port, timeout=10)) as connection:
        connection.putrequest("POST", "/alertmanager")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders()
        assert connection.getresponse().status == 401
    held.server.close()
    assert held.answers("unauthorized") == 1


def test_a_body_that_is_too_large_is_refused_and_counted(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerting.receiver.LARGEST_BODY", 2000)
    assert served.post(notification(*[posted("Lagging")] * 10)) == 413
    assert served.post(notification(posted("Lagging"))) == 200
    assert (served.answers("too_large"), served.answers("taken")) == (1, 1)


def test_what_it_took_stands_in_the_audit(outbox: Outbox, served: Served) -> None:
    served.post(notification(posted("Lagging")))
    served.post(notification(posted("Lagging", "resolved")))
    verdict = verify(outbox.logs.scan(AUDIT.log))
    assert (verdict.entries, verdict.faults) == (2, ())
