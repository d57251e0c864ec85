from datetime import UTC, datetime, timedelta

from alerting.alerts import Subject
from alerting.counting.windows import Window
from bellwether.terminal_chart import charts
from ingest.instants import DAY, HOUR, MINUTE, SECOND, instant
from tests.alerting.told import told

START = datetime(2026, 3, 1, tzinfo=UTC)


def window(hour: int, documents: int, negatives: int, name: str = "fx") -> Window:
    start = START + timedelta(hours=hour)
    return Window(
        subject=Subject("topic", name),
        start=start,
        end=start + timedelta(minutes=1),
        revision=1,
        documents=documents,
        negatives=negatives,
        negative_mass=0,
        stories=documents,
        story_negatives=negatives,
        late=0,
        languages={},
        sources=1,
        artifact="a",
    )


def test_a_column_shows_its_share_its_volume_and_its_alert() -> None:
    windows = [window(hour, 4, 1) for hour in range(8)] + [window(8, 16, 16)]
    crisis = told(subject=Subject("topic", "fx"), opened_at=START + timedelta(hours=8, minutes=30))
    (chart,) = charts(windows, [crisis], instant(START), instant(START) + 10 * HOUR, 7 * DAY, width=10)
    assert (chart.subject, chart.documents, chart.alerts) == ("topic/fx", 48, 1)
    assert chart.share == "▂▂▂▂▂▂▂▂█ "
    assert chart.volume == "▂▂▂▂▂▂▂▂█ "
    assert chart.usual == "▂▂▂▂▂▂▂▂▂▄"
    assert chart.marks == "        ◆ "


def test_what_is_usual_goes_by_the_time_before_the_first_column_as_well() -> None:
    windows = [window(hour, 40, 30) for hour in range(30 * 24)]
    start = instant(START) + 28 * DAY
    (chart,) = charts(windows, [], start, start + 2 * DAY, 7 * DAY, width=12)
    assert (chart.documents, chart.usual) == (48 * 40, "▆" * 12)
    windows = [window(hour, 40, 30 if hour < 24 else 0) for hour in range(30 * 24)]
    (chart,) = charts(windows, [], start, start + 2 * DAY, 7 * DAY, width=12)
    assert chart.usual == "▁" * 12


def test_a_share_of_next_to_nothing_is_not_drawn() -> None:
    (chart,) = charts([window(0, 2, 2)], [], instant(START), instant(START) + 4 * HOUR, DAY, width=4)
    assert (chart.share, chart.volume) == ("    ", "█   ")


def test_subjects_with_alerts_come_first_then_the_busiest() -> None:
    windows = [window(0, 4, 0, "calm"), window(0, 9, 0, "busy"), window(0, 1, 1, "struck")]
    crisis = told(subject=Subject("topic", "struck"), opened_at=START)
    found = charts(windows, [crisis], instant(START), instant(START) + HOUR, DAY, width=4)
    assert [chart.subject for chart in found] == ["topic/struck", "topic/busy", "topic/calm"]


def test_what_reaches_over_the_ends_is_drawn_at_them() -> None:
    windows = [window(0, 4, 1), window(1, 5, 1), window(3, 6, 1)]
    late = told(subject=Subject("topic", "fx"), opened_at=START + timedelta(hours=3, minutes=1))
    start, end = instant(START) + 59 * SECOND, instant(START) + 3 * HOUR
    (chart,) = charts(windows, [late], start, end, DAY, width=1_000)
    assert (chart.documents, chart.alerts) == (15, 1)
    assert (chart.volume[0], chart.volume[-1], chart.marks[-1]) == ("▅", "█", "◆")
    (chart,) = charts(windows, [late], instant(START) + MINUTE, end, DAY)
    assert chart.documents == 11
