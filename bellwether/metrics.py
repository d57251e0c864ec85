"""What every process tells about itself and its loops; the boxes have metrics of their own."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector
from prometheus_client.gc_collector import GCCollector

DOING = ("read", "write")
STARTING = "start"  # stands for a loop while the process waits for its logs at the start


class LoopMetrics:
    """How the `loops` of this process turn; every child exists from the start, at 0."""

    def __init__(self, registry: CollectorRegistry, loops: Sequence[str]) -> None:
        name, labels = "bellwether_loop", ("loop",)
        self.turns = Counter(f"{name}_turns_total", "Turns of the loop, and steps within.", labels, registry=registry)
        self.last_turn = Gauge(f"{name}_last_turn_timestamp_seconds", "When it last turned.", labels, registry=registry)
        self.behind = Gauge(
            f"{name}_behind_records", "Records in its partitions that it has not read yet; as last known while its log is away.",
            labels, registry=registry,
        )  # fmt: skip
        self.partitions = Gauge(
            f"{name}_partitions", "Partitions it holds; 0: it stands by, or its log is away.", labels, registry=registry
        )
        self.away = Gauge(f"{name}_log_away", "1 while its log cannot be used.", (*labels, "doing"), registry=registry)
        self.outages = Counter(
            f"{name}_outages_total", "Stretches of time in which its log could not be used.", (*labels, "doing"),
            registry=registry,
        )  # fmt: skip
        for loop in loops:
            for metric in (self.turns, self.last_turn, self.behind, self.partitions):
                metric.labels(loop)
        for loop in (*loops, STARTING):
            for doing in DOING:
                self.away.labels(loop, doing)
                self.outages.labels(loop, doing)

    def turned(self, loop: str, behind: int, partitions: int) -> None:
        """The loop got somewhere."""
        self.turns.labels(loop).inc()
        self.last_turn.labels(loop).set_to_current_time()
        self.behind.labels(loop).set(behind)
        self.partitions.labels(loop).set(partitions)

    def outage(self, loop: str, doing: str, *, began: bool) -> None:
        """Its log went away, or is back."""
        self.away.labels(loop, doing).set(began)
        self.outages.labels(loop, doing).inc(began)


def describe_process(registry: CollectorRegistry) -> None:
    """Version, memory, processor time and open files of this process."""
    build = Gauge("bellwether_build_info", "What runs here; always 1.", ("version", "python"), registry=registry)
    build.labels(version("bellwether"), platform.python_version()).set(1)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
