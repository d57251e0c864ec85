import json
import logging
import subprocess
import sys

from bellwether.logging import SPARING_S, Sparing

SAYING = """
import logging, structlog
from pydantic import SecretStr
from bellwether.logging import start_logging
from bellwether.sections.process import LoggingSection
start_logging(LoggingSection(format={format!r}, level={level!r}))
log = structlog.get_logger()
log.debug("quiet")
log.info("told", count=3, name="青杉", secret=SecretStr("hunter2"))
try:
    password = "hunter2"
    1 / 0
except ZeroDivisionError as error:
    log.error("failed", exc_info=error)
logging.getLogger("kafka.client").info("chatter")
logging.getLogger("kafka.client").warning("broker %s is gone", 1)
logging.getLogger("kafka.client").warning("broker %s is gone", 2)
"""


def said(format: str, level: str = "info") -> str:  # noqa: A002 - the setting's name
    script = SAYING.format(format=format, level=level)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "quiet" not in done.stderr
    assert "chatter" not in done.stderr
    assert "hunter2" not in done.stderr.replace('password = "hunter2"', "")
    return done.stderr


def test_json_lines_have_event_level_and_time_in_utc() -> None:
    lines = [json.loads(line) for line in said("json").splitlines()]
    assert [line["event"] for line in lines] == ["told", "failed", "broker 1 is gone"]
    assert (lines[0]["count"], lines[0]["name"], lines[0]["level"]) == (3, "青杉", "info")
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "ZeroDivisionError" in lines[1]["exception"]
    assert lines[2]["logger"] == "kafka.client"


def test_a_console_gets_lines_for_people() -> None:
    text = said("console")
    assert "told" in text
    assert "count=3" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "broker 1 is gone" in text


def test_the_level_holds_for_libraries_too() -> None:
    assert [json.loads(line)["event"] for line in said("json", "error").splitlines()] == ["failed"]


def record(message: str, created: float, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord("kafka", logging.WARNING, "", 0, message, arguments, None)
    made.created = created
    return made


def test_a_library_says_the_same_thing_once_a_minute() -> None:
    sparing = Sparing()
    assert sparing.filter(record("node %s is gone", 0.0, 1))
    assert not sparing.filter(record("node %s is gone", 1.0, 2))
    assert sparing.filter(record("something else", 1.0))
    assert sparing.filter(record("node %s is gone", SPARING_S, 3))
    assert not sparing.filter(record("node %s is gone", SPARING_S + 1, 3))
