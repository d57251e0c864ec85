"""What every page has at hand: the answers, the desk for what is said, who may come in, and the time."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from msgspec import Struct

from alerting.alerts import Alert
from alerting.console.access import Access
from alerting.console.answers import Answers
from alerting.console.follow import Desk
from alerting.console.why import Why


class Room(Struct, frozen=True):
    """Handed to the application; everything in it may be used from any thread."""

    answers: Answers
    desk: Desk
    access: Access
    clock: Callable[[], int]
    zone: ZoneInfo
    is_read: Callable[[], bool]  # whether the logs have been read to where they ended at the start
    explain: Callable[[Alert], Why]
