"""What the console tells Prometheus."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from alerting.alerts import Severity
from alerting.cases import Handling, Verdict


class ConsoleMetrics:
    """Counters and gauges of one console; every child exists from the start, at 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        name = "bellwether_console"
        self.said = Counter(f"{name}_feedback_total", "What people said here, by act.", ["act"], registry=registry)
        self.overdue = Gauge(
            f"{name}_cases_overdue",
            "Incidents that nobody has taken up in time, by severity.",
            ["severity"],
            registry=registry,
        )
        for act in (*get_args(Verdict), *get_args(Handling)):
            self.said.labels(act)
        for severity in get_args(Severity):
            self.overdue.labels(severity)
