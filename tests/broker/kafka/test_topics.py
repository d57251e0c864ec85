"""How logs are made on a real broker, and what is said of those that others have made."""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from bellwether.clock import now
from ingest.instants import DAY, MINUTE
from ingest.logs import Kept, Logs, LogUnfit, Message
from tests.publishing import publish
from tests.servers import Kafka
from tests.waiting import until


def alter(kafka: Kafka, log: str, **settings: str) -> None:
    """As its owner does it; dots are underscores here."""
    changed = {name.replace("_", "."): value for name, value in settings.items()}
    with KafkaAdminClient(bootstrap_servers=list(kafka.bootstrap)) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, log, changed)])
    until(lambda: changed.items() <= own(kafka, log).items())  # the broker hears of it a moment later


def bounded(kafka: Kafka, log: str, most: int) -> None:
    """As a cluster with `log.retention.bytes` keeps it."""
    alter(kafka, log, retention_bytes=str(most))


def own(kafka: Kafka, log: str) -> dict[str, str]:
    """The settings that a log has of its own, whatever the cluster's are."""
    with KafkaAdminClient(bootstrap_servers=list(kafka.bootstrap)) as admin:
        answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, log)], config_filter="modified")
    return {name: str(config["value"]) for name, config in answer["topic"].get(log, {}).items()}


def test_what_is_kept_for_a_time_is_not_cut_by_its_size(kafka: Kafka, logs: Logs, log: str) -> None:
    logs.ensure([
        Kept(f"{log}-week", partitions=1, retention_s=7 * 86_400),
        Kept(f"{log}-ever", partitions=1, retention_s=-1),
        Kept(f"{log}-both", partitions=1, cleanup="compact,delete", retention_s=86_400),
        Kept(f"{log}-owner", partitions=1),
    ])  # fmt: skip
    for name in ("week", "ever", "both"):
        assert own(kafka, f"{log}-{name}")["retention.bytes"] == "-1"
    assert "retention.bytes" not in own(kafka, f"{log}-owner")


def test_a_log_that_is_bounded_by_its_size_is_named_unless_that_is_the_owners_business(
    kafka: Kafka, logs: Logs, log: str
) -> None:
    kept = Kept(f"{log}-week", partitions=1, retention_s=7 * 86_400)
    logs.ensure([kept])
    for name in (kept.log, log):
        bounded(kafka, name, 1_000_000)
    with pytest.raises(LogUnfit, match=rf"{kept.log} is kept up to 1000000 bytes a partition .*retention\.bytes = -1"):
        logs.ensure([kept])
    assert logs.ensure([Kept(log, partitions=4)]) == []
    bounded(kafka, kept.log, -1)
    assert logs.ensure([kept]) == []


def test_a_log_with_a_clock_of_its_own_takes_nobodys_word_for_the_time(logs: Logs, log: str) -> None:
    kept, began = Kept(f"{log}-own", partitions=1, own_clock=True), now()
    assert len(logs.ensure([kept])) == 1
    publish(
        logs,
        *(Message(kept.log, b"x", created_at=began + days * DAY) for days in (5 * 365, -30)),
        Message(kept.log, b"x"),
    )
    stamps = [record.appended_at for record in logs.scan(kept.log)]
    assert len(stamps) == 3
    assert began - MINUTE < min(stamps) <= max(stamps) < now() + MINUTE
    assert logs.ensure([kept]) == []


def test_a_log_that_takes_its_writers_word_for_the_time_is_named_and_stops_nobody(
    kafka: Kafka, logs: Logs, log: str
) -> None:
    kept = Kept(log, partitions=4, own_clock=True)
    (advice,) = logs.ensure([kept])
    assert advice.startswith(
        f"{log} takes the time from whoever writes: set message.timestamp.type = LogAppendTime there"
    )
    assert own(kafka, log).get("message.timestamp.type", "CreateTime") == "CreateTime"
    alter(kafka, log, message_timestamp_type="LogAppendTime")
    assert logs.ensure([kept]) == []
