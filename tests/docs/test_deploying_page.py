"""What the page on deploying says to type, typed."""

import json
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from alerting.alerts import alert_message
from bellwether.clock import now
from ingest.instants import moment
from ingest.logs import Logs, Message
from tests import publishing
from tests.alerting.destinations.receiver import Handler, receiving
from tests.alerting.told import told
from tests.deploy.composed import DEPLOY, block
from tests.promises.service import Deployment, documents, publish
from tests.waiting import until

PAGE = "deploying.md"
TEXT = (DEPLOY.parent / "docs" / PAGE).read_text("utf-8")
DESK = """
[http]
port = 0

[[destination]]
name = "desk"
type = "webhook"
url = "{}"
secret = "once upon a time"
token_file = "token"
deadline = "1s"
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path, "[http]\nport = 0\n")
    yield deployment
    deployment.end()


def test_the_kafka_that_is_asked_for_is_the_one_that_refusals_name() -> None:
    sources = "".join(file.read_text("utf-8") for file in (DEPLOY.parent / "ingest" / "kafka").glob("*.py"))
    (needed,) = set(re.findall(r"(\d+\.\d+) or newer is needed", sources))
    (tested,) = re.findall(
        r"<artifactId>kafka_.*?<version>(.+?)</version>", (DEPLOY / "kafka" / "pom.xml").read_text(), re.DOTALL
    )
    assert f"Apache Kafka: the tests run {tested}, and one that is older than {needed} is refused." in TEXT


def typed(folder: Path, beginning: str) -> None:
    """The block of the page, by this user in place of the service's and without a service manager."""
    script = block(PAGE, "sh", beginning).replace("-o bellwether -g bellwether ", "")
    assert "bellwether.db" in script
    subprocess.run(["sh", "-ec", f"systemctl() {{ :; }}\n{script}"], cwd=folder, check=True, timeout=60)


def check_integrity(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def ids(logs: Logs) -> list[str]:
    return [json.loads(record.value or b"")["id"] for record in logs.scan("documents")]


def test_a_copy_made_while_it_runs_is_restored_after_a_process_was_killed(here: Deployment) -> None:
    made = documents(400)
    process = here.start_whole("aggregate")
    logs = here.logs()
    publish(logs, "documents", made[:200])
    typed(here.folder, "umask")
    publish(logs, "documents", made[200:])
    assert len(ids(logs)) == 400
    logs.close()
    process.kill()
    process.wait(10)
    assert (here.folder / "bellwether.db-wal").stat().st_size > 0
    typed(here.folder, "systemctl stop")
    assert [file.stat().st_mode & 0o777 for file in here.folder.glob("*.db*")] == [0o600, 0o600]
    here.start_whole("aggregate")
    logs = here.logs()
    assert ids(logs) == [each["id"] for each in made[:200]]
    publish(logs, "documents", made[200:])
    assert ids(logs) == [each["id"] for each in made]
    logs.close()
    check_integrity(here.folder / "bellwether.db")


def test_a_large_file_is_copied_while_it_is_written_all_the_time(here: Deployment) -> None:
    here.make_log("documents", 1)
    logs, is_copied = here.logs(), Event()
    publishing.publish(logs, *(Message("documents", None, bytes(900_000)) for _ in range(240)))
    logs.close()

    def write() -> None:
        logs = here.logs()
        while not is_copied.is_set():
            publish(logs, "documents", documents(1))
        logs.close()

    writing = Thread(target=write)
    writing.start()
    try:
        typed(here.folder, "umask")
    finally:
        is_copied.set()
        writing.join()
    check_integrity(here.folder / "bellwether-copy.db")
    assert [file.name for file in here.folder.glob("*-copy*")] == ["bellwether-copy.db"]


def takes_the_new_one(otherwise: bytes) -> Callable[[Handler], None]:
    """Anything else is answered so."""

    def answer(handler: Handler) -> None:
        status = b"204 No Content" if handler.headers["Authorization"] == "Bearer the-new-one" else otherwise
        handler.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    return answer


@pytest.mark.parametrize(
    ("reason", "answer"), [("refused", b"401 Unauthorized"), ("expired", b"503 Service Unavailable")]
)
def test_what_was_not_taken_while_a_secret_was_exchanged_goes_out_when_it_is_put_back(
    here: Deployment, reason: str, answer: bytes
) -> None:
    again = next(line for line in TEXT.split("`") if line.endswith(f"--reason {reason}"))
    token = here.folder / "token"
    token.write_text("the-old-one")
    with receiving() as there:
        there.otherwise = takes_the_new_one(answer)
        here.config.write_text(DESK.format(there.url))
        process = here.start_whole("deliver")
        logs = here.logs()
        publishing.publish(logs, alert_message(told("a1", opened_at=moment(now()), updated_at=moment(now()))))
        logs.close()
        until(lambda: "alert not delivered" in here.said())
        token.write_text("the-new-one")
        process.terminate()
        assert process.wait(10) == 0
        here.start_whole("deliver")
        done = here.command(*again.removeprefix("bellwether ").split())
        assert (done.returncode, done.stderr) == (0, "1 dead letters put back\n")
        until(lambda: there.requests[-1].headers["Authorization"] == "Bearer the-new-one")
    assert set(there.keys) == {"a1/1"}
