"""Which record is to blame when the model fails, and that no other loses its score."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.artifact import ArtifactError, ModelFails
from classifier.batches import PaddedBatch
from classifier.caution import MOST_DEATHS
from classifier.reading import Bad, Reading
from classifier.scorer import Scored, Scorer, Work, never
from classifier.session import Outputs
from classifier.tokenizer import MOST_CHUNKS
from tests.classifier.made import document
from tests.classifier.turning import Desk, Member, assert_consecutive, documents, news


class Picky(Scorer):
    """A real model that fails on texts with a certain word, and on all once it `is_broken`."""

    is_broken = False

    def score(
        self, texts: Sequence[str], *, stop: Callable[[], bool] = never, work: Work | None = None
    ) -> list[Scored]:
        if self.is_broken or any("poison" in text for text in texts):
            raise RuntimeError("the runtime ran into something")
        return super().score(texts, stop=stop, work=work)

    def check(self) -> None:
        if self.is_broken:
            raise ModelFails("The model fails on a text of our own.")
        super().check()


def test_texts_that_the_model_fails_on_are_dead_letters_and_the_others_are_scored(
    desk: Desk, artifact_folder: Path
) -> None:
    messages = news(30)
    for place in (0, 7, 8, 29):
        messages[place] = document(place, f"poison number {place}")
    desk.append(*messages)
    Member(desk, Picky.open(artifact_folder, device="cpu")).run()
    assert_consecutive(desk.ranges(), 0, 30)
    assert documents(desk.ranges()) == [f"n{number}" for number in range(30) if number not in (0, 7, 8, 29)]
    assert [(letter.offset, letter.reason) for letter in desk.dead()] == [(at, "unscorable") for at in (0, 7, 8, 29)]
    assert "the runtime ran into something" in desk.dead()[0].sentence


class Fragile(Scorer):
    """A real model whose network fails on what has so few tokens as the text `Ruin`."""

    def _run(self, group: PaddedBatch, chunks: Sequence[NDArray[np.int64]]) -> Outputs:
        if any(len(chunks[place]) <= 4 for place in group.members):
            raise RuntimeError("the runtime ran into something")
        return super()._run(group, chunks)


def test_work_is_counted_once_and_no_text_as_a_copy_though_all_are_tried_again(artifact_folder: Path) -> None:
    distinct = [f"Shares of company number {number} fall after a profit warning" for number in range(14)]
    texts = [*distinct[:6], "Ruin", *distinct[6:], "Shares of the bank fall sharply. " * 400]
    work = Work()
    scores = Reading(Fragile.open(artifact_folder, device="cpu", threads=1), never).scores(texts, work)
    assert [isinstance(score, Bad) for score in scores] == [text == "Ruin" for text in texts]
    assert (work.texts, work.cached, work.truncated) == (15, 0, 1)
    assert sum(batch.texts for batch in work.batches) == 14 + MOST_CHUNKS


def test_at_the_start_a_model_that_fails_on_everything_is_no_model(artifact_folder: Path) -> None:
    class Broken(Picky):
        is_broken = True

    with pytest.raises(ArtifactError, match=r"fails on a text of our own.*install the package again"):
        Broken.open(artifact_folder, device="cpu")


def test_a_model_that_fails_on_everything_stops_and_loses_nothing(
    desk: Desk, artifact_folder: Path, scorer: Scorer
) -> None:
    desk.append(*news(30))
    broken = Picky.open(artifact_folder, device="cpu")
    broken.is_broken = True
    for _ in range(MOST_DEATHS + 5):  # however often it is started again
        member = Member(desk, broken)
        member.turn()
        with pytest.raises(ModelFails):
            member.turn()
        member.close()
    assert desk.ranges() == []
    assert desk.dead() == []
    Member(desk, scorer).run()
    assert len(documents(desk.ranges())) == 30
