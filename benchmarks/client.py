"""What the Kafka client does by itself: no decoding, no model, one process."""

import json
import time
from collections.abc import Sequence

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

LOG = "ceiling"
RECORDS = 20_000
PATIENCE_MS = 30_000


def ceilings(bootstrap: Sequence[str], texts: Sequence[str]) -> tuple[float, float]:
    """Records a second that kafka-python produces (idempotent, all replicas, lz4), and that it consumes.

    A log of its own is made, filled and read once; `texts` are taken again until there are enough.
    """
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    if LOG not in admin.list_topics():
        admin.create_topics([NewTopic(LOG, 1, 1)])
    admin.close()
    values = [json.dumps({"id": str(n), "text": texts[n % len(texts)]}).encode() for n in range(RECORDS)]
    producer = KafkaProducer(
        bootstrap_servers=list(bootstrap), acks="all", enable_idempotence=True, compression_type="lz4",
        linger_ms=5, batch_size=128 << 10,
    )  # fmt: skip
    began = time.perf_counter()
    for value in values:
        producer.send(LOG, value=value, partition=0)
    producer.flush()
    produced = RECORDS / (time.perf_counter() - began)
    producer.close()
    return produced, RECORDS / _consuming(bootstrap)


def _consuming(bootstrap: Sequence[str]) -> float:
    """Seconds for the newest `RECORDS` records, from the first poll."""
    consumer = KafkaConsumer(bootstrap_servers=list(bootstrap), enable_auto_commit=False, max_poll_records=500)
    place = TopicPartition(LOG, 0)
    consumer.assign([place])
    consumer.seek(place, consumer.end_offsets([place])[place] - RECORDS)
    began, found = time.perf_counter(), 0
    while found < RECORDS:
        polled = consumer.poll(timeout_ms=PATIENCE_MS)
        if not polled:
            raise RuntimeError(f"the broker gave {found} of {RECORDS} records")
        found += sum(map(len, polled.values()))
    seconds = time.perf_counter() - began
    consumer.close()
    return seconds
