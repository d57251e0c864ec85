"""Whatever the apprise library speaks: Slack, Teams, mail and many more, by its URLs.

Apprise answers yes or no, and tells the status only in its log; so that is read here, and shown to nobody, because it may
hold addresses. Its attempts cannot be bounded from outside: one that hangs is left to its own time-outs, and no other begins
until it has ended.
"""

import logging
import re
import threading
import time

import apprise
from apprise.conversion import convert_between
from msgspec import Struct, field
from pydantic import SecretStr

from alerting.destinations.answers import Answer, Away, Delivered, Matter, Partly, Refused
from alerting.destinations.parts import in_bytes, parts
from alerting.destinations.posting import TRY_AGAIN
from alerting.destinations.wording import Letter, Letters

ATTEMPT_S = 5.0
JOINT_BYTES = 2  # between title and text
# Their codes inside HTTP 200 are not read by apprise 2.2: they have types of their own.
OURS = {"dingtalk": "dingtalk", "feishu": "feishu", "lark": "feishu", "wecombot": "wecom"}
_STATUS = re.compile(r"error=(\d{3})\b")
_asset = apprise.AppriseAsset(app_id="Bellwether", app_desc="Bellwether", secure_logging=True, http_redirects=False)


class _Overhearing(logging.Handler):
    """Keeps the last HTTP status that apprise named in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        found = _STATUS.search(record.getMessage())
        if found:
            self._heard.status = int(found[1])

    def forget(self) -> None:
        self._heard.status = None

    def status(self) -> int | None:
        found: int | None = getattr(self._heard, "status", None)
        return found


def _overhear() -> _Overhearing:
    """From now on apprise's log, and that of its HTTP client, are heard by nobody else: both show addresses in full."""
    overhearing = _Overhearing()
    for name in ("apprise", "urllib3", "requests"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [overhearing if name == "apprise" else logging.NullHandler()]
        logger.setLevel(logging.WARNING)
    return overhearing


_overhearing = _overhear()


class _Attempt(Struct):
    """One attempt in a thread of its own."""

    part: tuple[str, int]  # key of what is told, and which of its messages
    ended: threading.Event = field(default_factory=threading.Event)
    was_taken: bool = False
    status: int | None = None
    error: str = ""


class Apprised:
    """Tells one apprise URL. Raises `ValueError` with one sentence if apprise cannot read it."""

    def __init__(self, name: str, url: SecretStr, letters: Letters) -> None:
        self.name = name
        self._letters = letters
        plain = url.get_secret_value()
        scheme = plain.partition("://")[0].lower()
        if scheme in OURS:
            raise ValueError(
                f'{name}: for {scheme}:// use type = "{OURS[scheme]}" with the robot\'s own address: '
                "apprise does not read the codes by which that service refuses a message"
            )
        try:
            plugin = apprise.Apprise.instantiate(plain, asset=_asset)
        except Exception:  # noqa: BLE001 - plugins raise what they like, and may show the address
            plugin = None
        if plugin is None:
            raise ValueError(f"{name}: apprise knows no such URL; see its pages for how it is written")
        if len(plugin) > 1:
            raise ValueError(
                f"{name}: apprise does not tell which of several targets took a message: "
                "make a destination for each, or name the one address of a group"
            )
        plugin.request_rate_per_sec = 0.0  # it would sleep; the rate is kept before it is asked
        self._plugin = plugin
        self._scheme = scheme
        self._attempt: _Attempt | None = None  # the one not judged yet
        self._begun = ("", 0)  # key of what is being told, and how many of its messages are

    def __repr__(self) -> str:
        return f"Apprised({self.name!r}, '{self._scheme}://...')"

    def deliver(self, matter: Matter, now: int) -> Answer:  # noqa: ARG002 - a destination's signature
        """The first of its messages that was not taken yet."""
        title, texts = self._texts(self._letters.write(matter))
        key, done = self._begun
        done = done if key == matter.key and done < len(texts) else 0
        answer = self._tell((matter.key, done), title, texts[done])
        if not isinstance(answer, Delivered):
            return answer
        self._begun = (matter.key, done + 1)
        return answer if done + 1 == len(texts) else Partly(answer.took_s)

    def _texts(self, letter: Letter) -> tuple[str, list[str]]:
        """What to hand to apprise: a title, and the texts of the messages that it goes with.

        Apprise puts a title into the text where the service has none, and does not look at the limit after that.
        """
        limit = self._plugin.body_maxlen
        if self._plugin.title_maxlen <= 0:
            return "", parts(letter.whole, limit, self._size)
        if self._plugin.overflow_amalgamate_title:  # the service counts both
            limit -= self._size(letter.title) + JOINT_BYTES
        return letter.title, parts(letter.body, limit, self._size)

    def _size(self, text: str) -> int:
        """UTF-8 bytes of `text` as apprise sends it: for a service of another format than plain text it is escaped."""
        plain = apprise.NotifyFormat.TEXT
        sent: str = convert_between(plain, self._plugin.resolve_format(plain), text)  # type: ignore[no-untyped-call]
        return in_bytes(sent)

    def _tell(self, part: tuple[str, int], title: str, text: str) -> Answer:
        start, attempt = time.monotonic(), self._attempt
        if attempt is not None and not attempt.ended.is_set():
            return Away("hanging", f"{self._scheme}: the attempt before has not ended yet")
        if attempt is None or attempt.part != part:
            attempt = self._attempt = _Attempt(part)
            threading.Thread(target=self._try, args=(attempt, title, text), name=self.name, daemon=True).start()
            if not attempt.ended.wait(ATTEMPT_S):
                took_s = time.monotonic() - start
                return Away("timeout", f"{self._scheme}: no answer within {ATTEMPT_S:g} s", took_s=took_s)
        # What hung and has ended since is judged too: it may have been taken, and sent again it would come twice.
        self._attempt = None
        return self._judge(attempt, time.monotonic() - start)

    def _try(self, attempt: _Attempt, title: str, text: str) -> None:
        _overhearing.forget()
        try:
            attempt.was_taken = self._plugin.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001 - the top of a thread; its message may show the address
            attempt.error = type(error).__name__
        finally:
            attempt.status = _overhearing.status()
            attempt.ended.set()

    def _judge(self, attempt: _Attempt, took_s: float) -> Answer:
        status = attempt.status
        if attempt.was_taken:
            return Delivered(took_s)
        if attempt.error:
            return Away("broken", f"{self._scheme}: {attempt.error}", took_s=took_s)
        if status is None:
            return Away("no", f"{self._scheme}: apprise could not deliver", took_s=took_s)
        sentence = f"{self._scheme}: the service answered {status}"
        if 300 <= status < 500 and status not in TRY_AGAIN:
            return Refused(f"http_{status}", sentence, took_s)
        return Away(f"http_{status}", sentence, took_s=took_s)
