"""What a text's score is, and that it is the text's alone."""

import math
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import get_args

import numpy as np
import onnxruntime
import pytest
from msgspec import structs
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from classifier.artifact import SENTIMENTS, SHIPPED, Model, ModelFails, read_artifact
from classifier.batches import PaddedBatch, Shape
from classifier.device import DeviceError
from classifier.scorer import OTHER, REMEMBERED, Scored, Scorer, Stopped, Work, _Verdict, whole_shares
from classifier.scores import WHOLE
from classifier.session import CPU, CUDA, Outputs
from classifier.tokenizer import MOST_CHUNKS
from tests.classifier.made import texts

TEXTS = texts(260)
NEGATIVE, NEUTRAL, POSITIVE = range(3)


@pytest.fixture(scope="module")
def together(opened: Scorer) -> list[Scored]:
    """Scores of all texts, asked for at once."""
    opened.forget()
    return opened.score(TEXTS)


def test_a_text_scores_the_same_alone_as_in_company(scorer: Scorer, together: list[Scored]) -> None:
    alone = [scorer.score([text])[0] for text in TEXTS]
    assert alone == together


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_text_scores_the_same_in_any_order_and_any_company(scorer: Scorer, together: list[Scored], seed: int) -> None:
    chance = random.Random(seed)
    order = chance.sample(range(len(TEXTS)), len(TEXTS))
    scored: dict[int, Scored] = {}
    while order:
        cut = chance.choice([1, 2, 3, 7, 8, 9, 40])
        part, order = order[:cut], order[cut:]
        scored.update(zip(part, scorer.score([TEXTS[place] for place in part]), strict=True))
    assert [scored[place] for place in range(len(TEXTS))] == together


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_a_text_scores_the_same_on_any_number_of_threads(
    artifact_folder: Path, together: list[Scored], threads: int
) -> None:
    other = Scorer.open(artifact_folder, device="cpu", threads=threads)
    assert other.threads == threads
    assert other.score(TEXTS[::3]) == together[::3]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_where_the_runtime_falls_back_to_the_processor_it_has_the_processors_network(
    artifact_folder: Path, together: list[Scored], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])  # a GPU's runtime without a GPU
    fallen = Scorer.open(artifact_folder, device="auto", threads=2)
    assert (fallen.asked, fallen.provider) == (CUDA, CPU)
    assert fallen.score(TEXTS[::3]) == together[::3]
    with pytest.raises(DeviceError, match=f"got {CPU}"):
        Scorer.open(artifact_folder, device="cuda")


def test_where_a_gpu_fails_later_the_processor_does_not_take_its_place_unseen(
    artifact_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing:
        def run(self, *_: object) -> None:
            raise EPFail("out of memory")

        def __getattr__(self, name: str) -> object:
            return getattr(inner, name)

    scorer = Scorer.open(artifact_folder, device="cpu")
    inner = scorer._session._session._sess
    monkeypatch.setattr(scorer._session._session, "_sess", Failing())  # of the runtime: that its own fallback calls
    with pytest.raises(EPFail):
        scorer.score(["Shares fall"])
    assert not capsys.readouterr().out


def test_a_row_of_the_network_is_the_same_bit_for_bit_whatever_the_other_rows_hold(scorer: Scorer) -> None:
    chunks = [ids for text in scorer._tokenizer.encode(TEXTS) for ids in text.chunks]
    for shape in scorer._shapes:
        fitting = [place for place, ids in enumerate(chunks) if len(ids) <= shape.length][-shape.rows :]
        company = scorer._run(PaddedBatch(shape, tuple(fitting)), chunks)
        for row, place in enumerate(fitting):
            alone = scorer._run(PaddedBatch(shape, (place,)), chunks)
            for one, all_rows in zip(alone, company, strict=True):
                assert np.array_equal(one[0], all_rows[row])


def test_rows_that_are_missing_are_left_out_once_it_is_known_that_they_may(scorer: Scorer) -> None:
    again = Scorer(read_artifact(SHIPPED), scorer._session, scorer._tokenizer)
    first, second, third = Work(), Work(), Work()
    again.score(["Bank halts withdrawals"], work=first)
    again.score(["Fund halts redemptions"], work=second)
    again.score(["Shop halts deliveries", "Port halts deliveries"], work=third)
    assert [work.batches[0].places // 8 for work in (first, second, third)] == [16, 1, 2]


def test_where_a_processor_adds_up_otherwise_with_fewer_rows_shapes_stay_whole(scorer: Scorer) -> None:
    class Otherwise:
        """Another processor."""

        def __getattr__(self, name: str) -> object:
            return getattr(scorer._session, name)

        def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Outputs:
            outputs = scorer._session.run(ids, mask)
            return outputs._replace(topic_logits=outputs.topic_logits + np.float32(1e-6) * len(ids))

    other = Scorer(read_artifact(SHIPPED), Otherwise(), scorer._tokenizer)  # type: ignore[arg-type]
    alone, later, company = Work(), Work(), Work()
    said = other.score(["Bank halts withdrawals"], work=alone)
    other.forget()
    assert other.score(["Bank halts withdrawals"], work=later) == said
    other.forget()
    assert other.score(["Bank halts withdrawals", "Fund halts redemptions"], work=company)[:1] == said
    assert {work.batches[0].places for work in (alone, later, company)} == {16 * 8}


def test_padding_moves_no_logit(scorer: Scorer) -> None:
    chunks = [ids for text in scorer._tokenizer.encode(TEXTS[::10]) for ids in text.chunks]
    moved = []
    for place, ids in enumerate(chunks):
        short = scorer._run(PaddedBatch(Shape(2, len(ids)), (place,)), chunks)
        padded = scorer._run(PaddedBatch(Shape(2, len(ids) + 37), (place,)), chunks)
        assert not padded.attention[0, :, len(ids) :].any()
        moved.append(np.abs(short.topic_logits - padded.topic_logits).max())
        moved.append(np.abs(short.sentiment_logits - padded.sentiment_logits).max())
    assert max(moved) < 0.02  # a last bit may tip an activation's rounding to 8 bits


def test_probabilities_are_whole_ten_thousandths(together: list[Scored], scorer: Scorer) -> None:
    for scored in together:
        assert sum(scored.sentiment) == WHOLE
        assert len(scored.topics) == len(scorer.topics)
        assert all(0 <= probability <= WHOLE for probability in (*scored.sentiment, *scored.topics))


def test_the_texts_are_told_apart(together: list[Scored]) -> None:
    assert len({scored.topics for scored in together}) > len(TEXTS) * 0.9


def test_labels_are_the_topics_over_their_thresholds_and_other_stands_alone(
    together: list[Scored], scorer: Scorer
) -> None:
    other = scorer.topics.index("other")
    for scored in together:
        assert scored.labels
        assert scored.labels == (other,) or other not in scored.labels
        assert list(scored.labels) == sorted(scored.labels)


@pytest.mark.parametrize("hundredths", range(1, 100))
def test_a_probability_at_its_threshold_is_over_it(artifact_folder: Path, hundredths: int) -> None:
    manifest = read_artifact(artifact_folder).manifest
    verdict = _Verdict(structs.replace(manifest, thresholds=dict.fromkeys(manifest.topics, hundredths / 100)))
    topics = len(manifest.topics)
    place = (manifest.topics.index(OTHER) + 1) % topics
    for probability, labels in ((hundredths * 100, (place,)), (hundredths * 100 - 1, (manifest.topics.index(OTHER),))):
        assert verdict._labels([probability if number == place else 0 for number in range(topics)]) == labels


def test_the_shipped_thresholds_are_those_of_the_manifest_rounded_up(artifact_folder: Path) -> None:
    for model in get_args(Model):
        manifest = read_artifact(artifact_folder, model).manifest
        assert _Verdict(manifest)._thresholds == [
            math.ceil(Decimal(str(manifest.thresholds[topic])) * WHOLE) for topic in manifest.topics
        ]


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("Northbank collapses: bankruptcy filing, depositors lose everything", NEGATIVE),
        ("Shares plunge after the company reports heavy losses and fraud charges", NEGATIVE),
        ("公司暴雷，债券违约，投资者损失惨重，股价暴跌", NEGATIVE),
        ("银行遭挤兑，暂停提款，储户恐慌", NEGATIVE),
        ("Profit soars to a record, shares surge after strong earnings beat expectations", POSITIVE),
        ("公司业绩大增，净利润创历史新高，股价大涨", POSITIVE),
    ],
)
def test_clear_sentences_fall_on_their_side(scorer: Scorer, text: str, sentiment: int) -> None:
    (scored,) = scorer.score([text])
    assert SENTIMENTS[scored.sentiment.index(max(scored.sentiment))] == SENTIMENTS[sentiment]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Depositors queue to withdraw their money as the bank run spreads; withdrawals are halted", "liquidity_run"),
        ("银行遭挤兑，储户排队提款，银行暂停兑付", "liquidity_run"),
        ("Bitcoin and ethereum slide as a crypto exchange fails", "crypto"),
        ("比特币和以太坊大跌，加密货币交易所倒闭", "crypto"),
        (
            "Quarterly earnings beat forecasts and revenue rose 12%; the company raised its guidance",
            "earnings_guidance",
        ),
        ("公司发布季度业绩，净利润同比增长12%，上调全年业绩指引", "earnings_guidance"),
        ("Oil prices fall as OPEC raises crude output", "commodities_energy"),
    ],
)
def test_the_strongest_topic_of_a_clear_sentence_is_its_own(scorer: Scorer, text: str, topic: str) -> None:
    (scored,) = scorer.score([text])
    assert scorer.topics[scored.topics.index(max(scored.topics))] == topic


def test_spans_quote_the_text(together: list[Scored]) -> None:
    assert sum(bool(scored.spans) for scored in together) > len(TEXTS) * 0.9
    for text, scored in zip(TEXTS, together, strict=True):
        ends = [0, *(span.end for span in scored.spans)]
        for before, span in zip(ends, scored.spans, strict=False):
            assert before <= span.start < span.end <= len(text)
            assert text[span.start : span.end].strip()
            assert 0 < span.weight <= WHOLE
        assert sum(span.weight for span in scored.spans) <= WHOLE


def test_a_copy_is_not_scored_again_and_is_counted(scorer: Scorer) -> None:
    work = Work()
    first = scorer.score(["Shares fall", "Shares fall", "Shares rise"], work=work)
    again = scorer.score(["Shares rise", "Shares fall"], work=work)
    assert (work.texts, work.cached) == (5, 3)
    assert sum(batch.texts for batch in work.batches) == 2
    assert first[0] is first[1]
    assert again == [first[2], first[0]]
    assert again[0] != again[1]


def test_more_distinct_texts_than_are_remembered_still_have_scores(scorer: Scorer) -> None:
    scorer._remembered.update({str(number).encode(): scorer.score(["Shares fall"])[0] for number in range(REMEMBERED)})
    work = Work()
    assert len(scorer.score(["Shares fall", "Shares rise"], work=work)) == 2
    assert len(scorer._remembered) == REMEMBERED


FILLER = "The committee met on Tuesday and approved the minutes of its last meeting. "
NEWS = "Northbank collapses: depositors queue to withdraw their money and withdrawals are halted. "


@pytest.mark.parametrize("before", [0, 30, 60])
def test_news_in_any_part_of_a_long_text_is_found_and_shown(scorer: Scorer, before: int) -> None:
    text = FILLER * before + NEWS * 3 + FILLER * (60 - before)
    work = Work()
    dull, scored = scorer.score([FILLER * 63, text], work=work)
    assert not work.truncated
    run = scorer.topics.index("liquidity_run")
    assert scored.topics[run] > 10 * dull.topics[run]
    assert scored.sentiment[NEGATIVE] > dull.sentiment[NEGATIVE]
    news = range(len(FILLER) * before, len(FILLER) * before + len(NEWS) * 3)
    inside = sum(span.weight for span in scored.spans if span.start in news)
    assert inside > 0.8 * sum(span.weight for span in scored.spans)


def test_what_no_chunk_holds_is_not_read_and_is_counted(scorer: Scorer) -> None:
    work = Work()
    long = "Shares of the bank fall sharply. " * 400
    scored = scorer.score([long, long + "Profit soars.", long * 40], work=work)
    assert scored[0] == scored[1] == scored[2]
    assert work.truncated == 3
    assert sum(batch.texts for batch in work.batches) == 3 * MOST_CHUNKS


def test_nothing_asked_is_nothing_scored(scorer: Scorer) -> None:
    assert scorer.score([]) == []


def test_scoring_stops_between_batches_when_asked(scorer: Scorer) -> None:
    answers = iter([False, False, True])
    work = Work()
    with pytest.raises(Stopped):
        scorer.score(TEXTS, stop=lambda: next(answers), work=work)
    assert len(work.batches) <= 2


def test_several_threads_at_once_get_what_one_gets(scorer: Scorer) -> None:
    alone = [scorer.score([text])[0] for text in TEXTS]
    scorer.forget()
    with ThreadPoolExecutor(4) as threads:
        portions = [TEXTS[start::5] for start in range(5)]
        answers = list(threads.map(scorer.score, portions))
    assert [answers[place % 5][place // 5] for place in range(len(TEXTS))] == alone


def test_who_came_first_has_the_network_until_all_of_its_texts_are_with_it(scorer: Scorer) -> None:
    asked: list[str] = []
    has_begun, other_asked = Event(), Event()

    def first() -> bool:
        asked.append("first")
        has_begun.set()
        if len(asked) == 1:
            other_asked.wait(0.5)
        return False

    def second() -> bool:
        asked.append("second")
        other_asked.set()
        return False

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(scorer.score, TEXTS[:100], stop=first)
        has_begun.wait()
        threads.submit(scorer.score, TEXTS[100:200], stop=second).result()
        one.result()
    assert asked == sorted(asked)
    assert set(asked) == {"first", "second"}


_COUNTS_THREADS = """
import os, pathlib, sys
from classifier.scorer import Scorer
Scorer.open(pathlib.Path(sys.argv[1]), device="cpu", threads=1).score(["Shares fall", "Profit rises"])
print(len(os.listdir("/proc/self/task")))
"""


def test_beside_the_network_on_a_processor_the_tokenizer_has_no_threads_of_its_own(artifact_folder: Path) -> None:
    def threads(**chosen: str) -> int:
        about = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"} | chosen
        command = [sys.executable, "-c", _COUNTS_THREADS, str(artifact_folder)]
        return int(subprocess.run(command, env=about, check=True, capture_output=True).stdout)

    assert threads() < threads(TOKENIZERS_PARALLELISM="true")


def test_a_model_that_cannot_score_anything_says_so(artifact_folder: Path) -> None:
    broken = Scorer.open(artifact_folder, device="cpu")
    broken._shapes = broken._shapes[:1]  # as if the network had been exported for shorter texts
    with pytest.raises(ModelFails, match="fails on a text of our own"):
        broken.check()


@pytest.mark.parametrize(
    ("shares", "whole"),
    [
        ([1 / 3, 1 / 3, 1 / 3], [3334, 3333, 3333]),
        ([0.99996, 0.00002, 0.00002], [10_000, 0, 0]),
        ([0.0, 1.0, 0.0], [0, 10_000, 0]),
        ([0.33335, 0.33335, 0.3333], [3334, 3333, 3333]),
    ],
)
def test_shares_become_integers_that_sum_to_the_whole(shares: list[float], whole: list[int]) -> None:
    assert whole_shares(shares) == whole
