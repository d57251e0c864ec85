"""A notice: what Alertmanager tells of Bellwether itself (blind, behind, a destination away), or of anything else.

The aggregator knows nothing of it. It is told to the same destinations as alerts, by the same box.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct, json

from alerting.alerts import Severity
from ingest.instants import instant, rfc3339
from ingest.logs import Kept, Message
from ingest.records import decoded

NOTICES = Kept("bellwether.notices", partitions=1, retention_s=2 * 365 * 86_400)


class Notice(Struct, frozen=True):
    """One state of one of Alertmanager's alerts. Instants are RFC 3339 in JSON, wall clock."""

    fingerprint: str  # Alertmanager's, of the labels
    status: Literal["firing", "resolved"]
    name: str  # its label `alertname`
    severity: Severity
    summary: str
    description: str
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None  # None: still firing
    runbook: str = ""  # address of the page that says what to do
    url: str = ""  # address of whatever raised it

    @property
    def key(self) -> str:
        """The idempotency key: the same for every time that this state is told."""
        return f"notice/{self.fingerprint}/{rfc3339(instant(self.starts_at))}/{self.status}"


_encoder = json.Encoder()
_decoder = json.Decoder(Notice)


def notice_message(notice: Notice) -> Message:
    """The notice as a record of the notices log."""
    return Message(NOTICES.log, _encoder.encode(notice), key=notice.key.encode())


def decode_notice(value: bytes) -> Notice:
    """A notice from the notices log. Raises `msgspec.MsgspecError` on anything else."""
    return decoded(_decoder, value)
