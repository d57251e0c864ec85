"""How logs are made on a real broker, and what is said of those that others have made."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourceType,
)
from msgspec.structs import replace

from bellwether.clock import now
from ingest.instants import DAY, MINUTE
from ingest.kafka.logs import KafkaLogs
from ingest.logs import Kept, Logs, LogUnfit, Message
from tests.publishing import publish
from tests.servers import USER, Kafka
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


WEEK_MS, DAY_MS, MIB_64 = "604800000", "86400000", "67108864"


@pytest.mark.parametrize(
    ("kept", "segments"),
    [
        (Kept("", partitions=1, retention_s=30 * 86_400), {"segment.ms": DAY_MS}),
        (Kept("", partitions=1, retention_s=365 * 86_400), {"segment.ms": WEEK_MS}),
        (Kept("", partitions=1, cleanup="compact"), {"segment.ms": DAY_MS, "segment.bytes": MIB_64}),
        (
            Kept("", partitions=1, cleanup="compact,delete", retention_s=400 * 86_400),
            {"segment.ms": DAY_MS, "segment.bytes": MIB_64},
        ),
        (Kept("", partitions=1, retention_s=-1), {}),
        (Kept("", partitions=1), {}),
    ],
    ids=["month", "year", "compact", "both", "ever", "owner"],
)
def test_what_is_over_waits_for_no_large_segment_to_end(
    kafka: Kafka, logs: Logs, log: str, kept: Kept, segments: dict[str, str]
) -> None:
    kept = replace(kept, log=f"{log}-kept")
    logs.ensure([kept])
    assert {name: value for name, value in own(kafka, kept.log).items() if name.startswith("segment")} == segments
    assert logs.ensure([kept]) == []


def test_a_log_in_large_segments_is_named_and_stops_nobody(kafka: Kafka, logs: Logs, log: str) -> None:
    kept = Kept(f"{log}-newest", partitions=1, cleanup="compact")
    logs.ensure([kept])
    alter(kafka, kept.log, segment_ms=WEEK_MS, segment_bytes=str(1 << 30))
    (advice,) = logs.ensure([kept])
    assert f"set segment.ms = {DAY_MS} and segment.bytes = {MIB_64} there" in advice
    alter(kafka, kept.log, segment_ms=DAY_MS, segment_bytes="1048576")
    assert logs.ensure([kept]) == []


@pytest.fixture
def forgetful() -> Iterator[Kafka]:
    """A broker with rights, which soon forgets where a group stood; who comes by password may do anything to logs alone."""
    server = Kafka(
        offsets_retention_minutes="10080",
        authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        super_users="User:ANONYMOUS",
    ).start()
    right = ACL(
        f"User:{USER}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, "*")
    )
    with KafkaAdminClient(bootstrap_servers=list(server.bootstrap)) as admin:
        admin.create_acls([right])
    yield server
    server.stop()


def test_brokers_that_soon_forget_where_a_group_stood_are_named_to_who_may_ask(forgetful: Kafka) -> None:
    said = []
    for connection in (forgetful.connection, forgetful.with_password()):
        logs = KafkaLogs(connection)
        said.append(logs.ensure([Kept("log", partitions=1)]))
        logs.close()
    (advice, made), unasked = said
    assert "forgets after 7 days where a group without readers stood: set offsets.retention.minutes = 43200" in advice
    assert made.startswith("made log")
    assert unasked == []
