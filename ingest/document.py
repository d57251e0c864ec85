"""One text as the rest of the way sees it: decoded, cleaned, with its instants as integers."""

from msgspec import Struct

LANGUAGES = ("en", "zh", "und")


class Document(Struct, frozen=True):
    """A valid document. `text` is the cleaned title, a newline, and the cleaned body; or the cleaned text."""

    id: str
    source: str
    published_at: int  # instant; of a bare date, its start
    event_at: int  # the instant it counts at (see `decode`)
    appended_at: int  # when it came (see `decode`); 0 where nothing tells
    text: str
    language: str  # one of LANGUAGES
    kind: str = ""  # "news", "comment" or ""
    url: str = ""
    entities: tuple[str, ...] = ()
