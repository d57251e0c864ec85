"""How Kafka is reached, and what its errors mean to an operator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import errors as kafka_errors
from kafka.codec import has_snappy, has_zstd
from kafka.net.compat import KafkaNetClient
from msgspec import Struct

from ingest.kafka.door import DIRECT, knock
from ingest.logs import LogAway, LogError, LogUnfit, RecordTooLarge

SECRETS = {"sasl_password", "ssl_password"}
# What the contract of `ingest.logs` rests on; no setting may change it.
OURS = {
    "acks",
    "allow_auto_create_topics",
    "auto_offset_reset",
    "bootstrap_servers",
    "enable_auto_commit",
    "enable_idempotence",
    "enable_incremental_fetch_sessions",
    "group_id",
    "isolation_level",
    "kafka_client",
    "key_deserializer",
    "key_serializer",
    "max_in_flight_requests_per_connection",
    "max_poll_records",
    "partition_assignment_strategy",
    "transactional_id",
    "value_deserializer",
    "value_serializer",
}
DEFAULTS = KafkaAdminClient.DEFAULT_CONFIG | KafkaProducer.DEFAULT_CONFIG | KafkaConsumer.DEFAULT_CONFIG
COMPRESSIONS = (None, "gzip", "lz4", "snappy", "zstd")
PACKAGES = (("snappy", has_snappy, "python-snappy"), ("zstd", has_zstd, "zstandard"))
MISSING = {compression: package for compression, is_there, package in PACKAGES if not is_there()}
REFUSED = {
    kafka_errors.SaslAuthenticationFailedError: "refuses our user name or password",
    kafka_errors.UnsupportedSaslMechanismError: "does not know our sasl_mechanism",
    kafka_errors.IllegalSaslStateError: "does not want SASL here: check security_protocol",
    kafka_errors.TopicAuthorizationFailedError: "does not give our user the right to use a log",
    kafka_errors.GroupAuthorizationFailedError: "does not give our user the right to read in a group",
    kafka_errors.ClusterAuthorizationFailedError: "does not give our user a right it needs",
    kafka_errors.UnsupportedVersionError: "is too old or too new for us: 2.8 or newer is needed",
    kafka_errors.InvalidSessionTimeoutError: "does not allow our session timeout",
    kafka_errors.InconsistentGroupProtocolError: "has other programs in our group: give us a group of our own",
    kafka_errors.GroupMaxSizeReachedError: "allows no more readers in a group",
    kafka_errors.InvalidTopicError: "does not allow the name of a log",
    kafka_errors.InvalidReplicationFactorError: "has too few brokers for the replication factor",
    kafka_errors.InvalidPartitionsError: "does not allow that many partitions",
    kafka_errors.InvalidConfigurationError: "does not allow how a log should be kept",
    kafka_errors.PolicyViolationError: "has a policy against it",
    kafka_errors.MessageSizeTooLargeError: "does not take a record this large: raise max.message.bytes of the log",
    kafka_errors.RecordListTooLargeError: "does not take a record this large: raise max.message.bytes of the log",
    kafka_errors.InvalidRecordError: "does not take the record: a compacted log needs keys",
    kafka_errors.OffsetMetadataTooLargeError: "does not take a note this long",
    kafka_errors.UnsupportedCodecError: "has records that take a package to read: install python-snappy (for zstd: zstandard)",
}
TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)


class KafkaConnection(Struct, frozen=True, kw_only=True):
    """Settings of every connection. `options` go to kafka-python under its own names, each to the clients that know it."""

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_password: str | None = None
    ssl_check_hostname: bool = True
    client_id: str = "bellwether"
    connect_timeout_s: float = 5.0
    request_timeout_s: float = 10.0
    delivery_timeout_s: float = 60.0  # how long a record may take; longer than a broker takes to come back
    session_timeout_s: float = 15.0  # after this a reader that is not heard of loses its partitions
    compression: str | None = "lz4"
    max_message_bytes: int = 1_048_576
    replication_factor: int | None = None  # of the logs we make; None: the broker's default
    options: Mapping[str, Any] = {}

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.options) - DEFAULTS.keys()):
            raise LogUnfit(f"kafka-python knows no option {', '.join(unknown)}")
        if ours := sorted(set(self.options) & OURS):
            raise LogUnfit(f"the option {', '.join(ours)} is decided by Bellwether and cannot be set")
        for name, value in self.options.items():
            if missed := _missed(value, DEFAULTS[name]):
                raise LogUnfit(f"the option {name} must be {missed}")
        compression = self.options.get("compression_type", self.compression)
        if compression not in COMPRESSIONS:
            raise LogUnfit(
                f"there is no compression_type {compression!r}: name one of {', '.join(filter(None, COMPRESSIONS))}"
            )
        if compression in MISSING:
            raise LogUnfit(
                f"compression_type {compression} takes the package {MISSING[compression]}, which is not installed here"
            )

    def __repr__(self) -> str:
        shown = (f"{name}={self._shown(name)}" for name in self.__struct_fields__)
        return f"KafkaConnection({', '.join(shown)})"

    def __rich_repr__(self) -> Any:
        for name in self.__struct_fields__:
            yield name, self._shown(name)

    @property
    def servers(self) -> str:
        """The brokers' addresses, for sentences."""
        return ", ".join(self.bootstrap_servers)

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        if name in SECRETS:
            return "None" if value is None else "'***'"
        return repr(sorted(value)) if name == "options" else repr(value)  # an option may be a secret

    def configs(self) -> dict[str, Any]:
        """What all clients of kafka-python are told."""
        files = {"ssl_cafile": self.ssl_cafile, "ssl_certfile": self.ssl_certfile, "ssl_keyfile": self.ssl_keyfile}
        for name, file in files.items():
            if file is not None and not file.is_file():
                raise LogUnfit(f"the {name} {file} is not there")
        return {
            "bootstrap_servers": list(self.bootstrap_servers),
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_password": self.ssl_password,
            "ssl_check_hostname": self.ssl_check_hostname,
            "client_id": self.client_id,
            "bootstrap_timeout_ms": round(self.connect_timeout_s * 1000),
            "request_timeout_ms": round(self.request_timeout_s * 1000),
            "proxy_url": DIRECT,
            "reconnect_backoff_max_ms": 2000,  # a broker that comes back is found at once
            "metadata_max_age_ms": 30_000,  # partitions that were added are found soon
        } | {name: None if file is None else str(file) for name, file in files.items()}


def _missed(value: Any, default: Any) -> str:
    """What an option must be and is not, as far as its default tells: kafka-python would stumble over it, or never connect."""
    if value is None or not isinstance(default, bool | int | float):
        return ""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    return "" if isinstance(value, int | float) and not isinstance(value, bool) else "a number"


def connect(kind: type[Any], connection: KafkaConnection, **configs: Any) -> Any:
    """A `KafkaConsumer`, `KafkaProducer` or `KafkaAdminClient`, connected. Raises `LogAway` or `LogUnfit`."""
    opened: list[KafkaNetClient] = []

    def net_client(**net_configs: Any) -> KafkaNetClient:
        client = KafkaNetClient(**net_configs)
        # kafka-python 3.0 forgets this setting on the way; a log must never be made by asking for it.
        client.cluster.config["allow_auto_create_topics"] = False
        opened.append(client)
        return client

    options = {name: value for name, value in connection.options.items() if name in kind.DEFAULT_CONFIG}
    all_configs = connection.configs() | configs | options
    if all_configs["proxy_url"] == DIRECT:  # with a proxy in between nobody but kafka-python knows the way
        knock(all_configs, connection.connect_timeout_s)
    try:
        return kind(**all_configs, kafka_client=net_client)
    except (kafka_errors.KafkaError, OSError, ValueError, TypeError) as error:
        for client in opened:  # its thread would stay for ever
            client.close()
        if isinstance(error, kafka_errors.KafkaError):
            raise explain(error, connection) from error
        raise LogUnfit(f"the settings for Kafka do not work: {error}") from error


def explain(error: Exception, connection: KafkaConnection, log: str = "") -> LogError:
    """What an error of kafka-python means, in one sentence that names the broker (and the log) and no secret."""
    about = f" ({log})" if log else ""
    for kind, sentence in REFUSED.items():
        if isinstance(error, kind):
            details = "" if isinstance(error, kafka_errors.SaslAuthenticationFailedError) else _details(error)
            unfit = RecordTooLarge if kind in TOO_LARGE else LogUnfit
            return unfit(f"Kafka at {connection.servers} {sentence}{about}{details}")
    if isinstance(error, kafka_errors.KafkaConfigurationError):
        return LogUnfit(f"the settings for Kafka do not fit together: {error.args[0] if error.args else error}")
    if isinstance(error, kafka_errors.KafkaTimeoutError | kafka_errors.KafkaConnectionError):
        return LogAway(f"Kafka at {connection.servers} cannot be reached{about}: is it up? check security_protocol too")
    if isinstance(error, kafka_errors.CorruptRecordError):  # by a disk, or a program whose header's name is no UTF-8
        found = f"Kafka at {connection.servers} holds what cannot be read{about}{_details(error)}"
        return LogAway(f"{found}: mend it, or delete it as the runbook says under LogAway")
    if isinstance(error, kafka_errors.NodeNotReadyError):
        return LogAway(f"Kafka at {connection.servers} cannot be reached at present{about}")
    return LogAway(f"Kafka at {connection.servers} could not do it now{about}: {error}")


def _details(error: Exception) -> str:
    """Names of logs or groups that kafka-python tells as a set or a string."""
    if not error.args or error.args[0] is None:
        return ""
    first = error.args[0]
    names = sorted(map(str, first)) if isinstance(first, set | frozenset | list | tuple) else [str(first)]
    return f": {', '.join(names)}"[:300]
