"""Foreign text and addresses made harmless: words that drew attention marked, links only where a browser may go."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from markupsafe import Markup, escape

# Marks that turn the direction of what follows, also outside the text they stand in.
TURNING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def marked(text: str, spans: Sequence[tuple[int, int, float]]) -> Markup:
    """The text escaped, with `<mark>` around its spans [start, end, weight], in three strengths by weight."""
    pieces, at = [], 0
    heaviest = max((weight for _, _, weight in spans), default=0.0) or 1.0
    for start, end, weight in sorted(spans):
        begin, stop = max(start, at), min(end, len(text))
        if stop <= begin:
            continue
        strength = 3 if weight > 0.66 * heaviest else 2 if weight > 0.33 * heaviest else 1
        pieces += [
            plain(text[at:begin]),
            Markup('<mark class="w{}">{}</mark>').format(strength, plain(text[begin:stop])),
        ]
        at = stop
    return Markup("").join([*pieces, plain(text[at:])])


def plain(text: str) -> Markup:
    """The text escaped, without marks that would turn the direction of what stands around it."""
    return escape(TURNING.sub("", text))


def safe_link(url: str) -> str:
    """The address if it is of the web and names a host and nobody's password; else empty."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return ""
    return "" if re.search(r"[\x00-\x20\x7f\\]", url) else url
