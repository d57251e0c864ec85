import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from classifier.training.figures import auroc, confusion, expected_error, macro_f1, of_classes, precision_recall
from classifier.training.intervals import interval


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 2)])
def test_macro_f1_and_auroc_are_those_of_scikit_learn(classes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    labels, answers = rng.choice(classes, 200), rng.choice(classes, 200)
    assert macro_f1(labels, answers, 3) == pytest.approx(f1_score(labels, answers, average="macro"))
    scores = rng.random(200).round(1)  # with ties
    assert auroc(scores, labels == 0) == pytest.approx(roc_auc_score(labels == 0, scores))


def test_classes_of_a_confusion_matrix_are_those_of_the_rows() -> None:
    labels, answers = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 0, 2])
    each = of_classes(confusion(labels, answers, 3), ("a", "b", "c"))
    assert [each[n] for n in "abc"] == [precision_recall(answers == c, labels == c) for c in range(3)]


def test_probabilities_that_hold_what_they_promise_have_no_error() -> None:
    confidence = np.repeat([0.1, 0.7], 100)
    happened = np.concatenate([np.arange(100) < 10, np.arange(100) < 70])
    assert expected_error(confidence, happened) == pytest.approx(0, abs=1e-9)
    assert expected_error(confidence, ~happened) == pytest.approx(0.6)


def test_an_interval_holds_the_figure_and_narrows_with_more_rows() -> None:
    values = np.random.default_rng(1).random(4000)
    (low, high), (few_low, few_high) = (interval(lambda rows: float(values[rows].mean()), n) for n in (4000, 40))
    assert low < values.mean() < high
    assert high - low < (few_high - few_low) / 5
