from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ingest.times import UnreadableTime, read_time

SHANGHAI = ZoneInfo("Asia/Shanghai")
HALF_PAST_NINE = datetime(2026, 3, 1, 9, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T09:30:00+08:00",
        "2026-03-01T01:30:00Z",
        "2026-03-01t01:30:00.000z",
        "2026-03-01 09:30:00+0800",
        "2026-03-01T09:30+08",
        "2026-03-01 07:00 +05:30",
        "2026-02-28 22:00:00,000 -0330",
        "20260301T013000Z",
        "20260301T093000.000+08:00",
        "Sun, 01 Mar 2026 01:30:00 GMT",
    ],
)
def test_a_time_with_its_zone_needs_no_other(written: str) -> None:
    assert read_time(written) == (HALF_PAST_NINE, True)


@pytest.mark.parametrize(
    "written",
    ["2026-03-01 09:30", "2026/3/1 9:30:00", "2026.03.01 09:30", "2026年3月1日 09:30", "2026年03月01日09:30",
     "20260301T093000", "Sun, 01 Mar 2026 09:30:00", "1 Mar 2026 09:30", "Sun Mar  1 09:30:00 2026"],
)  # fmt: skip
def test_a_time_without_zone_is_read_in_the_zone_given_and_refused_without(written: str) -> None:
    assert read_time(written, SHANGHAI) == (HALF_PAST_NINE, True)
    with pytest.raises(UnreadableTime, match="has no time zone; add one, or set `timezone`"):
        read_time(written)


@pytest.mark.parametrize(
    "written",
    ["2026-03-01", "2026/3/1", "20260301", "2026年3月1日", "Sun, 01 Mar 2026", "1 March 2026", "Sunday, 01 Mar 2026"],
)
def test_of_a_bare_date_only_the_day_is_known(written: str) -> None:
    assert read_time(written, SHANGHAI) == (datetime(2026, 3, 1, tzinfo=SHANGHAI), False)
    with pytest.raises(UnreadableTime, match="date without a time zone"):
        read_time(written)


def test_the_zone_in_the_text_wins_over_the_one_given() -> None:
    assert read_time("2026-03-01T01:30:00Z", SHANGHAI).at == HALF_PAST_NINE


def test_a_mail_that_does_not_say_where_it_was_written_says_its_time_in_utc() -> None:
    assert read_time("Sun, 01 Mar 2026 01:30:00 -0000", ZoneInfo("America/New_York")).at == HALF_PAST_NINE


@pytest.mark.parametrize(
    "written",
    ["Sun, 01 Mar 2026 09:30:00 +0800", "Sun, 01 Mar 2026 09:30:00+0800", "Sun, 01 Mar 2026 09.30 +0800 (CST)",
     "Sun Mar 01 09:30:00 +0800 2026", "Sun, 01 Mar 2026 09:30:00 CST", "Sun Mar 01 09:30:00 CST 2026"],
)  # fmt: skip
def test_a_mailed_zone_is_an_offset_or_a_name_that_the_zone_given_has(written: str) -> None:
    assert read_time(written, SHANGHAI) == (HALF_PAST_NINE, True)


def test_a_name_that_the_zone_given_has_not_then_is_that_of_mails() -> None:
    """Chicago's clocks go by CDT in July; Kolkata's IST is in no mail's list."""
    for zone in (None, SHANGHAI, ZoneInfo("America/Chicago")):
        assert read_time("Wed, 01 Jul 2026 09:30:00 EST", zone).at == datetime(2026, 7, 1, 14, 30, tzinfo=UTC)
    chicago = read_time("Wed, 01 Jul 2026 09:30:00 CST", ZoneInfo("America/Chicago"))
    assert chicago.at == datetime(2026, 7, 1, 15, 30, tzinfo=UTC)
    kolkata = read_time("Sun Mar 01 09:30:00 IST 2026", ZoneInfo("Asia/Kolkata"))
    assert kolkata.at == datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["+8", "-0860", "+080", "8", "0800", "+٨", "+8_00"])
def test_an_offset_that_is_not_hours_and_minutes_is_not_guessed(zone: str) -> None:
    for written in (f"Sun, 01 Mar 2026 09:30:00 {zone}", f"Sun Mar 01 09:30:00 {zone} 2026"):
        with pytest.raises(UnreadableTime, match="whose time zone cannot be told"):
            read_time(written, SHANGHAI)


@pytest.mark.parametrize("zone", ["GMT +0800", "UTC +08:00", "UTC +8", "CST +0800", "EST +0800"])
def test_of_a_zone_in_two_words_neither_is_taken(zone: str) -> None:
    for written in (f"Sun, 01 Mar 2026 09:30:00 {zone}", f"Sun Mar 01 2026 09:30:00 {zone}"):
        with pytest.raises(UnreadableTime, match="whose time zone cannot be told"):
            read_time(written, SHANGHAI)


def test_behind_a_zone_there_may_be_a_comment_and_behind_an_offset_its_name() -> None:
    for zone, hour in (("EST (-0500)", 14), ("+0800 (CST)", 1), ("+0800 CST", 1)):
        assert read_time(f"Sun, 01 Mar 2026 09:30:00 {zone}").at == datetime(2026, 3, 1, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["CET", "+08:00", "GMT+8", "PM"])
def test_a_zone_that_is_not_known_is_not_replaced_by_the_one_given(zone: str) -> None:
    with pytest.raises(UnreadableTime, match="whose time zone cannot be told"):
        read_time(f"Sun, 01 Mar 2026 09:30:00 {zone}", SHANGHAI)


@pytest.mark.parametrize(
    ("value", "epoch"),
    [(1772328600, "s"), ("1772328600", "s"), (1772328600.0, "s"), (1772328600000, "ms"), ("1772328600000000000", "ns")],
)
def test_numbers_are_read_in_the_unit_given(value: object, epoch: str) -> None:
    assert read_time(value, epoch=epoch) == (HALF_PAST_NINE, True)
    with pytest.raises(UnreadableTime):
        read_time(value)


def test_decimals_of_a_second_follow_a_point_or_a_comma_and_those_beyond_a_microsecond_are_cut() -> None:
    for written in ("2026-03-01 01:30:00.1234567Z", "2026-03-01 01:30:00,123456Z"):
        assert read_time(written).at.microsecond == 123456


def test_a_microsecond_survives_being_a_number() -> None:
    assert read_time("1772328600.123456", epoch="s").at.microsecond == 123456


@pytest.mark.parametrize(("value", "epoch"), [(1772328600, "ms"), (1772328600000, "s"), (0, "s"), ("9" * 20, "ms")])
def test_a_number_in_the_wrong_unit_is_refused(value: object, epoch: str) -> None:
    with pytest.raises(UnreadableTime):
        read_time(value, epoch=epoch)


@pytest.mark.parametrize(
    "written",
    [
        "", "yesterday", "2026-02-30T09:30:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:30:00+25:00", "01/03/2026",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "2026-3/1", "x" * 10_000, "２０２６-03-01T09:30:00Z",
        "2026-03-01T09:30:00+05:99", "2026-03-01 09:30 +0560", "Sun, 01 Mar 2026 09:30:00 +9999",
        "Wed, 30 Nov -0001 00:00:00 +0000", "Sat, 01 Jan 0001 00:00:00 GMT", "30-Nov-0000 00:00:00 GMT",
        "Wed, 30 Nov 0001", "31 Feb 2026", "20260301T250000Z", "20260301T0930",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_a_short_sentence(written: str) -> None:
    with pytest.raises(UnreadableTime) as refused:
        read_time(written, UTC)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("Sun, 31 February 2026 09:30 PM CET", '"Sun, 31 February 2026 09:30 PM CET"'),
        ("2026年2月30日下午9:30", '"2026年2月30日下午9:30"'),
        ("31/12/2026", '"31/12/2026"'),
        ("yesterday", '"yesterday"'),
        ("Northwind Bank halts withdrawals", "a text of 32 characters"),
        ("王伟 1985", "a text of 7 characters"),
        ("5 March Road, May 7", "a text of 19 characters"),
        ("9" * 70, "a text of 70 characters"),
        ("", "a text of 0 characters"),
    ],
)
def test_what_is_refused_is_quoted_only_where_it_looks_like_a_time(value: str, told: str) -> None:
    with pytest.raises(UnreadableTime) as refused:
        read_time(value, UTC)
    assert str(refused.value).startswith(f"{told}, ")


@pytest.mark.parametrize("value", [None, True, [], {}])
def test_what_is_no_text_and_no_number_is_of_the_wrong_type(value: object) -> None:
    with pytest.raises(UnreadableTime) as refused:
        read_time(value, UTC, "s")
    assert refused.value.wrong_type


def test_a_leap_second_counts_as_the_one_before_it() -> None:
    assert read_time("2016-12-31T23:59:60Z").at == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
