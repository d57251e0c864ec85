"""The command line as an operator meets it: real processes, their words and their exit codes."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from alerting.checkpoints import CHECKPOINTS
from bellwether.cli import COMMANDS, cli
from ingest.logs import Message
from tests.promises.service import Deployment, documents, outcome
from tests.waiting import until

HTTP = "[http]\nport = 0\n"
NOWHERE = '[kafka]\nbootstrap_servers = ["127.0.0.1:1"]\n'


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path, HTTP)
    yield deployment
    deployment.end()


def page(here: Deployment, name: str) -> httpx.Response:
    until(lambda: "pages served" in here.said())
    return httpx.get(f"http://127.0.0.1:{here.port()}{name}", trust_env=False)


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    script = """
import sys
from bellwether.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
heavy = {"numpy", "onnxruntime", "kafka", "pydantic", "starlette", "httpx", "structlog", "prometheus_client"}
sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Exit codes:" in done.stdout
    told = " ".join(done.stdout.split())  # long sentences are told in several lines
    assert [name for name, sentence in COMMANDS.items() if f" {name} {sentence} " not in told] == []


def test_every_command_has_a_file_and_every_file_is_a_command() -> None:
    folder = Path(__file__).parents[2] / "bellwether" / "commands"
    files = {path.stem.replace("_", "-") for path in folder.glob("*.py")} - {"--init--"}
    assert files == set(COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 5


def test_the_version_is_told(here: Deployment) -> None:
    done = here.command("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("bellwether, version ")


def test_a_wrong_call_ends_with_2(here: Deployment) -> None:
    assert here.command("run", "--sideways").returncode == 2


@pytest.mark.parametrize("name", ["run", "check"])
def test_wrong_settings_are_all_told_and_end_with_2(here: Deployment, name: str) -> None:
    here.config.write_text("[windows]\nbin = 'x'\n[http]\nport = -1\n")
    done = here.command(name)
    assert done.returncode == 2
    assert [line.split(":")[:2] for line in done.stderr.splitlines()] == [
        ["settings", " windows.bin"],
        ["settings", " http.port"],
    ]


@pytest.mark.parametrize("name", ["deliver", "check"])
def test_an_empty_token_does_not_leave_the_door_open(here: Deployment, name: str) -> None:
    (here.folder / "token").write_text("\n")
    here.config.write_text(HTTP + 'alertmanager_token_file = "token"\n')
    done = here.command(name)
    assert done.returncode == 2
    assert done.stderr == (
        f"settings: http.alertmanager_token_file: {here.folder / 'token'} is empty: "
        "put the secret there, or leave the setting away\n"
    )


def test_check_looks_at_the_consoles_tokens(here: Deployment) -> None:
    (here.folder / "tokens").write_bytes(b"ann:\xff\xfe\n")
    here.config.write_text(HTTP + '[console]\ntokens_file = "tokens"\n')
    done = here.command("check")
    assert done.returncode == 2
    assert done.stderr == f"settings: console.tokens_file: {here.folder / 'tokens'} is not UTF-8\n"


def test_init_says_what_it_made_and_the_second_time_that_all_is_there(here: Deployment) -> None:
    first = here.command("init")
    assert first.returncode == 0
    assert f"made documents in {here.folder / 'bellwether.db'}" in first.stdout
    assert "made bellwether.scores" in first.stdout
    second = here.command("init")
    assert second.returncode == 0
    assert second.stdout.startswith(
        f"nothing to do\nall logs are there, in {here.folder / 'bellwether.db'}: documents, "
    )


def test_init_forgets_checkpoints_that_cannot_be_read_when_it_is_asked_to(here: Deployment) -> None:
    assert here.command("init").returncode == 0
    logs = here.logs()
    writer = logs.writer()
    writer.publish(Message(CHECKPOINTS.log, b"of another version", key=b"1/somebody/0/0"))
    writer.flush()
    writer.close()
    refused = here.command("aggregate")
    assert refused.returncode == 2
    assert "`bellwether init --forget-checkpoints`" in refused.stderr.splitlines()[-1]
    done = here.command("init", "--forget-checkpoints")
    assert done.returncode == 0
    assert "removed 1 records of bellwether.checkpoints" in done.stdout
    process = here.start_whole("aggregate")
    until(lambda: '"aggregator active"' in here.said())
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    logs.close()


def test_init_tries_for_a_while_when_the_broker_cannot_be_reached(here: Deployment) -> None:
    here.config.write_text(HTTP + NOWHERE)
    done = here.command("init", "--wait", "1")
    assert done.returncode == 1
    assert "trying for 1 s" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("bellwether: Kafka at 127.0.0.1:1 cannot be reached")
    assert "Traceback" not in done.stderr


def test_check_prints_what_is_in_force_and_finds_a_missing_model(
    here: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BELLWETHER_CLASSIFIER__ARTIFACT", raising=False)
    here.config.write_text(HTTP + '[classifier]\nartifact = "nowhere"\n[windows]\nbin = "5m"\n')
    done = here.command("check")
    assert done.returncode == 2
    assert 'bin = "5m"' in done.stdout
    assert f"# no [kafka]: the embedded log in {here.folder / 'bellwether.db'}" in done.stdout
    assert f"There is no model folder {here.folder / 'nowhere'}" in done.stderr
    assert not (here.folder / "bellwether.db").exists()


def test_check_tells_an_unreachable_broker_from_a_mistake(here: Deployment) -> None:
    here.config.write_text(HTTP + NOWHERE)
    done = here.command("check")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr


def test_check_finds_a_log_that_cannot_be_made_and_a_device_that_cannot_be_had(here: Deployment) -> None:
    here.config.write_text(HTTP + '[log]\npath = "bellwether.toml/b.db"\n[classifier]\ndevice = "cuda"\n')
    done = here.command("check")
    assert done.returncode == 2
    assert f"{here.config / 'b.db'} cannot be made" in done.stderr
    assert "classifier.device = cuda" in done.stderr
    assert "all is well" not in done.stdout


def test_check_is_content_with_a_fresh_installation(here: Deployment) -> None:
    done = here.command("check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("# all is well\n")


def test_a_missing_model_ends_the_process_with_2_and_one_sentence(
    here: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BELLWETHER_CLASSIFIER__ARTIFACT", raising=False)
    here.config.write_text(HTTP + '[classifier]\nartifact = "nowhere"\n')
    done = here.command("run")
    assert done.returncode == 2
    assert "There is no model folder" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_log_ends_the_process_with_2(here: Deployment) -> None:
    (here.folder / "bellwether.db").write_text("a diary, by the look of it. " * 50)
    done = here.command("aggregate")
    assert done.returncode == 2
    assert "is not an embedded log" in done.stderr.splitlines()[-1]


def test_a_role_serves_its_pages_and_stops_when_asked(here: Deployment) -> None:
    process = here.start("aggregate")
    until(lambda: page(here, "/readyz").status_code == 200)
    assert page(here, "/healthz").json() == {"healthy": True, "wrong": {}}
    metrics = page(here, "/metrics").text
    assert 'bellwether_loop_partitions{loop="aggregate"} 1.0' in metrics
    assert "bellwether_aggregate_windows_total 0.0" in metrics
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_second_aggregator_stands_by_and_takes_over(here: Deployment) -> None:
    first = here.start("aggregate")
    until(lambda: "aggregator active" in here.said())
    here.start("aggregate")
    until(lambda: here.said().count("pages served") == 2 and page(here, "/readyz").status_code == 200)
    assert 'bellwether_loop_partitions{loop="aggregate"} 0.0' in page(here, "/metrics").text
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0
    until(lambda: 'bellwether_loop_partitions{loop="aggregate"} 1.0' in page(here, "/metrics").text)


def test_a_log_that_goes_away_for_good_ends_the_process_with_its_sentence(here: Deployment) -> None:
    process = here.start("aggregate")
    until(lambda: "aggregator active" in here.said())
    (here.folder / "bellwether.db").rename(here.folder / "elsewhere.db")
    assert process.wait(20) == 1
    assert "was removed or replaced while in use" in here.said().splitlines()[-1]


def test_an_unreachable_broker_at_the_start_is_waited_for_and_said(here: Deployment) -> None:
    here.config.write_text(HTTP + NOWHERE)
    process = here.start("aggregate")
    until(lambda: "log away, trying again" in here.said())
    assert page(here, "/healthz").status_code == 200
    ready = page(here, "/readyz")
    assert ready.status_code == 503
    assert "cannot be reached" in ready.json()["wrong"]["process"]
    assert 'bellwether_loop_log_away{doing="read",loop="start"} 1.0' in page(here, "/metrics").text
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert here.said().count("log away, trying again") == 1


def test_only_who_classifies_loads_the_models_runtime() -> None:
    script = "import sys, bellwether.process; sys.exit('onnxruntime' in sys.modules or 'tokenizers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_who_only_looks_into_logs_does_not_wait_for_the_aggregators_compiled_code() -> None:
    script = "import sys, bellwether.publishing, bellwether.repairs, alerting.console.report; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_logs_are_json_lines_when_nobody_sits_at_a_terminal(here: Deployment) -> None:
    here.start("aggregate")
    until(lambda: "aggregator active" in here.said())
    for line in here.said().splitlines():
        assert {"event", "level", "timestamp"} <= json.loads(line).keys()


def test_a_replay_takes_what_is_there_closes_all_and_ends(here: Deployment) -> None:
    made = documents(40)
    (here.folder / "news.jsonl").write_text("".join(json.dumps(each) + "\n" for each in made))
    assert here.command("init").returncode == 0
    assert here.command("publish", "news.jsonl").returncode == 0
    done = here.command("run", "--replay", timeout_s=120)
    assert done.returncode == 0, done.stderr
    found = outcome(here.logs())
    assert found.dead == {}
    starts = {window.split("@")[1] for window in found.counts}
    assert len(starts) == 40  # two minutes apart, so each has a window of its own
    again = here.command("run", "--replay", timeout_s=120)
    assert again.returncode == 0
    assert outcome(here.logs()).counts == found.counts


def test_a_replay_in_three_processes_ends_in_each(here: Deployment) -> None:
    made = documents(12)
    (here.folder / "news.jsonl").write_text("".join(json.dumps(each) + "\n" for each in made))
    assert here.command("publish", "news.jsonl").returncode == 0
    for part in ("classify", "aggregate", "deliver"):
        done = here.command(part, "--replay", timeout_s=120)
        assert done.returncode == 0, done.stderr
    assert len({window.split("@")[1] for window in outcome(here.logs()).counts}) == 12
