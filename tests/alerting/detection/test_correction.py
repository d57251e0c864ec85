import numpy as np
import pytest

from alerting.detection.correction import Errors, correct, errors_of

ERRORS = Errors("a1", negatives=1000, found=800, others=3000, mistaken=300)  # s = .8, f = .1


def test_a_share_that_was_said_stands_for_the_one_that_makes_the_classifier_say_so():
    truth = 0.6
    said = round(10_000 * (truth * 0.8 + (1 - truth) * 0.1))
    corrected = correct(said, 10_000, 0.2, ERRORS)
    assert corrected.share == pytest.approx(truth, abs=1e-4)
    assert corrected.low < truth < corrected.high
    assert not corrected.within_error


def test_what_the_classifier_says_by_mistake_alone_is_no_negative_share():
    corrected = correct(100, 1000, 0.1, ERRORS)
    assert (corrected.share, corrected.low) == (0, 0)
    assert corrected.within_error


def test_of_few_stories_the_excess_may_be_its_own_error_and_of_many_it_is_not():
    assert correct(2, 6, 0.2, ERRORS).within_error
    assert not correct(200, 600, 0.2, ERRORS).within_error


def test_of_more_stories_the_same_share_is_known_better():
    few, many = correct(2, 4, 0.3, ERRORS), correct(30, 60, 0.3, ERRORS)
    assert few.share == many.share
    assert few.low < many.low < many.high < few.high
    assert few.within_error
    assert not many.within_error


@pytest.mark.parametrize(("stories", "truth"), [(8, 0.5), (25, 0.1), (25, 0.6), (100, 0.05), (100, 0.3), (400, 0.9)])
def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty(stories, truth):
    dice, s, f = np.random.default_rng(11), 0.8, 0.1
    found, mistaken = dice.binomial(300, s, 4000).tolist(), dice.binomial(900, f, 4000).tolist()
    said = dice.binomial(stories, truth * s + (1 - truth) * f, 4000).tolist()
    hits = 0
    for yes, no, negatives in zip(found, mistaken, said, strict=True):
        corrected = correct(negatives, stories, 0.2, Errors("a1", 300, yes, 900, no))
        hits += corrected.low <= truth <= corrected.high
    assert 0.94 <= hits / 4000 <= 0.99


def test_rates_are_read_off_what_holds_in_rows_and_what_was_said_in_columns():
    errors = errors_of("a1", ((80, 15, 5), (10, 180, 10), (0, 20, 80)))
    assert errors == Errors("a1", negatives=100, found=80, others=300, mistaken=10)


@pytest.mark.parametrize("confusion", [(), ((0, 0, 0), (1, 2, 3), (1, 2, 3)), ((5, 5, 0), (5, 5, 0), (5, 5, 0))])
def test_without_rates_that_say_anything_nothing_is_corrected(confusion):
    assert errors_of("a1", confusion) is None
