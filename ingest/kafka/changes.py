"""What kafka-python tells once: what a rebalance gives and takes, and where a log does not go on from what was read."""

import time
from collections import deque
from typing import Any

from kafka import ConsumerRebalanceListener
from kafka.errors import CorruptRecordError, LogTruncationError, OffsetOutOfRangeError

POLLS_AN_INTERVAL = 5  # at least, also while what one poll has brought is worked on for long


class Changes(ConsumerRebalanceListener):  # type: ignore[misc]
    """Writes it down until somebody acts on it: a rebalance on kafka-python's thread, while `poll` waits for it."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.seen: deque[tuple[bool, Any]] = deque()
        # Partitions whose log does not go on from our position, and up to where it is still the one read, if that is known.
        self.lost: dict[Any, Any] = {}
        self._spent: CorruptRecordError | None = None
        self._polled_at = time.monotonic()

    @property
    def is_overdue(self) -> bool:
        """Whether it is time to poll again: kafka-python leaves the group when a whole `max_poll_interval_ms` has passed."""
        interval_s: float = self.consumer.config["max_poll_interval_ms"] / 1000
        return time.monotonic() - self._polled_at > interval_s / POLLS_AN_INTERVAL

    def on_partitions_assigned(self, assigned: Any) -> None:
        """These are ours now."""
        for each in assigned:
            # Not one record before it is known where to begin; any position keeps kafka-python from choosing one.
            self.consumer.pause(each)
            self.consumer.seek(each, 0)
            self.seen.append((True, each))

    def on_partitions_revoked(self, revoked: Any) -> None:
        """These are not ours any more, given back or lost."""
        self.seen.extend((False, each) for each in revoked)

    def poll(self, **how: Any) -> Any:
        """Poll kafka-python, which tells the changes meanwhile.

        Version 3.0.12 forgets a join that it began because partitions came or went if the poll ends before the join does, and
        the member is silent for good (`ConsumerCoordinator.need_rejoin` compares what it has just brought up to date). And it
        looks for ever for the rest of records that it could not read: after that only another reader can try again.
        """
        if self._spent is not None:
            raise self._spent
        self._polled_at = time.monotonic()
        coordinator = self.consumer._coordinator  # noqa: SLF001 - there is no other way in
        if coordinator.rejoining:
            coordinator.request_rejoin()
        try:
            return self.consumer.poll(**how)
        except OffsetOutOfRangeError as error:
            self.lost |= dict.fromkeys(error.args[0])
        except LogTruncationError as error:
            self.lost |= error.divergent_offsets
        except CorruptRecordError as error:
            self._spent = self._located(error)
            raise self._spent from error
        return {}

    def _located(self, error: CorruptRecordError) -> CorruptRecordError:
        """The same error, saying where; those of kafka-python about a single record do not."""
        in_work = self.consumer._fetcher._next_partition_records  # noqa: SLF001 - there is no other way to know
        if not in_work:
            return error
        log, partition = in_work.topic_partition
        return CorruptRecordError(f"{log}/{partition} from position {in_work.next_fetch_offset} on ({error.args[0]})")
