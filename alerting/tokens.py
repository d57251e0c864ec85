"""What a bearer token may consist of."""

SENDABLE = "printable ASCII without spaces"


def is_sendable(token: str) -> bool:
    """Whether a header can carry it."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
