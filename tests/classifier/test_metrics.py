import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry

from classifier.metrics import ClassifyMetrics
from classifier.reading import Outcome
from classifier.scorer import Scorer, Work
from classifier.tokenizer import MOST_CHUNKS
from ingest.deadletters import REASONS
from ingest.decode import Decoder
from ingest.instants import MINUTE, SECOND
from ingest.logs import Record
from tests.classifier.made import document
from tests.classifier.turning import Desk, Member


def test_metrics_exist_from_the_start(desk: Desk, scorer: Scorer) -> None:
    Member(desk, scorer)
    for language in ("en", "zh", "und"):
        assert desk.metric("documents_total", language=language) == 0
    for reason in REASONS:
        assert desk.metric("dead_letters_total", reason=reason) == 0
    for topic in scorer.topics:
        for sentiment in ("negative", "neutral", "positive"):
            assert desk.metric("topics_total", topic=topic, sentiment=sentiment) == 0
    assert desk.metric("records_total", kafka_topic="news") == 0
    labels = {
        "artifact": scorer.artifact,
        "name": scorer.name,
        "asked": scorer.provider,
        "provider": scorer.provider,
        "threads": str(scorer.threads),
    }
    assert desk.registry.get_sample_value("bellwether_model_info", labels) == 1


def test_metrics_count_what_scoring_took(desk: Desk, scorer: Scorer) -> None:
    desk.append(document(1, "Shares fall"), document(2, "Shares fall"), document(3, "Profit soars " * 2_000))
    Member(desk, scorer).run()
    assert desk.metric("texts_cached_total") == 1
    assert desk.metric("texts_truncated_total") == 1
    assert desk.metric("tokens_total") == 4 + 256 * MOST_CHUNKS
    assert desk.metric("batch_texts_count") == 1 + MOST_CHUNKS
    assert desk.metric("scoring_seconds_count") == 1
    assert desk.metric("records_total", kafka_topic="news") == 3


def test_every_document_counts_under_its_topics_and_its_sentiment(desk: Desk, scorer: Scorer) -> None:
    desk.append(document(1, "Depositors queue to withdraw savings as the bank runs out of cash"), document(2, ""))
    Member(desk, scorer).run()
    counted = [s for m in desk.registry.collect() for s in m.samples if s.name == "bellwether_classify_topics_total"]
    (scores,) = desk.ranges()
    (scored,) = scores.documents
    assert {(s.labels["topic"], s.labels["sentiment"]) for s in counted if s.value} == {
        (scores.topics[label], "negative") for label in scored.labels
    }
    assert desk.metric("records_total", kafka_topic="news") == 2


@pytest.mark.parametrize(
    ("sentiment", "counted"),
    [((5_000, 5_000, 0), "neutral"), ((5_000, 0, 5_000), "positive"), ((4_000, 3_000, 3_000), "negative")],
)
def test_a_tie_is_not_negative(desk: Desk, scorer: Scorer, sentiment: tuple[int, int, int], counted: str) -> None:
    desk.append(document(1, "Shares fall"))
    Member(desk, scorer).run()
    ((scored,),) = (scores.documents for scores in desk.ranges())
    registry = CollectorRegistry()
    tied = structs.replace(scored, sentiment=sentiment)
    ClassifyMetrics(registry, scorer).count("news", [Outcome(Record(0, 0, None, None), tied)], Work(), None)
    told = [sample for metric in registry.collect() for sample in metric.samples if sample.value]
    sentiments = {sample.labels["sentiment"] for sample in told if sample.name == "bellwether_classify_topics_total"}
    assert sentiments == {counted}


def test_the_time_from_arrival_to_scores_is_told_of_what_comes_live_only(desk: Desk, scorer: Scorer) -> None:
    desk.append(document(1, "Shares fall"))
    desk.clock.now += 2 * SECOND
    live = Member(desk, scorer)
    live.run()
    live.close()
    assert desk.metric("since_arrival_seconds_count") == 1
    waited = desk.metric("since_arrival_seconds_sum")
    assert waited is not None
    assert waited >= 2
    desk.append(document(2, "Shares fall"))
    Member(desk, scorer, replay=True).run()
    assert desk.metric("since_arrival_seconds_count") == 0
    assert desk.metric("records_total", kafka_topic="news") == 1


def test_a_document_without_a_time_stamp_has_arrived_when_it_was_read(desk: Desk, scorer: Scorer) -> None:
    desk.append(structs.replace(document(1, "Shares fall"), created_at=0))
    Member(desk, scorer, decoder=Decoder(bound_us=2 * MINUTE, clock=desk.clock)).run()
    (scored,) = desk.ranges()[0].documents
    assert scored.appended_at == desk.clock.now
    waited = desk.metric("since_arrival_seconds_sum")
    assert waited is not None
    assert waited < 60
