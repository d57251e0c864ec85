"""The command line on a real Kafka: what an operator meets there that an embedded log does not have."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kafka import KafkaAdminClient, OffsetAndMetadata, TopicPartition

from bellwether.opening import kept_logs
from bellwether.settings import read_settings
from classifier.scores import SCORES
from ingest.kafka.logs import KafkaLogs
from ingest.logs import Kept
from tests.promises.service import Deployment, documents, outcome, publish
from tests.servers import PASSWORD, USER, Kafka
from tests.waiting import until


@pytest.fixture
def broker() -> Iterator[Kafka]:
    """A broker of the test's own: the names of the logs are always the same."""
    kafka = Kafka().start()
    yield kafka
    kafka.stop()


@pytest.fixture
def here(broker: Kafka, tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(
        tmp_path, f"[kafka]\nbootstrap_servers = {json.dumps(broker.bootstrap)}\n[http]\nport = 0\n"
    )
    yield deployment
    deployment.end()


def test_without_its_logs_a_process_ends_and_names_init(here: Deployment) -> None:
    done = here.command("aggregate")
    assert done.returncode == 2
    assert "there is no log documents" in done.stderr.splitlines()[-1]
    assert "`bellwether init` makes it" in done.stderr.splitlines()[-1]


def test_scores_of_two_partitions_are_refused_by_init_and_by_every_start(here: Deployment, broker: Kafka) -> None:
    logs = KafkaLogs(broker.connection)
    logs.ensure([Kept(SCORES.log, partitions=2, retention_s=SCORES.retention_s)])
    assert here.command("init").returncode == 2
    logs.ensure([kept for kept in kept_logs(read_settings(here.config)) if kept != SCORES])
    logs.close()
    for command in ("init", "aggregate", "check"):
        done = here.command(command)
        assert done.returncode == 2
        assert "bellwether.scores has 2 partitions" in done.stderr.splitlines()[-1]


def test_a_wrong_password_ends_the_process_with_one_sentence_that_does_not_repeat_it(
    here: Deployment, broker: Kafka
) -> None:
    connection = broker.with_password()
    kafka = (
        f"[kafka]\nbootstrap_servers = {json.dumps(connection.bootstrap_servers)}\nsecurity_protocol = 'SASL_PLAINTEXT'\n"
        f"sasl_mechanism = 'PLAIN'\nsasl_username = '{USER}'\nsasl_password_file = 'password'\n[http]\nport = 0\n"
    )
    here.config.write_text(kafka)
    (here.folder / "password").write_text("open sesame\n")
    for command in ("init", "aggregate", "check"):
        done = here.command(command)
        assert done.returncode == 2, done.stderr
        assert "refuses our user name or password" in done.stderr.splitlines()[-1]
        assert "sesame" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
    (here.folder / "password").write_text(f"{PASSWORD}\n")
    assert here.command("init").returncode == 0


def test_a_replay_through_kafka_ends_by_itself(here: Deployment) -> None:
    assert here.command("init").returncode == 0
    (here.folder / "news.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents(30)))
    assert here.command("publish", "news.jsonl").returncode == 0
    done = here.command("run", "--replay", timeout_s=120)
    assert done.returncode == 0, done.stderr
    assert len({window.split("@")[1] for window in outcome(here.logs()).counts}) == 30


def test_a_broker_that_goes_away_is_said_once_by_each_loop_shown_and_survived(here: Deployment, broker: Kafka) -> None:
    assert here.command("init").returncode == 0
    process = here.start("run")

    def ready() -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{here.port()}/readyz", trust_env=False)

    until(lambda: here.said().count("partition opened") >= 4, within_s=60)
    until(lambda: ready().status_code == 200)
    broker.kill()
    until(lambda: {"deliver-log", "classify"} <= ready().json()["wrong"].keys(), within_s=60)
    assert "cannot be reached" in ready().json()["wrong"]["deliver-log"]
    assert process.poll() is None
    broker.restart()
    until(lambda: ready().status_code == 200, within_s=120, state=lambda: ready().text)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    lines = [json.loads(line) for line in here.said().splitlines() if line.startswith("{")]
    away = [(line["loop"], line["doing"]) for line in lines if line["event"] == "log away, trying again"]
    back = [(line["loop"], line["doing"]) for line in lines if line["event"] == "log back"]
    assert len(away) == len(set(away))
    assert sorted(away) == sorted(back)


def test_a_backlog_that_an_operator_skips_is_counted_as_lost_and_what_follows_is_counted(
    here: Deployment, broker: Kafka
) -> None:
    assert here.command("init").returncode == 0
    logs = here.logs()
    made = documents(90)

    def run_until(minutes: int) -> None:
        """Windows up to this document have closed."""
        process = here.start_whole("run")
        seen = f"{made[minutes]['published_at'][:16]}"
        until(lambda: any(window.split("@")[1][:16] >= seen for window in outcome(logs).counts), within_s=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    publish(logs, "documents", made[:30])
    run_until(28)
    publish(logs, "documents", made[30:60])
    with KafkaAdminClient(bootstrap_servers=list(broker.bootstrap)) as admin:
        to = {TopicPartition("documents", 0): OffsetAndMetadata(60, "", -1)}
        until(lambda: admin.alter_group_offsets("bellwether.classify", to))  # what `--reset-offsets --execute` does
    publish(logs, "documents", made[60:])
    run_until(88)
    lost = [json.loads(line) for line in here.said().splitlines() if '"input lost"' in line]
    assert [(line["positions"], line["partition"]) for line in lost] == [(30, 0)]
    assert "was moved on" in lost[0]["reason"]
    assert "ahead of its position" not in here.said()
    found = {window.split("@")[1] for window in outcome(logs).counts}
    skipped = {each["published_at"][:16] for each in made[30:60]}
    assert len(found) >= 58
    assert not skipped & {window[:16] for window in found}
    logs.close()
