"""What a rebalance gives and takes."""

from collections import deque
from typing import Any

from kafka import ConsumerRebalanceListener


class Changes(ConsumerRebalanceListener):  # type: ignore[misc]
    """Writes down what a rebalance gives and takes. Runs on kafka-python's thread while `poll` waits for it."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.seen: deque[tuple[bool, Any]] = deque()

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
