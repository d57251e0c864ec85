"""A network learns what teachers say, each of them of the texts that it can read."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.training import train
from classifier.training.data import LabelWeights, read_examples, split, unlabelled
from classifier.training.labels import TOPICS
from classifier.training.model import Card, load_encoder, load_model, save_model
from classifier.training.model import LabelAttention as Network
from classifier.training.scoring import score_torch
from classifier.training.settings import TrainingError
from classifier.training.teachers import ask, can_read, taught
from tests.classifier.training.made import as_rows

ENGLISH = "the bank reported a record profit"
CHINESE = "储户挤兑银行"


@pytest.fixture(scope="module")
def english(encoder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows no Chinese."""
    out = tmp_path_factory.mktemp("english")
    tokenizer = (Path(encoder) / "tokenizer.json").read_text("utf-8")
    save_model(Network(load_encoder(encoder), len(TOPICS)), Card(TOPICS, "tiny"), tokenizer, out)
    return out


def test_a_tokenizer_tells_which_texts_it_can_read(english: Path, trained: Path) -> None:
    assert can_read(english / "tokenizer.json", [ENGLISH, CHINESE]).tolist() == [True, False]
    assert can_read(trained / "tokenizer.json", [ENGLISH, "挤兑"]).tolist() == [True, True]


def test_a_teacher_answers_in_languages_that_it_was_trained_in(trained: Path, tmp_path: Path) -> None:
    model, card = load_model(trained)
    assert card.languages == ("en", "zh")
    tokenizer = (trained / "tokenizer.json").read_text("utf-8")
    save_model(model, replace(card, languages=("en",)), tokenizer, tmp_path)
    assert ask([tmp_path], [ENGLISH, "挤兑"], 96)[1].tolist() == [True, False]


def test_each_text_is_answered_by_the_first_that_can_read_it(english: Path, trained: Path) -> None:
    texts = [ENGLISH, "挤兑", "盈利 record", "the plan"]
    answers, is_told = ask([english, trained], texts, 96)
    assert is_told.all()
    first, second = score_torch(english, texts), score_torch(trained, texts)
    # word rows in full here, of 8 bits there; bfloat16 where the processor has it
    for row, said in enumerate((first, second, second, first)):
        np.testing.assert_allclose(answers.topics[row], said.topics[row], atol=0.1)
        np.testing.assert_allclose(answers.sentiment[row], said.sentiment[row], atol=0.1)
    assert np.abs(first.sentiment - second.sentiment).max() > 0.3
    _, is_told = ask([english], texts, 96)
    assert is_told.tolist() == [True, False, False, True]


def test_a_text_that_no_teacher_reads_keeps_its_labels_alone(english: Path, labelled: Path, tmp_path: Path) -> None:
    examples = read_examples([labelled], TOPICS, LabelWeights())
    told = taught(examples, [english], 0.4, 96, tmp_path / "told.npz")
    assert [t.text for t in told] == [e.text for e in examples]
    readable = can_read(english / "tokenizer.json", [e.text for e in examples])
    assert 0 < readable.sum() < len(examples)
    assert [t.told is not None for t in told] == readable.tolist()
    of_one = next(t.told for t in told if t.told)
    assert of_one.share == 0.4
    assert sum(of_one.sentiment) == pytest.approx(1, abs=1e-5)
    assert len(of_one.topics) == len(TOPICS)


def test_of_an_unlabelled_text_the_teacher_says_all(english: Path, tmp_path: Path) -> None:
    (told,) = taught(unlabelled(as_rows(ENGLISH), []), [english], 0.4, 96, tmp_path / "told.npz")
    assert told.told is not None
    assert told.told.share == 1


def test_answers_are_kept_for_the_same_question_only(english: Path, trained: Path, tmp_path: Path) -> None:
    kept = tmp_path / "told.npz"
    first = taught(unlabelled(as_rows(ENGLISH), []), [english], 0.5, 96, kept)
    written = kept.stat().st_mtime_ns
    assert taught(unlabelled(as_rows(ENGLISH), []), [english], 0.5, 96, kept) == first
    assert kept.stat().st_mtime_ns == written
    assert taught(unlabelled(as_rows(ENGLISH), []), [trained], 0.5, 96, kept) != first
    other = taught(unlabelled(as_rows("the plan"), []), [english], 0.5, 96, kept)
    assert other[0].told != first[0].told


def test_a_teacher_of_other_topics_is_refused(english: Path, tmp_path: Path) -> None:
    other = shutil.copytree(english, tmp_path / "other")
    card = json.loads((other / "card.json").read_text("utf-8"))
    (other / "card.json").write_text(json.dumps(card | {"topics": ["sport", *card["topics"][1:]]}), "utf-8")
    with pytest.raises(TrainingError, match="knows other topics: sport"):
        ask([other], [ENGLISH], 96)


def test_a_network_comes_nearer_to_its_teacher(trained: Path, encoder: str, labelled: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text("\n".join(json.dumps({"text": f"deposits fell run {n}"}) for n in range(20)), "utf-8")
    size = ["--max-steps", "40", "--batch", "8", "--learning-rate", "2e-3", "--encoder", encoder]
    command = ["--data", str(labelled), "--texts", str(more), *size, "--told", "1", "--teachers", str(trained)]
    train.main([*command, "--out", str(tmp_path / "run")])
    held_out = [e.text for e in split(read_examples([labelled], TOPICS, LabelWeights()))[1]]
    teacher, student = (score_torch(folder, held_out) for folder in (trained, tmp_path / "run" / "model"))
    start = score_torch(_untrained(encoder, trained, tmp_path / "start"), held_out)

    def apart(told: np.ndarray, own: np.ndarray) -> float:
        return float(np.abs(told - own).mean())

    assert apart(teacher.sentiment, student.sentiment) < 0.5 * apart(teacher.sentiment, start.sentiment)
    assert len(np.load(tmp_path / "run" / "told.npz")["is_told"]) == 27 + 19  # one of the twenty is held out


def _untrained(encoder: str, trained: Path, out: Path) -> Path:
    model, card = load_model(trained)
    fresh = Network(load_encoder(encoder), len(TOPICS))
    model.load_state_dict(
        {n: v if n.startswith("encoder.") else fresh.state_dict()[n] for n, v in model.state_dict().items()}
    )
    save_model(model, card, (trained / "tokenizer.json").read_text("utf-8"), out)
    return out
