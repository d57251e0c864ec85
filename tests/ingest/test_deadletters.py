from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec import structs

from ingest.deadletters import (
    DEAD_LETTERS,
    LETTER_BYTES,
    REASONS,
    Letter,
    dead_letter,
    destination_of,
    letters,
    marks,
    put_back,
)
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Kept, LogAway, Message, Place, Record
from tests.ingest.dying import Dying
from tests.publishing import publish

NEWS = Place("news", 0)
NOW = 1_772_357_400 * SECOND


@pytest.fixture
def logs(tmp_path: Path) -> EmbeddedLogs:
    made = EmbeddedLogs(tmp_path / "bellwether.db", lambda: NOW)
    made.ensure([Kept("news"), DEAD_LETTERS])
    return made


def bad(offset: int, value: bytes | None = b"{torn", key: bytes | None = b"k") -> Record:
    return Record(offset, NOW - SECOND, key, value)


def dead(*offsets: int) -> list[Message]:
    return [dead_letter(NEWS, bad(offset), "not_json", f"sentence {offset}", NOW) for offset in offsets]


def in_news(logs: EmbeddedLogs) -> list[bytes | None]:
    return [record.value for record in logs.scan("news")]


def mended(logs: EmbeddedLogs) -> list[tuple[Letter, bytes]]:
    return [(letter, b"mended %d" % letter.offset) for letter in letters(logs)]


def replay(logs: EmbeddedLogs, repaired: Iterable[tuple[Letter, bytes]]) -> tuple[int, int]:
    writer = logs.writer()
    try:
        return put_back(logs, writer, repaired, NOW)
    finally:
        writer.close()


def test_a_letter_is_written_whatever_the_instant_of_its_record() -> None:
    headers = dict(dead_letter(NEWS, structs.replace(bad(1), appended_at=2**80), "future", "sentence", NOW).headers)
    assert headers["appended_at"].startswith(b"9999-12-31T23:59:59")


def test_a_letter_keeps_the_bytes_the_reason_the_place_and_the_time(logs: EmbeddedLogs) -> None:
    publish(logs, dead_letter(NEWS, bad(17, b"\xff\x00{"), "not_utf8", "Byte 0 – 银行.", NOW))
    (letter,) = letters(logs)
    assert letter == Letter(
        number=letter.number,
        place=NEWS,
        offset=17,
        reason="not_utf8",
        sentence="Byte 0 – 银行.",
        dead_at="2026-03-01T09:30:00Z",
        appended_at="2026-03-01T09:29:59Z",
        key=b"k",
        value=b"\xff\x00{",
        size=3,
    )
    assert not letter.cut
    (record,) = logs.scan(DEAD_LETTERS.log)
    assert record.key == b"news/0/17"


def test_a_record_without_key_and_value_is_kept_too(logs: EmbeddedLogs) -> None:
    publish(logs, dead_letter(NEWS, bad(1, None, None), "no_value", "Nothing.", NOW))
    (letter,) = letters(logs)
    assert (letter.key, letter.value, letter.cut) == (None, None, False)


def test_a_record_too_large_for_a_broker_is_cut_and_says_so(logs: EmbeddedLogs) -> None:
    publish(logs, dead_letter(NEWS, bad(1, b"x" * (LETTER_BYTES + 5)), "too_large", "Too large.", NOW))
    (letter,) = letters(logs)
    assert letter.cut
    assert letter.size == LETTER_BYTES + 5
    assert letter.value == b"x" * LETTER_BYTES


def test_a_sentence_of_any_length_and_content_can_be_kept(logs: EmbeddedLogs) -> None:
    publish(logs, dead_letter(NEWS, bad(1), "not_json", "\ud800" + "x" * 10_000, NOW))
    (letter,) = letters(logs)
    assert len(letter.sentence) == 500


def test_each_reason_has_one_line() -> None:
    assert all(reason.isidentifier() and line and "\n" not in line for reason, line in REASONS.items())


def test_a_letter_written_twice_by_a_crash_is_one_letter(logs: EmbeddedLogs) -> None:
    publish(logs, *dead(1, 2), *dead(1, 2))
    assert [letter.offset for letter in letters(logs)] == [1, 2]


def test_the_same_place_of_a_log_that_was_made_again_is_another_letter(logs: EmbeddedLogs) -> None:
    again = structs.replace(bad(1), appended_at=NOW)
    publish(logs, *dead(1), dead_letter(NEWS, again, "not_json", "Again.", NOW))
    assert len(list(letters(logs))) == 2


def test_each_destination_has_its_own_letter_about_the_same_alert(logs: EmbeddedLogs) -> None:
    (about,) = dead(1)
    publish(
        logs, *(structs.replace(about, headers=(*about.headers, ("destination", name))) for name in (b"desk", b"pager"))
    )
    desk, pager = mended(logs)
    assert [letter.destination for letter, _ in (desk, pager)] == ["desk", "pager"]
    assert replay(logs, [desk]) == (1, 0)
    assert marks(logs) == {desk[0].name: "done"}
    assert replay(logs, [desk, pager]) == (1, 1)
    assert in_news(logs) == [b"mended 1", b"mended 1"]
    assert [destination_of(record) for record in logs.scan("news")] == ["desk", "pager"]


def test_a_repaired_letter_goes_back_to_its_place_with_its_key_once(logs: EmbeddedLogs) -> None:
    publish(logs, *dead(1, 2))
    assert replay(logs, mended(logs)) == (2, 0)
    assert replay(logs, mended(logs)) == (0, 2)
    assert in_news(logs) == [b"mended 1", b"mended 2"]
    assert [record.key for record in logs.scan("news")] == [b"k", b"k"]
    assert [destination_of(record) for record in logs.scan("news")] == ["", ""]
    assert set(marks(logs).values()) == {"done"}
    assert [letter.offset for letter in letters(logs)] == [1, 2]


def test_a_letter_named_twice_in_one_replay_goes_back_once(logs: EmbeddedLogs) -> None:
    publish(logs, *dead(1))
    assert replay(logs, mended(logs) * 2) == (1, 1)
    assert in_news(logs) == [b"mended 1"]


@pytest.mark.parametrize("flushes", range(8))
def test_a_replay_that_is_killed_anywhere_and_begun_again_puts_each_back_once(logs: EmbeddedLogs, flushes: int) -> None:
    publish(logs, *dead(*range(501)))
    dying = Dying(logs.writer(), flushes)
    try:
        put_back(logs, dying, mended(logs), NOW)
    except LogAway:
        assert flushes < 6
    dying.close()
    replay(logs, mended(logs))
    assert in_news(logs) == [b"mended %d" % offset for offset in range(501)]
    assert set(marks(logs).values()) == {"done"}


def test_a_replay_finds_what_went_out_before_it_was_killed(logs: EmbeddedLogs) -> None:
    """Published and durable, but not confirmed: found in the log by its name."""
    publish(logs, *dead(1))
    dying = Dying(logs.writer(), 2)
    with pytest.raises(LogAway):
        put_back(logs, dying, mended(logs), NOW)
    dying.close()
    assert in_news(logs) == [b"mended 1"]
    assert marks(logs) == {"news/0/1@2026-03-01T09:29:59Z": "begun"}
    assert replay(logs, mended(logs)) == (0, 1)
    assert in_news(logs) == [b"mended 1"]
