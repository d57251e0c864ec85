"""How long texts are cut, and that the cut texts' tokens are the text's own."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from classifier.tokenizer import MOST_CHUNKS, NO_WORD, Tokenizer, cut, most_tokens

ROOM = 62  # the fixture's tokenizer cuts at 64 tokens, two of them special
FEW = "Profit soars at Northbank."
MANY = "Northbank halts withdrawals; 银行暂停提款，储户排队。" * 20


@given(length=st.integers(0, 5_000), room=st.integers(8, 512))
def test_chunks_cover_a_text_are_of_one_size_and_overlap(length: int, room: int) -> None:
    places = cut(length, room)
    assert {stop - start for start, stop in places} == {places[0][1]}
    assert places[0][0] == 0
    assert places[-1][1] == length
    assert places[0][1] <= room
    shared = [stop - start for (_, stop), (start, _) in pairwise(places)]
    assert all(room // 8 <= tokens < places[0][1] for tokens in shared)


@given(length=st.integers(1, 5_000), room=st.integers(8, 512))
def test_there_are_no_more_chunks_than_needed(length: int, room: int) -> None:
    fewer = len(cut(length, room)) - 1
    assert length > fewer * room - max(0, fewer - 1) * (room // 8)


@given(room=st.integers(8, 512))
def test_the_longest_text_takes_all_chunks_and_no_more(room: int) -> None:
    longest = most_tokens(room + 2) - 2
    assert len(cut(longest, room)) == MOST_CHUNKS
    assert len(cut(longest + 1, room)) == MOST_CHUNKS + 1


def test_a_short_text_is_one_chunk(tokenizer: Tokenizer) -> None:
    (tokens,) = tokenizer.encode([FEW])
    (ids,) = tokens.chunks
    assert len(ids) == len(tokens) == len(tokens.offsets)
    assert tokens.starts == [1]
    assert not tokens.truncated


def test_each_chunk_of_a_long_text_begins_and_ends_as_a_text_does(tokenizer: Tokenizer) -> None:
    short, long = tokenizer.encode([FEW, MANY])
    assert len(long.chunks) > 2
    for ids in long.chunks:
        assert len(ids) <= ROOM + 2
        assert (ids[0], ids[-1]) == (short.chunks[0][0], short.chunks[0][-1])


def test_chunks_laid_over_each_other_are_the_whole_text(tokenizer: Tokenizer) -> None:
    (tokens,) = tokenizer.encode([MANY])
    whole: dict[int, int] = {}
    for ids, start in zip(tokens.chunks, tokens.starts, strict=True):
        for place, token in enumerate(ids[1:-1].tolist(), start):
            assert whole.setdefault(place, token) == token
    assert sorted(whole) == [place for place, word in enumerate(tokens.words) if word != NO_WORD]
