from hypothesis import given
from hypothesis import strategies as st

from classifier.batches import MOST_ROWS, TOKEN_BUDGET, bucketed, shapes

LENGTHS = st.lists(st.integers(1, 256), max_size=200)


@given(LENGTHS)
def test_every_text_runs_once_in_a_shape_that_holds_it(lengths: list[int]) -> None:
    groups = list(bucketed(lengths, shapes(256)))
    assert sorted(place for group in groups for place in group.members) == list(range(len(lengths)))
    for group in groups:
        assert 1 <= len(group.members) <= group.shape.rows
        assert all(lengths[place] <= group.shape.length for place in group.members)


@given(LENGTHS, st.integers(1, 256))
def test_a_texts_shape_depends_on_its_own_length_alone(others: list[int], length: int) -> None:
    among = shapes(256)
    (alone,) = bucketed([length], among)
    (company,) = [group for group in bucketed([*others, length], among) if len(others) in group.members]
    assert alone.shape == company.shape


@given(st.integers(8, 512))
def test_shapes_keep_the_budget_unless_a_single_text_is_longer(max_tokens: int) -> None:
    among = shapes(max_tokens)
    assert among[-1].length == max_tokens
    for shape in among:
        assert 1 <= shape.rows <= MOST_ROWS
        assert shape.rows == 1 or shape.rows * shape.length <= TOKEN_BUDGET


def test_long_texts_go_first() -> None:
    lengths = [group.shape.length for group in bucketed([5, 200, 30, 7, 90], shapes(256))]
    assert lengths == sorted(lengths, reverse=True)
