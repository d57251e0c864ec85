import pytest
import torch

from classifier.training.loss import Answers, Targets, sentiment_losses, topic_losses, total_loss


def targets(**changes: torch.Tensor) -> Targets:
    fields = {
        "sentiment": torch.tensor([0]),
        "sentiment_weight": torch.tensor([1.0]),
        "is_two_way": torch.tensor([False]),
        "topics": torch.tensor([[1.0, 0.0]]),
        "topic_weights": torch.tensor([[1.0, 1.0]]),
    }
    return Targets(**(fields | changes))


def answers(share: float) -> Answers:
    return Answers(torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor([[0.7, 0.1]]), torch.tensor([share]))


def test_a_topic_that_a_corpus_cannot_answer_gets_no_gradient() -> None:
    logits = torch.tensor([[0.3, 2.0]], requires_grad=True)
    topic_losses(logits, targets(topic_weights=torch.tensor([[1.0, 0.0]]))).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] != 0
    assert logits.grad[0, 1] == 0


def test_a_weak_topic_label_pulls_with_its_weight() -> None:
    logits = torch.tensor([[0.3, 2.0]])
    full, half = (topic_losses(logits, targets(topic_weights=torch.tensor([[w, 0.0]]))) for w in (1.0, 0.5))
    assert torch.allclose(half, full / 2)


def test_a_two_way_row_gives_neutral_no_gradient() -> None:
    logits = torch.tensor([[0.5, 3.0, -0.2]], requires_grad=True)
    sentiment_losses(logits, targets(is_two_way=torch.tensor([True]))).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert logits.grad[0, 0] < 0 < logits.grad[0, 2]


def test_a_three_way_row_pushes_neutral_down() -> None:
    logits = torch.tensor([[0.5, 3.0, -0.2]], requires_grad=True)
    sentiment_losses(logits, targets()).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] > 0


def test_a_row_without_sentiment_costs_nothing_whatever_stands_in_its_label() -> None:
    missing = targets(sentiment=torch.tensor([-1]), sentiment_weight=torch.tensor([0.0]))
    assert sentiment_losses(torch.tensor([[9.0, -9.0, 0.0]]), missing).item() == 0


def test_a_two_way_positive_row_is_the_mirror_of_a_negative_one() -> None:
    two_way = {"is_two_way": torch.tensor([True])}
    negative = sentiment_losses(torch.tensor([[1.0, 0.0, -1.0]]), targets(**two_way))
    positive = sentiment_losses(torch.tensor([[-1.0, 0.0, 1.0]]), targets(sentiment=torch.tensor([2]), **two_way))
    assert torch.allclose(negative, positive)


def test_right_answers_cost_less_than_wrong_ones() -> None:
    right = total_loss(torch.tensor([[4.0, -4.0]]), torch.tensor([[4.0, 0.0, -4.0]]), targets())
    wrong = total_loss(torch.tensor([[-4.0, 4.0]]), torch.tensor([[-4.0, 0.0, 4.0]]), targets())
    assert right < 0.1
    assert wrong > 4


def test_smoothing_makes_certainty_cost_something_and_leaves_neutral_of_a_two_way_row_alone() -> None:
    sure = torch.tensor([[20.0, 0.0, -20.0]], requires_grad=True)
    assert sentiment_losses(sure, targets()).item() < 1e-6
    for two_way in (False, True):
        loss = sentiment_losses(sure, targets(is_two_way=torch.tensor([two_way])), smoothing=0.1)
        assert loss.item() > 1
    loss.backward()
    assert sure.grad is not None
    assert sure.grad[0, 1] == 0


def test_a_teacher_takes_its_share_of_the_loss() -> None:
    topics, sentiment = torch.tensor([[0.3, 2.0]]), torch.tensor([[0.5, 3.0, -0.2]])
    labels, half, told = (total_loss(topics, sentiment, targets(), answers(share)) for share in (0.0, 0.5, 1.0))
    assert labels.item() == pytest.approx(total_loss(topics, sentiment, targets()).item())
    assert half.item() == pytest.approx((labels + told).item() / 2)
    likely = topics.sigmoid()
    said = torch.tensor([[0.7, 0.1]])
    each = said * likely.log() + (1 - said) * (1 - likely).log()
    three = torch.tensor([[0.2, 0.3, 0.5]]) * sentiment.log_softmax(-1)
    assert told.item() == pytest.approx(-(three.sum() + 0.5 * each.sum()).item(), rel=1e-5)


def test_agreeing_with_the_teacher_leaves_no_gradient() -> None:
    sentiment = torch.tensor([[0.2, 0.3, 0.5]]).log().requires_grad_()
    topics = torch.tensor([[0.7, 0.1]]).logit().requires_grad_()
    total_loss(topics, sentiment, targets(), answers(1.0)).backward()
    for logits in (topics, sentiment):
        assert logits.grad is not None
        torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-6, rtol=0)
