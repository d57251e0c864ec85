import pytest

from alerting.destinations.digest import digest
from alerting.destinations.held import NOTED, Bookmark
from tests.alerting.told import OPENED, told


@pytest.mark.parametrize(
    "mark",
    [
        Bookmark(),
        Bookmark(5),
        Bookmark(5, 6, 7, 8),
        Bookmark(5, untold=(9,)),
        Bookmark(5, 6, 7, -1, (8, 9)),
        Bookmark(5, 6, 7, 0, (), (0,)),
        Bookmark(5, 6, 7, 1, (9, 8), (2, 4, 7)),
    ],
)
def test_a_bookmark_is_read_as_it_was_written(mark: Bookmark) -> None:
    assert Bookmark.parse(str(mark)) == mark


@pytest.mark.parametrize("note", ["", "x", "1;x", "1;2;3;4/x", "1;2;3;4/5;6", "1;2;3;4//x"])
def test_what_is_no_bookmark_is_an_empty_one(note: str) -> None:
    assert Bookmark.parse(note) == Bookmark()


def test_a_full_bookmark_is_no_longer_than_kafka_takes() -> None:
    for first, step in ((10**15, 1), (10**9, 10**6)):
        offsets = tuple(range(first, first + NOTED * step, step))
        assert len(str(Bookmark(10**16, 10**16, 10**15, 10**15, offsets, offsets))) < 4_000


@pytest.mark.parametrize("revisions", [(1, 2), (2, 1)])
def test_in_a_digest_the_newest_revision_stands_for_all_also_where_a_clock_was_set_back(
    revisions: tuple[int, int],
) -> None:
    (alert,) = digest(OPENED, [told("a1", revision) for revision in revisions]).alerts
    assert alert.revision == 2
