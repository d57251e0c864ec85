"""Every valid document is counted exactly once, whatever is killed, joins, leaves or restarts meanwhile."""

import json
import os
import random
import re
import signal
import time
import urllib.request

import pytest

from classifier.scores import SCORES, decode_range
from ingest.logs import Logs, Message
from tests.promises.conftest import Deployments
from tests.promises.service import Deployment, Outcome, documents, outcome, publish, wait_until
from tests.servers import Kafka

ROUNDS = int(os.environ.get("BELLWETHER_CHAOS_ROUNDS", "10"))
COUNT = max(3000, 300 * ROUNDS)
CRISIS = range(COUNT * 3 // 4, COUNT * 3 // 4 + 60)
SMALL_POLLS = "\n[classifier]\npoll = 37\n"  # what is scored shows a little at a time


@pytest.fixture(scope="module")
def made() -> list[dict[str, str]]:
    return documents(COUNT, crisis=CRISIS)


@pytest.fixture(scope="module")
def undisturbed(deploy_once: Deployments, made: list[dict[str, str]]) -> Outcome:
    """What one process finds that nobody disturbs, on one partition of an embedded log."""
    deployment = deploy_once()
    logs = deployment.logs()
    publish(logs, "news", made)
    done = deployment.command("run", "--replay", timeout_s=60 + COUNT / 20)
    assert done.returncode == 0, done.stderr[-2000:]
    found = outcome(logs)
    logs.close()
    assert found.alerts
    assert sum(documents for documents, _, _ in found.counts.values()) >= COUNT
    return found


def same(one: Outcome, other: Outcome) -> None:
    """Counts are equal to the last integer, and so are the alerts: their ids, revisions, times and numbers."""
    assert one.counts == other.counts
    told = [
        {key: (a.change, a.opened_at, a.updated_at, a.documents, a.negatives) for key, a in outcome.alerts.items()}
        for outcome in (one, other)
    ]
    assert told[0] == told[1]


@pytest.mark.timeout(300 + 30 * ROUNDS)
def test_processes_killed_at_random_leave_the_counts_and_alerts_of_an_undisturbed_run(
    deploy: Deployments, broker: Kafka, made: list[dict[str, str]], undisturbed: Outcome
):
    disturbed = deploy(broker)
    logs = disturbed.logs()
    publish(logs, "news", made, 4)
    dice = random.Random(7)
    running = {part: disturbed.start(part, "--replay") for part in ("classify", "aggregate")}
    scored = Scored(logs)
    for number in range(ROUNDS):
        due = int((number + dice.random()) * COUNT / (ROUNDS + 2))
        wait_until(lambda due=due: scored.count() >= due, 120, f"{due} documents scored")
        part = dice.choice(sorted(running))
        assert running[part].poll() is None, disturbed.said()[-3000:]
        running[part].send_signal(signal.SIGKILL)
        running[part].wait(10)
        running[part] = disturbed.start(part, "--replay")
    for process in running.values():
        assert process.wait(300) == 0, disturbed.said()[-3000:]
    same(outcome(logs), undisturbed)
    logs.close()


@pytest.mark.parametrize(("partitions", "poll"), [(1, 37), (3, 500), (5, 200)])
def test_split_parts_find_what_one_process_finds_for_any_poll_size_and_number_of_partitions(
    deploy: Deployments,
    broker: Kafka,
    made: list[dict[str, str]],
    undisturbed: Outcome,
    partitions: int,
    poll: int,
):
    split = deploy(broker, more=f"\n[classifier]\npoll = {poll}\n", partitions=partitions)
    logs = split.logs()
    publish(logs, "news", made, partitions)
    processes = [split.start(part, "--replay") for part in ("aggregate", "classify")]
    for process in processes:
        assert process.wait(120) == 0, split.said()[-3000:]
    same(outcome(logs), undisturbed)
    logs.close()


def settled(deployment: Deployment, expected: Outcome, timeout_s: float = 90) -> None:
    """Wait until a live deployment's counts are the expected ones, and see that they stay so."""
    logs = deployment.logs()
    try:
        wait_until(lambda: outcome(logs).counts == expected.counts, timeout_s, "the counts of an undisturbed run", 0.5)
        time.sleep(2)
        assert outcome(logs).counts == expected.counts
    finally:
        logs.close()


def holds_a_share(deployment: Deployment) -> bool:
    """Whether the process that was started last has partitions of the group."""
    with urllib.request.urlopen(f"http://127.0.0.1:{deployment.port()}/metrics", timeout=5) as answer:
        found = re.search(r'^bellwether_loop_partitions\{loop="classify"\} (.*)$', answer.read().decode(), re.MULTILINE)
    assert found
    return float(found[1]) > 0


def test_classify_processes_that_join_leave_and_die_under_load_change_no_count(
    deploy: Deployments, broker: Kafka, made: list[dict[str, str]], undisturbed: Outcome
):
    crowd = deploy(broker, more=SMALL_POLLS)
    logs = crowd.logs()
    scored = Scored(logs)
    crowd.start("aggregate")
    first = crowd.start("classify")
    publish(logs, "news", made[:1000], 4)
    scored.wait_for_some(0, 1000)
    second = crowd.start_whole("classify")
    wait_until(lambda: holds_a_share(crowd), 60, "the second has partitions")
    third = crowd.start_whole("classify")
    wait_until(lambda: holds_a_share(crowd), 60, "the third has partitions")
    for leaving, number, begin, end in ((second, signal.SIGTERM, 1000, 2000), (first, signal.SIGKILL, 2000, COUNT)):
        wait_until(lambda begin=begin: scored.count() == begin, 120, "what was published before")
        publish(logs, "news", made[begin:end], 4)
        scored.wait_for_some(begin, end)
        leaving.send_signal(number)
        assert leaving.wait(10) == (0 if number == signal.SIGTERM else -number)
    crowd.start("classify")
    settled(crowd, undisturbed)
    assert third.poll() is None
    logs.close()


def test_a_broker_killed_and_started_again_under_load_changes_no_count(
    deploy: Deployments, broker: Kafka, made: list[dict[str, str]], undisturbed: Outcome
):
    steady = deploy(broker, more=SMALL_POLLS)
    logs = steady.logs()
    publish(logs, "news", made, 4)
    process = steady.start_whole("run")
    Scored(logs).wait_for_some(0, COUNT)
    broker.kill()
    logs.close()
    time.sleep(2)  # long enough for what is under way to fail
    broker.restart()
    settled(steady, undisturbed)
    assert process.poll() is None, steady.said()[-3000:]


def test_of_as_many_malformed_records_as_good_ones_each_good_one_is_counted_and_each_bad_one_has_its_reason(
    deploy: Deployments, broker: Kafka
):
    count = 10_000
    good = [
        document | {"text": text["text"]} for document, text in zip(documents(count), documents(400) * 25, strict=True)
    ]
    bad = [
        b"\xff\xfe", b"{", b"[]", b"{}", b'{"id": 7}', json.dumps(good[0] | {"published_at": "yesterday"}).encode(),
        json.dumps(good[0] | {"published_at": "2026-03-01 09:30"}).encode(), json.dumps(good[0] | {"text": " "}).encode(),
        json.dumps(good[0] | {"text": ["a"]}).encode(), b'{"id": "x", "source": "y"}',
    ]  # fmt: skip
    mixed = deploy(broker)
    logs = mixed.logs()
    writer = logs.writer()
    for number, document in enumerate(good):
        place = number % 4
        writer.publish(Message("news", json.dumps(document).encode(), partition=place))
        writer.publish(Message("news", bad[number % len(bad)], partition=place))
    writer.flush()
    done = mixed.command("run", "--replay", timeout_s=280)
    assert done.returncode == 0, done.stderr[-2000:]
    found = outcome(logs)
    labelled = sum(documents for documents, _, _ in found.counts.values())
    assert labelled >= count
    assert Scored(logs).count() == count
    assert len(found.dead) == count
    assert set(found.dead.values()) == {
        "not_utf8", "not_json", "missing_field", "wrong_type", "bad_time", "empty_text",
    }  # fmt: skip
    logs.close()


class Scored:
    """Distinct input positions in the scores log, which is read on from where it was read last."""

    def __init__(self, logs: Logs) -> None:
        self._logs, self._next = logs, 0
        self._places: set[tuple[str, int, int]] = set()

    def count(self) -> int:
        for record in self._logs.scan(SCORES.log, start=self._next):
            assert record.value is not None
            scores = decode_range(record.value)
            self._places |= {(scores.log_id, scores.partition, document.offset) for document in scores.documents}
            self._next = record.offset + 1
        return len(self._places)

    def wait_for_some(self, begin: int, end: int) -> None:
        """Wait until more than `begin` are scored, and see that it is fewer than `end`: whoever scores is at work."""
        wait_until(lambda: self.count() > begin, 60, f"more than {begin} documents scored", 0.02)
        assert begin < len(self._places) < end
