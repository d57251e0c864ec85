"""How a process learns from those that died before it."""

import pytest

from classifier.caution import MOST_DEATHS, MOST_RECORDS, Caution, caution_after


def test_without_a_note_all_is_well() -> None:
    assert caution_after("") == Caution(limit=MOST_RECORDS, begun=0, first=False)
    assert Caution().note == ""


@pytest.mark.parametrize("note", ["not ours", "{}", '{"limit": "many"}', '{"limit": 0}', '{"limit": 1000000}'])
def test_a_note_that_is_not_ours_does_no_harm(note: str) -> None:
    caution = caution_after(note)
    assert 1 <= caution.limit <= MOST_RECORDS
    assert not caution.blames


def test_a_process_that_lived_leaves_no_caution() -> None:
    assert caution_after(Caution().begin().end().note) == Caution()


def test_each_death_makes_the_range_smaller_until_one_record_is_left_to_blame() -> None:
    limits, note = [], ""
    while not (caution := caution_after(note).begin()).blames:  # each dies
        limits.append(caution.limit)
        note = caution.note
    assert limits == [256, 32, 4] + [1] * MOST_DEATHS


def test_success_lets_the_range_grow_again() -> None:
    caution = Caution(limit=1, begun=2)
    limits = []
    for _ in range(9):
        caution = caution.end().after(moved=True, scored=True)
        limits.append(caution.limit)
    assert limits == [2, 4, 8, 16, 32, 64, 128, 256, 256]


def test_nothing_to_score_proves_nothing() -> None:
    assert Caution(limit=4, begun=1).after(moved=False, scored=False) == Caution(limit=4, begun=1)
    assert Caution(limit=4, begun=1).after(moved=True, scored=False) == Caution(limit=4)


def test_that_nothing_was_published_yet_is_remembered_over_a_death() -> None:
    assert caution_after(Caution(first=True).begin().note).first
    assert not Caution(first=True).after(moved=True, scored=True).first
