"""How much text is taken at once, and how long it is said to have taken."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from time import perf_counter, sleep

import pytest

from classifier.artifact import TOKENIZER, read_artifact
from classifier.lookahead import PORTION_BYTES, READ_BYTES, LookAhead, portion_of
from classifier.reading import Outcome
from classifier.scorer import Work
from classifier.tokenizer import Tokenizer
from ingest.logs import Place, Record
from tests.classifier.turning import HERE

SENTENCE = "Northbank halts withdrawals after the regulator opened a probe into its accounts, the company said. "


def records(texts: Sequence[str]) -> list[Record]:
    return [Record(offset, 0, None, text.encode()) for offset, text in enumerate(texts)]


def test_portions_at_work_side_by_side_count_each_second_once() -> None:
    turn = Lock()

    def read(_: Place, __: Sequence[Record], ___: Work) -> list[Outcome]:
        with turn:
            sleep(0.1)
        return []

    ahead, (one, two, three) = LookAhead(read), records(["one", "two", "three"])
    began = perf_counter()
    ahead.begin(HERE, [one])
    ahead.begin(HERE, [two])
    seconds = [ahead.outcomes(HERE, [record])[1].seconds for record in (one, two)]
    assert 0.2 <= sum(seconds) <= perf_counter() - began
    assert min(seconds) > 0
    sleep(0.1)
    began = perf_counter()
    assert 0.1 <= ahead.outcomes(HERE, [three])[1].seconds <= perf_counter() - began


@pytest.mark.parametrize("characters", [300, 1_500, 9_000, 60_000])
def test_a_portion_takes_about_as_long_whatever_the_length_of_its_texts(artifact_folder: Path, characters: int) -> None:
    artifact = read_artifact(artifact_folder)
    tokenizer = Tokenizer(artifact.path(TOKENIZER), artifact.manifest.max_tokens)
    text = (SENTENCE * (characters // len(SENTENCE) + 1))[:characters]
    many = portion_of(records([text] * 500), 500)
    (tokens,) = tokenizer.encode([text])
    read = many * sum(len(ids) for ids in tokens.chunks)
    assert PORTION_BYTES / 8 < read < PORTION_BYTES / 3


def test_what_counts_of_a_long_record_is_what_the_model_reads_of_it(artifact_folder: Path) -> None:
    artifact = read_artifact(artifact_folder)
    tokenizer = Tokenizer(artifact.path(TOKENIZER), artifact.manifest.max_tokens)
    (tokens,) = tokenizer.encode([SENTENCE * 200])
    assert tokens.truncated
    assert tokens.offsets[-2][1] == pytest.approx(READ_BYTES, rel=0.35)
