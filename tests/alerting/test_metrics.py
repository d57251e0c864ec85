"""What the aggregator shows, held against what it found."""

import math
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alerting.aggregate import Aggregate
from alerting.alerts import ALERTS, decode_alert
from alerting.audit import AUDIT
from alerting.checkpoints import CHECKPOINTS
from alerting.counting.windows import WINDOWS, WindowSettings
from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.gauges import TopicGauges
from alerting.metrics import AggregateMetrics
from alerting.state import AggregateSettings
from bellwether.showing import rarity
from classifier.packing import encode_range
from classifier.scores import SCORES, ScoreRange
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, HOUR, MINUTE, SECOND
from ingest.logs import Closed, Message, Place
from tests.alerting.detection.waves import FOOTING, watch
from tests.alerting.made import START, TOPICS, crisis, ordinary, score_range, scored
from tests.alerting.runs import Run, in_ranges

BEGAN = START + 14 * DAY
CLOCK = BEGAN + HOUR + 5 * SECOND


class Watched:
    """An aggregator that has read two quiet weeks, live, and what it shows."""

    def __init__(self, folder: Path) -> None:
        self.logs = EmbeddedLogs(folder / "logs.sqlite", lambda: CLOCK)
        self.logs.ensure([SCORES, WINDOWS, ALERTS, CHECKPOINTS, AUDIT])
        self.registry = CollectorRegistry()
        settings = AggregateSettings(("news",), windows=WindowSettings(early=False))
        self.box = Aggregate(settings, self.logs, "a", AggregateMetrics(self.registry))
        self.reader, self.writer = self.logs.reader("aggregate", [SCORES.log]), self.logs.writer()
        self.position = 0
        self.calm = ordinary(14)
        self.read(self.calm, BEGAN)

    def read(self, documents: list, read_at: int) -> None:
        scores = score_range(documents, read_at=read_at, classified_at=read_at)
        if not documents:  # read to its end, and nothing came
            scores = replace(scores, start=self.position, next=self.position, end=self.position)
        self.write(scores)

    def write(self, scores: ScoreRange) -> None:
        self.writer.publish(Message(SCORES.log, encode_range(scores), created_at=scores.read_at))
        self.writer.flush()
        for _ in range(2):
            for step in self.box.step(self.reader.poll(0.05), CLOCK + SECOND):
                for message in step.messages:
                    self.writer.publish(message)
                self.writer.flush()
                for place, offset in step.seeks.items():
                    self.reader.seek(place, offset)

    def value(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"bellwether_{name}", labels)
        assert value is not None, name
        return value

    def topic(self, name: str, **labels: str) -> float:
        return self.value(f"topic_{name}", topic="liquidity_run", **labels)


@pytest.fixture
def watched(tmp_path: Path):
    watched = Watched(tmp_path)
    yield watched
    watched.logs.close()


def test_a_quiet_topic_is_shown_within_its_band(watched: Watched) -> None:
    assert watched.topic("baseline_ready") == 1
    assert watched.topic("usual_share") == pytest.approx(0.2, abs=0.02)
    assert watched.topic("documents") == pytest.approx(9, abs=1)
    assert watched.topic("share") < watched.topic("tail_share") < 1
    assert watched.topic("alert_open", severity="critical") == watched.topic("alert_open", severity="warning") == 0
    assert watched.value("aggregate_alarm_days") > 0
    assert watched.value("aggregate_budget_per_week") == 5


def test_a_crisis_is_shown_as_the_alert_tells_it(watched: Watched) -> None:
    watched.read(crisis(len(watched.calm), BEGAN), CLOCK)
    alerts = [decode_alert(record.value) for record in watched.logs.scan(ALERTS.log) if record.value]
    assert [alert.change for alert in alerts[:1]] == ["opened"]
    assert watched.topic("share") > watched.topic("tail_share") > watched.topic("usual_share")
    assert watched.topic("excess") > 4
    assert watched.topic("alert_open", severity=alerts[-1].severity) == 1
    assert watched.value("aggregate_told_total", action="page") == len(alerts)
    assert watched.value("aggregate_since_arrival_seconds_count") == len(alerts)
    assert watched.value("aggregate_since_scored_seconds_count") >= 2


def test_who_hands_over_shows_no_crisis_any_more(watched: Watched) -> None:
    watched.read(crisis(len(watched.calm), BEGAN), CLOCK)
    list(watched.box.step([Closed(Place(SCORES.log, 0))], CLOCK))
    for topic in TOPICS:
        assert watched.value("topic_return_period_days", topic=topic) == 0
        for severity in ("warning", "critical"):
            assert watched.value("topic_alert_open", topic=topic, severity=severity) == 0
    assert watched.value("aggregate_alerts_open") == 0


def test_a_topic_whose_sources_have_fallen_silent_is_unknown_and_not_calm(watched: Watched) -> None:
    more = ordinary(7, first=len(watched.calm), start=BEGAN)
    watched.read(more, BEGAN + 7 * DAY)
    assert watched.value("aggregate_sources") == 3
    assert watched.value("aggregate_sources_silent") == watched.topic("unknown") == 0
    watched.position = len(watched.calm) + len(more)
    watched.read([], BEGAN + 8 * DAY)
    assert watched.value("aggregate_sources_silent") == 3
    assert watched.topic("silent_share") == pytest.approx(1)
    assert watched.topic("unknown") == 1
    assert rarity(watched.registry)["liquidity_run"].is_unknown
    assert not rarity(watched.registry)["market_moves"].is_unknown
    assert watched.value("topic_unknown", topic="market_moves") == 0
    list(watched.box.step([Closed(Place(SCORES.log, 0))], CLOCK))
    assert watched.topic("unknown") == watched.value("aggregate_sources_silent") == 0


def test_topics_of_a_model_that_is_gone_are_gone(watched: Watched) -> None:
    """Whoever still writes with the model that was rolled back brings them back no more."""
    others, first = ("liquidity_run", "crypto", "other"), len(watched.calm)
    documents = ordinary(1, first=first, start=BEGAN)
    gone = {"artifact": "a2", "topics": others}
    shown = []
    for begin, changes in ((0, gone), (50, {}), (100, gone)):
        part = documents[begin : begin + 20]
        read_at = part[-1].event_at
        classified_at = read_at if begin < 100 else BEGAN
        scores = score_range(part, start=first, read_at=read_at, classified_at=classified_at, **changes)
        first = scores.next
        watched.write(scores)
        gauges = [m for m in watched.registry.collect() if m.name == "bellwether_topic_alert_open"]
        shown.append({sample.labels["topic"] for gauge in gauges for sample in gauge.samples})
    assert shown == [set(others), set(TOPICS), set(TOPICS)]
    assert watched.value("topic_baseline_ready", topic="market_moves") == 0
    assert watched.value("aggregate_documents_total", topic="crypto", sentiment="negative", language="en") == 0


def shown(run: Run) -> CollectorRegistry:
    registry = CollectorRegistry()
    AggregateMetrics(registry).show(run.keeper)
    return registry


def topic_value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"bellwether_topic_{name}", {"topic": "liquidity_run", **labels})


def test_after_a_new_model_a_topic_is_shown_as_it_stands_and_its_alert_while_it_is_open() -> None:
    registry, calm = CollectorRegistry(), ordinary(14)
    metrics, run = AggregateMetrics(registry), Run()
    run.take(*in_ranges([*calm, *crisis(len(calm), BEGAN)], 20))
    metrics.show(run.keeper)
    assert topic_value(registry, "alert_open", severity="critical") == topic_value(registry, "baseline_ready") == 1
    others = [
        scored(len(calm) + 60 + n, BEGAN + 2 * HOUR + n * 10 * MINUTE, topic=1, negative=n % 5 == 2) for n in range(144)
    ]
    run.take(*in_ranges(others[:1], 1), *in_ranges(others[1:6], 1, artifact="a2"))
    metrics.show(run.keeper)
    for each in (registry, shown(run.crash())):
        assert topic_value(each, "alert_open", severity="critical") == 1
        assert topic_value(each, "return_period_days") == topic_value(each, "baseline_ready") == 0
        assert math.isnan(topic_value(each, "share") or 0)
    run.take(*in_ranges(others[6:], 6, artifact="a2"))
    metrics.show(run.keeper)
    assert run.keeper.state.book.running() == 0
    assert topic_value(registry, "alert_open", severity="critical") == 0


def test_no_longer_return_period_is_shown_than_is_told() -> None:
    calm = ordinary(14)
    run = Run(AggregateSettings(("news",), spikes=SpikeSettings(budget_per_week=0.1)))
    run.take(*in_ranges([*calm, *crisis(len(calm), BEGAN)], 20))
    assert run.keeper.spikes["topic/liquidity_run"].days > 1000
    assert topic_value(shown(run), "return_period_days") == 1000


@pytest.mark.parametrize(("hour", "share"), [(6, 0.0), (6, 0.42), (18, 0.18), (18, 1.0)])
def test_a_share_is_shown_as_it_is_at_any_time_of_day_beside_what_is_usual_then(hour: int, share: float) -> None:
    detector = watch(0.12, 28)
    at = detector.at - detector.at % DAY + DAY + hour * HOUR
    for end in range(at - 3 * HOUR, at + 1, 5 * MINUTE):
        detector.update(Counted(end, 5, 5 * share), FOOTING)
    registry = CollectorRegistry()
    gauges, spike = TopicGauges(registry), detector.look([Counted(at, 0, 0)], FOOTING)
    gauges.show("liquidity_run", spike, detector.band(at, spike.detection.usual_share))
    assert 0 <= topic_value(registry, "share") <= 1
    assert topic_value(registry, "share") == pytest.approx(share, abs=0.05)
    assert topic_value(registry, "usual_share") == pytest.approx(0.42 if hour == 6 else 0.18, abs=0.06)
    assert topic_value(registry, "usual_share") < topic_value(registry, "tail_share") < 1
