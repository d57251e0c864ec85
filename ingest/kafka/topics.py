"""What logs there are in Kafka and how they are kept: making, checking, and telling a log from its successor of the same name."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from kafka import IsolationLevel, KafkaAdminClient, OffsetSpec, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType

from ingest.kafka.connection import KafkaConnection, connect, explain
from ingest.logs import Kept, LogMissing, LogUnfit, Place, span

STAMPS, OWN_STAMPS = "message.timestamp.type", "LogAppendTime"  # else a record has the stamp of whoever wrote it
BROKERS_MESSAGE_BYTES = 1_048_576  # what brokers take where nobody says otherwise (message.max.bytes)
POSITIONS_KEPT = "offsets.retention.minutes"  # of a group that nobody reads in
DAY_S, MONTH_S = 86_400, 30 * 86_400


class Topic(NamedTuple):
    """A log as it is now."""

    id: str
    partitions: int


class Topics:
    """One connection that asks about logs. Not thread-safe."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._admin: Any = None

    def describe(self, logs: Sequence[str]) -> dict[str, Topic]:
        """Those of `logs` that exist. Raises `LogAway` or `LogUnfit`."""
        found = {}
        for topic in self._ask("describe_topics", list(logs)):
            error = kafka_errors.for_code(topic["error_code"])
            if error is kafka_errors.NoError:
                if topic["topic_id"] in {None, UUID(int=0)}:
                    raise LogUnfit(f"Kafka at {self._connection.servers} is too old: 2.8 or newer is needed")
                found[topic["name"]] = Topic(str(topic["topic_id"]), len(topic["partitions"]))
            elif error is not kafka_errors.UnknownTopicOrPartitionError:
                raise explain(error(), self._connection, topic["name"])
        return found

    def existing(self, logs: Sequence[str]) -> dict[str, Topic]:
        """All of `logs`; raises `LogMissing` if one is missing."""
        found = self.describe(logs)
        if missing := sorted(set(logs) - set(found)):
            names = ", ".join(missing)
            raise LogMissing(
                f"there is no log {names} in Kafka at {self._connection.servers}: `bellwether init` makes it"
            )
        return found

    def ends(self, places: Sequence[Place]) -> dict[Place, int]:
        """One past the newest record of each that is not of an open transaction. Raises `LogAway` or `LogUnfit`."""
        newest = dict.fromkeys((TopicPartition(*place) for place in places), OffsetSpec.LATEST)
        found = self._ask("list_partition_offsets", newest, IsolationLevel.READ_COMMITTED) if newest else {}
        return {Place(each.topic, each.partition): end.offset for each, end in found.items()}

    def ensure(self, kept: Sequence[Kept]) -> list[str]:
        """Make what is missing, check what is there. See `ingest.logs.Logs.ensure`."""
        existing = self.describe([log.log for log in kept])
        configs = self._configs(sorted(existing))
        misfits = [m for log in kept if log.log in existing for m in _misfits(log, existing[log.log], configs[log.log])]
        if misfits:
            raise LogUnfit("; ".join(misfits))
        missing = {log.log: self._made(log) for log in kept if log.log not in existing}
        if missing:
            self._ask("create_topics", missing, wait_for_metadata=True)
        advice = [each for log in kept if log.log in existing for each in _advice(log, configs[log.log])]
        return [*advice, *self._advice_on_positions(), *(self._told(log) for log in kept if log.log in missing)]

    def close(self) -> None:
        """Let go of the connection."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        if self._admin is None:
            self._admin = connect(KafkaAdminClient, self._connection)
        try:
            return getattr(self._admin, method)(*arguments, **options)
        except kafka_errors.KafkaError as error:
            self.close()  # it may remember brokers that are gone
            raise explain(error, self._connection) from error

    def _advice_on_positions(self) -> Iterator[str]:
        brokers = self._ask("describe_cluster")["brokers"]
        serving = [str(broker["broker_id"]) for broker in brokers if not broker.get("is_fenced")]
        for configs in self._configs(serving[:1], ConfigResourceType.BROKER).values():
            # A broker shows none to who may not ask.
            if POSITIONS_KEPT in configs and (kept_s := int(configs[POSITIONS_KEPT]) * 60) < MONTH_S:
                yield (
                    f"Kafka at {self._connection.servers} forgets after {span(kept_s)} where a group without readers stood: "
                    f"set {POSITIONS_KEPT} = {MONTH_S // 60} on its brokers, or who was away for longer begins anew"
                )

    def _configs(
        self, names: Sequence[str], kind: ConfigResourceType = ConfigResourceType.TOPIC
    ) -> dict[str, dict[str, str]]:
        """The settings of each log, or of what else is named."""
        if not names:
            return {}
        resources = [ConfigResource(kind, name) for name in names]
        answer = self._ask("describe_configs", resources, config_filter="all")
        return {
            name: {setting: str(config["value"]) for setting, config in configs.items()}
            for name, configs in answer[kind.name.lower()].items()
        }

    def _made(self, kept: Kept) -> dict[str, Any]:
        configs = {"cleanup.policy": kept.cleanup, **{name: str(most) for name, most in _segments(kept).items()}}
        if kept.retention_s is not None and "delete" in kept.cleanup:
            configs["retention.ms"] = str(kept.retention_s * 1000 if kept.retention_s >= 0 else -1)
            configs["retention.bytes"] = "-1"  # else a cluster's log.retention.bytes takes what is younger than that
        if kept.own_clock:
            configs[STAMPS] = OWN_STAMPS
        if self._connection.max_message_bytes > BROKERS_MESSAGE_BYTES:
            configs["max.message.bytes"] = str(self._connection.max_message_bytes)
        return {
            "num_partitions": kept.partitions or -1,
            "replication_factor": self._connection.replication_factor or -1,
            "configs": configs,
        }

    def _told(self, kept: Kept) -> str:
        partitions = f"{kept.partitions or 'the default number of'} partition{'s' if kept.partitions != 1 else ''}"
        told = "" if kept.retention_s is None or "delete" not in kept.cleanup else f", kept {span(kept.retention_s)}"
        return f"made {kept.log} in Kafka at {self._connection.servers}, {partitions}, {kept.cleanup}{told}"


def _misfits(kept: Kept, topic: Topic, configs: dict[str, str]) -> Iterator[str]:
    if kept.partitions not in {None, topic.partitions}:
        yield f"{kept.log} has {topic.partitions} partitions and should have {kept.partitions}"
    cleanup = configs.get("cleanup.policy", kept.cleanup)
    if set(cleanup.split(",")) != set(kept.cleanup.split(",")):
        yield f"{kept.log} is kept by {cleanup!r} and should be by {kept.cleanup!r} (cleanup.policy)"
    if kept.retention_s is None or "delete" not in kept.cleanup or "retention.ms" not in configs:
        return
    if (most := int(configs.get("retention.bytes", -1))) >= 0:
        yield f"{kept.log} is kept up to {most} bytes a partition and should have no such bound (retention.bytes = -1)"
    wanted, found = kept.retention_s * 1000, int(configs["retention.ms"])
    if found != -1 and (kept.retention_s < 0 or found < wanted):  # longer is the owner's business
        yield f"{kept.log} is kept {span(found // 1000)} and should be {span(kept.retention_s)} (retention.ms)"


def _segments(kept: Kept) -> dict[str, int]:
    """The most that one segment may hold: Kafka deletes whole ones, and compacts none that it still writes.

    A fetch ends with a segment, so what is kept for years has longer ones.
    """
    if "compact" in kept.cleanup:
        return {"segment.ms": DAY_S * 1000, "segment.bytes": 64 << 20}
    if kept.retention_s is None or kept.retention_s < 0:
        return {}
    return {"segment.ms": (DAY_S if kept.retention_s <= MONTH_S else 7 * DAY_S) * 1000}


def _advice(kept: Kept, configs: dict[str, str]) -> Iterator[str]:
    """What works as it is, and would be safer otherwise."""
    if kept.own_clock and configs.get(STAMPS, OWN_STAMPS) != OWN_STAMPS:
        yield (
            f"{kept.log} takes the time from whoever writes: set {STAMPS} = {OWN_STAMPS} there, "
            "or one wrong clock can move the time of all"
        )
    # A log's settings are hidden from who may not ask.
    larger = [f"{name} = {most}" for name, most in _segments(kept).items() if int(configs.get(name, 0)) > most]
    if larger:
        yield (
            f"{kept.log} is cleared in larger pieces than it should be: set {' and '.join(larger)} there, "
            "or what is over is kept for longer"
        )
