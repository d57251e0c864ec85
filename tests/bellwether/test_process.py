"""A process at its start and at its end: what it meets there, and with which code it leaves."""

import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from alerting.audit import AUDIT, entries, verify
from bellwether import process
from bellwether.clock import now
from bellwether.process import Process
from bellwether.settings import read_settings
from ingest.embedded.logs import EmbeddedLogs
from ingest.embedded.writer import EmbeddedWriter
from ingest.logs import LogAway
from tests.promises.service import Deployment

HTTP = "[http]\nport = 0\n"
SILENT = 4  # brokers that take a connection and never say a word


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path, HTTP)
    yield deployment
    deployment.end()


class Acknowledging(EmbeddedLogs):
    """The embedded log behind a bad line: the first acknowledgement is lost, what was written is kept."""

    lost = 0

    def writer(self) -> EmbeddedWriter:
        logs = self

        class Writer(EmbeddedWriter):
            def flush(self) -> None:
                super().flush()
                logs.lost += 1
                if logs.lost == 1:
                    raise LogAway("the line broke")

        return Writer(self._open(), self._clock)


def test_a_start_whose_acknowledgement_is_lost_leaves_an_audit_log_without_a_fault(
    here: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Acknowledging(here.folder / "bellwether.db", now)
    monkeypatch.setattr(process, "open_logs", lambda *_: logs)
    assert [loop.name for loop in Process(read_settings(here.config), ["aggregate"])._start()] == ["aggregate"]
    assert logs.lost >= 2
    assert verify(logs.scan(AUDIT.log)).faults == ()
    assert {entry.act for entry in entries(logs.scan(AUDIT.log))} == {"started"}


def test_a_replay_that_is_stopped_leaves_nothing_though_a_loop_does_not_let_go(here: Deployment) -> None:
    news, out = here.folder / "news.jsonl", here.folder / "found"
    news.write_text('{"id": "a", "source": "s", "published_at": "2026-03-01T00:00:00Z", "text": "Shares fall"}\n')
    replay = subprocess.Popen(
        [sys.executable, "-m", "tests.bellwether.stuck_replay", str(news), str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert replay.stdout is not None
    assert replay.stdout.readline() == "stuck\n"
    replay.send_signal(signal.SIGTERM)
    _, said = replay.communicate(timeout=30)  # it would hang for 120
    assert replay.returncode == 130, said
    assert said.splitlines()[-1] == "stopped"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("host", "code"), [("127.0.0.1", 1), ("192.0.2.1", 1), ("nowhere.invalid", 1), ("ü" * 70, 2)])
def test_an_address_that_is_not_to_be_had_now_may_be_had_later(here: Deployment, host: str, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here.config.write_text(f'[http]\nhost = "{host}"\nport = {taken.getsockname()[1]}\n')
        done = here.command("aggregate")
    assert done.returncode == code
    assert f": http.port: {host}:" in done.stderr.splitlines()[-1]
    assert "is not to be had (" in done.stderr.splitlines()[-1]


def test_a_stop_does_not_wait_for_brokers_that_take_a_connection_and_say_nothing(here: Deployment) -> None:
    with ExitStack() as stack:
        brokers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(SILENT)]
        servers = ", ".join(f'"127.0.0.1:{broker.getsockname()[1]}"' for broker in brokers)
        here.config.write_text(f'{HTTP}[kafka]\nbootstrap_servers = [{servers}]\nsecurity_protocol = "SSL"\n')
        starting = here.start("aggregate")
        assert select.select(brokers, [], [], 60)[0]
        asked = time.monotonic()
        starting.send_signal(signal.SIGTERM)
        assert starting.wait(60) == 0
    assert time.monotonic() - asked < 4
    assert '"stopped"' in here.said()


@pytest.mark.parametrize("closing", ["sys.stdout.close()", "sys.stdout = None", "sys.stdout.write('x'); os.close(1)"])
def test_who_leaves_at_once_leaves_though_nobody_listens(closing: str) -> None:
    script = f"import os, sys; from bellwether.stopping import leave_at_once; {closing}; leave_at_once(7)"
    assert subprocess.run([sys.executable, "-c", script], check=False, stdout=subprocess.PIPE).returncode == 7


def test_without_the_models_runtime_one_sentence_says_what_to_install(here: Deployment) -> None:
    (here.folder / "news.txt").write_text("Shares fall\n")
    for arguments in (["classify"], ["doctor"], ["score", "news.txt", "--out", "scores.jsonl"]):
        script = f"import sys; sys.modules['onnxruntime'] = None; from bellwether.cli import main; main({arguments})"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=here.folder
        )
        assert done.returncode == 2, done.stderr
        assert "-e '.[cpu]'" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_check_is_content_where_a_start_would_make_what_is_missing(here: Deployment) -> None:
    assert here.command("init").returncode == 0
    here.config.write_text(HTTP + '[[input]]\nkafka_topic = "documents"\n[[input]]\nkafka_topic = "wire"\n')
    done = here.command("check")
    assert done.returncode == 0, done.stderr
    process = here.start_whole("aggregate")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_check_still_finds_a_file_that_is_no_log(here: Deployment) -> None:
    (here.folder / "bellwether.db").write_text("a diary, by the look of it. " * 50)
    assert here.command("check").returncode == 2


@pytest.mark.parametrize("option", ['selector = "none"', "client_dns_lookup = 3"])
def test_an_option_that_kafkas_client_stumbles_over_is_a_sentence(here: Deployment, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        at = f"127.0.0.1:{broker.getsockname()[1]}"
        here.config.write_text(f'{HTTP}[kafka]\nbootstrap_servers = ["{at}"]\noptions = {{ {option} }}\n')
        done = here.command("check")
    assert done.returncode == 2
    (told,) = done.stderr.splitlines()
    assert told.startswith("bellwether: the settings for Kafka do not work: ")
