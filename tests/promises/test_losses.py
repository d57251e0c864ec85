"""What an input log loses is said and counted; nothing is dropped silently or counted twice."""

import signal
import urllib.request
from contextlib import closing

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from classifier.scores import SCORES, decode_range
from tests.promises.conftest import Deployments
from tests.promises.service import Deployment, documents, outcome, publish, wait_until
from tests.servers import Kafka


def total(deployment: Deployment) -> int:
    """Labelled documents in all windows. Each document of these tests has exactly one label or `other`."""
    logs = deployment.logs()
    try:
        return sum(documents for documents, _, _ in outcome(logs).counts.values())
    finally:
        logs.close()


def metric(deployment: Deployment, name: str, label: str = "") -> float:
    """The sum of a metric's samples, or of those with this label, as the process serves it."""
    port = deployment.port()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    samples = [line for line in lines if line.split("{")[0].split(" ")[0] == name and label in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in samples)


def ranges(deployment: Deployment) -> int:
    """How many ranges with documents the scores log holds."""
    logs = deployment.logs()
    try:
        found = [decode_range(record.value) for record in logs.scan(SCORES.log) if record.value]
    finally:
        logs.close()
    return sum(1 for scores in found if scores.next > scores.start)


def admin(broker: Kafka) -> closing[KafkaAdminClient]:
    return closing(KafkaAdminClient(bootstrap_servers=list(broker.bootstrap)))


def expected_total(deploy: Deployments, made: list[dict[str, str]]) -> int:
    """What an undisturbed run counts."""
    deployment = deploy()
    logs = deployment.logs()
    publish(logs, "news", made)
    assert deployment.command("run", "--replay", timeout_s=120).returncode == 0
    logs.close()
    return total(deployment)


def stop(process) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_an_input_deleted_and_made_again_is_said_and_read_from_its_beginning(deploy: Deployments, broker: Kafka):
    made = documents(400)
    expected = expected_total(deploy, made)
    deployment = deploy(broker, partitions=1)
    logs = deployment.logs()
    publish(logs, "news", made[:100])
    process = deployment.start_whole("run")
    before = expected_total(deploy, made[:100])
    wait_until(lambda: total(deployment) == before, 60, "the first hundred", 0.5)
    with admin(broker) as kafka:
        kafka.delete_topics(["news"])
    deployment.make_log("news", 1)
    publish(logs, "news", made[100:])  # more than the old one had: no position is out of range
    wait_until(lambda: total(deployment) == expected, 60, "all that the new log holds, and the old one's hundred", 0.5)
    assert "input deleted and made again" in deployment.said()
    assert metric(deployment, "bellwether_aggregate_inputs_remade_total") == 1
    stop(process)
    logs.close()


def test_positions_lost_to_retention_are_announced_and_counted(deploy: Deployments, broker: Kafka):
    made = documents(300)
    deployment = deploy(broker, partitions=1)
    logs = deployment.logs()
    publish(logs, "news", made[:100])
    process = deployment.start_whole("run")
    before = expected_total(deploy, made[:100])
    wait_until(lambda: total(deployment) == before, 60, "the first hundred", 0.5)
    stop(process)
    publish(logs, "news", made[100:])
    with admin(broker) as kafka:
        kafka.delete_records({TopicPartition("news", 0): 200})
    process = deployment.start_whole("run")
    expected = expected_total(deploy, made[:100] + made[200:])
    wait_until(lambda: total(deployment) == expected, 60, "what is left", 0.5)
    assert metric(deployment, "bellwether_aggregate_positions_lost_total") == 100
    assert "no longer has positions 100 to 200" in deployment.said()
    stop(process)
    logs.close()


def test_expired_positions_make_it_read_again_and_count_nothing_twice(deploy: Deployments, broker: Kafka):
    made = documents(300)
    expected = expected_total(deploy, made)
    deployment = deploy(broker, partitions=1)
    logs = deployment.logs()
    publish(logs, "news", made)
    process = deployment.start_whole("run")
    wait_until(lambda: total(deployment) == expected, 60, "all", 0.5)
    stop(process)
    before = ranges(deployment)
    with admin(broker) as kafka:
        kafka.delete_groups(["bellwether.classify"])
    process = deployment.start_whole("run")
    wait_until(lambda: metric(deployment, "bellwether_classify_documents_total") >= 300, 60, "all scored again")
    again = ranges(deployment) - before
    assert again > 0
    repeated = 'verdict="repeated"'
    wait_until(lambda: metric(deployment, "bellwether_aggregate_ranges_total", repeated) >= again, 60, "all read again")
    stop(process)  # what it makes of the last range is published
    assert total(deployment) == expected
    logs.close()
