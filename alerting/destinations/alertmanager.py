"""Prometheus Alertmanager, by its API v2: it groups, silences and routes what it is told, as with alerts of Prometheus.

Alertmanager forgets an alert that is not told again; so what is open is told again every minute, each time with an end a
while ahead, and on closing with its end.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import json
from pydantic import SecretStr

from alerting.alerts import Alert
from alerting.destinations.answers import Answer, Away, Delivered, Matter
from alerting.destinations.posting import Address, Posting
from alerting.destinations.wording import Letters
from ingest.instants import MINUTE, instant, rfc3339

NAME = "BellwetherAlert"
RESEND_EVERY = MINUTE
ENDS_AFTER = 15 * MINUTE  # a restart of ours that is shorter resolves nothing
PATH = "/api/v2/alerts"


class Alertmanager:
    """Posts alerts to one Alertmanager. Raises `ValueError` with one sentence if the settings cannot work."""

    def __init__(self, address: Address, letters: Letters) -> None:
        self.name = address.name
        base = address.url.get_secret_value().rstrip("/")
        url = SecretStr(base if base.endswith(PATH) else base + PATH)
        self._posting = Posting(
            Address(address.name, url, address.token, address.ca_file, address.proxy, address.timeout_s)
        )
        self._letters = letters
        self._open: dict[str, Alert] = {}
        self._due_at = 0

    def __repr__(self) -> str:
        return f"Alertmanager({self.name!r}, {self._posting.shown!r})"

    def deliver(self, matter: Matter, now: int) -> Answer:
        """One attempt. Takes alerts only; everything else is not for it and counts as delivered."""
        if not isinstance(matter, Alert):
            return Delivered()
        posted = [self._postable(matter, now)]
        before = self._open.get(matter.id)
        if before is not None and _labels(before) != _labels(matter):
            # Other labels are another alert there: the old one ends.
            posted.append(self._postable(before, now) | {"endsAt": rfc3339(now)})
        answer = self._post(posted, now)
        if isinstance(answer, Delivered):
            self.recall(matter)
        return answer

    def recall(self, alert: Alert) -> None:
        """This revision was delivered, or is an end."""
        if alert.state == "open":
            self._open[alert.id] = alert
        else:
            self._open.pop(alert.id, None)

    def release(self) -> None:
        """Another box tells what is open from now on."""
        self._open.clear()

    def renew(self, now: int) -> Answer | None:
        """Tell again what is open, once a minute; at once if the clock was set back."""
        if self._due_at - RESEND_EVERY <= now < self._due_at or not self._open:
            return None
        answer = self._post([self._postable(alert, now) for alert in self._open.values()], now)
        if not isinstance(answer, Away):
            self._due_at = now + RESEND_EVERY
        return answer

    def _post(self, alerts: Iterable[dict[str, Any]], now: int) -> Answer:
        reply = self._posting.post(json.encode(list(alerts)), now)
        return reply if isinstance(reply, Away) else self._posting.judge(reply)

    def _postable(self, alert: Alert, now: int) -> dict[str, Any]:
        letter = self._letters.write(alert)
        closed_at = alert.closed_at
        return {
            "labels": _labels(alert),
            "annotations": {"summary": letter.title, "description": letter.body, "alert": alert.id},
            # Event time may be ahead of the clock by what a source's clock is, and an end before the beginning is refused.
            "startsAt": rfc3339(min(now, instant(alert.opened_at))),
            # An end in the past resolves.
            "endsAt": rfc3339(min(now, instant(closed_at)) if closed_at else now + ENDS_AFTER),
            "generatorURL": self._letters.link(alert),
        }


def _labels(alert: Alert) -> dict[str, str]:
    return {
        "alertname": NAME,
        "severity": alert.severity,
        "action": alert.action,
        "kind": alert.subject.kind,
        alert.subject.kind: alert.subject.name,  # topic="liquidity_run", or entity="Acme"
        "incident": alert.incident,
    }
