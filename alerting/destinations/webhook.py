"""A signed JSON webhook, as docs/webhook.md describes it."""

from urllib.parse import quote

from pydantic import SecretStr

from alerting.destinations.answers import Answer, Away, Matter
from alerting.destinations.payload import payload
from alerting.destinations.posting import Address, Posting
from alerting.destinations.signature import signature
from ingest.instants import SECOND


class Webhook:
    """Posts each matter as signed JSON. Raises `ValueError` with one sentence if the settings cannot work."""

    def __init__(self, address: Address, secret: SecretStr) -> None:
        self.name = address.name
        self._posting = Posting(address)
        self._secret = secret.get_secret_value()  # signs each request
        if not self._secret:
            raise ValueError(f"{self.name} has an empty secret: set one, the receiver checks signatures with it")

    def __repr__(self) -> str:
        return f"Webhook({self.name!r}, {self._posting.shown!r})"

    def deliver(self, matter: Matter, now: int) -> Answer:
        """One attempt."""
        body = payload(matter)
        headers = {
            "Idempotency-Key": quote(matter.key, safe="/:+@,;=!$&'()*"),
            "Bellwether-Signature": signature(self._secret, body, now // SECOND),
        }
        reply = self._posting.post(body, now, headers=headers)
        return reply if isinstance(reply, Away) else self._posting.judge(reply)
