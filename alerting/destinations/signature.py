"""The signature by which a webhook's receiver knows that a request is ours and fresh."""

import hashlib
import hmac


def signature(secret: str, body: bytes, sent_at_s: int) -> str:
    """The value of the header: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`."""
    digest = hmac.new(secret.encode(), f"{sent_at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={sent_at_s},v1={digest}"
