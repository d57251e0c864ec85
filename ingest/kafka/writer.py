"""Writing to Kafka: idempotent, acknowledged by all in-sync replicas, in order for each partition."""

import contextlib
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from ingest.kafka.connection import KafkaConnection, connect, explain
from ingest.kafka.topics import Topics
from ingest.logs import LogAway, LogError, LogUnfit, Message, RecordTooLarge

PENDING = 20_000  # messages handed over without a flush; then one is made
BATCH_BYTES = 128 << 10


class KafkaWriter:
    """Puts messages into Kafka. See `ingest.logs.Writer`.

    After an error the producer is made anew, so that nothing of what failed is sent behind the caller's back.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._topics = Topics(connection)
        self._known: set[str] = set()
        self._pending: list[tuple[str, Any]] = []
        self._producer: Any = self._connect()

    def publish(self, message: Message) -> None:
        """Hand over; durable only after `flush`."""
        if message.log not in self._known:
            self._topics.existing([message.log])  # kafka-python would wait for it to appear
            self._known.add(message.log)
        if len(self._pending) >= PENDING:
            self.flush()
        if message.value is None and message.key is None:
            raise LogUnfit(f"a record for {message.log} has neither key nor value: Kafka takes no such record")
        if self._producer is None:
            self._producer = self._connect()
        try:
            future = self._producer.send(
                message.log,
                value=message.value,
                key=message.key,
                headers=list(message.headers),
                partition=message.partition,
                timestamp_ms=None if message.created_at is None else message.created_at // 1000,
            )
        except kafka_errors.MessageSizeTooLargeError as error:
            size = len(message.value or b"")
            most = self._connection.max_message_bytes
            raise RecordTooLarge(
                f"a record of {size} bytes is too large for {message.log}: the most is {most}"
            ) from error
        except (kafka_errors.KafkaError, ValueError) as error:
            self._drop()
            if isinstance(error, ValueError):
                raise LogUnfit(f"{message.log} in Kafka at {self._connection.servers}: {error}") from error
            raise explain(error, self._connection, message.log) from error
        self._pending.append((message.log, future))

    def flush(self) -> None:
        """Return when everything is acknowledged. After an error nothing is pending any more: hand it over again."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        errors: list[LogError] = []
        try:
            self._producer.flush(self._connection.delivery_timeout_s + self._connection.request_timeout_s)
        except kafka_errors.KafkaError as error:
            errors.append(explain(error, self._connection))
        for log, future in pending:
            if not future.is_done:
                errors.append(LogAway(f"Kafka at {self._connection.servers} did not acknowledge what went to {log}"))
            elif future.failed():
                errors.append(explain(future.exception, self._connection, log))
        if errors:
            self._drop()
            raise next((error for error in errors if isinstance(error, LogUnfit)), errors[-1])

    def close(self) -> None:
        """Drop what was not flushed and let go of the connections."""
        self._drop()
        self._topics.close()

    def _connect(self) -> Any:
        connection = self._connection
        return connect(
            KafkaProducer,
            connection,
            enable_idempotence=True,
            acks="all",
            compression_type=connection.compression,
            max_in_flight_requests_per_connection=5,
            delivery_timeout_ms=round(connection.delivery_timeout_s * 1000),
            max_block_ms=round(connection.request_timeout_s * 1000),
            max_request_size=connection.max_message_bytes,
            batch_size=BATCH_BYTES,
            linger_ms=5,
        )

    def _drop(self) -> None:
        producer, self._producer, self._pending = self._producer, None, []
        self._known.clear()
        if producer is None:
            return
        try:
            producer.close(timeout=0)
        except kafka_errors.KafkaError:  # something is pending, and closing has no way to drop it
            producer._sender.force_close()  # noqa: SLF001
            with contextlib.suppress(kafka_errors.KafkaError):
                producer.close(timeout=1)
