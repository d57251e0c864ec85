from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerting.alerts import alert_message
from alerting.cases import Entry, entry_message
from alerting.console.view import MOST_ALERTS
from bellwether.cli import cli
from bellwether.clock import now
from bellwether.opening import open_logs
from bellwether.settings import read_settings
from ingest.instants import DAY, HOUR, moment
from tests.alerting.console.shown import SCRIPT, showing
from tests.alerting.told import OPENED, told
from tests.publishing import publish


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with showing(tmp_path, "", with_tokens=False) as shown:
        said = Entry(at=moment(OPENED), who="ann", alert="a1", incident="a1", act="confirm", text=f"so {SCRIPT}")
        publish(shown.logs, entry_message(said))
    return tmp_path


def written(folder: Path, start: str, end: str, language: str) -> str:
    out = folder / "report.html"
    arguments = ["--config", str(folder / "bellwether.toml"), "report", "--from", start, "--to", end]
    done = CliRunner().invoke(cli, [*arguments, "--language", language, "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out.read_text("utf-8")


def test_a_report_has_the_incidents_of_its_days_and_needs_no_other_file(folder: Path) -> None:
    page = written(folder, "2026-03-01", "2026-03-02", "en")
    assert datetime(2026, 3, 1, tzinfo=UTC) < moment(OPENED)
    assert "<h1>Incidents, 2026-03-01 to 2026-03-01</h1>" in page
    assert page.count('<section id="i') == 2
    assert "1 confirmed, 0 dismissed, 0 corrected" in page
    assert "2 not judged" in page
    assert "once in 40 days" in page
    assert 'href="/' not in page.replace('href="/subjects', "")
    assert "<link" not in page
    assert "src=" not in page.replace("src=x", "")


def test_a_share_is_told_of_stories_and_texts_are_told_apart(folder: Path) -> None:
    english, chinese = (written(folder, "2026-03-01", "2026-03-02", language) for language in ("en", "zh"))
    assert "12 stories where 6.5 are usual. Of 12 stories 9 are negative, 75\N{NO-BREAK SPACE}% where 20" in english
    assert "From 7 sources. With 28 copies 40 texts in all." in english
    assert "<td>9 of 12</td>" in english
    assert "12 条不同报道，平时为 6.5 条；12 条不同报道中负面 9 条，占 75\N{NO-BREAK SPACE}%" in chinese
    assert "来自 7 个来源；连同 28 篇转载，共 40 篇文本。" in chinese


def test_a_report_leaves_no_old_incident_out(folder: Path) -> None:
    later = (told(f"b{n}", opened_at=moment(OPENED + DAY)) for n in range(MOST_ALERTS))
    with closing(open_logs(read_settings(folder / "bellwether.toml"), now)) as logs:
        publish(logs, *map(alert_message, later))
    assert written(folder, "2026-03-01", "2026-03-02", "en").count('<section id="i') == 2


def test_a_report_counts_what_nobody_took_up_in_time_also_where_somebody_did_later(folder: Path) -> None:
    tile = "<dt>{}</dt><dd><b>{}</b>"
    assert tile.format("Not taken up in time", 0) in written(folder, "2026-03-01", "2026-03-02", "en")
    with closing(open_logs(read_settings(folder / "bellwether.toml"), now)) as logs:
        said = Entry(at=moment(now() + 3 * HOUR), who="ann", alert="a3", incident="a3", act="acknowledge")
        publish(logs, entry_message(said))
    assert tile.format("Not taken up in time", 1) in written(folder, "2026-03-01", "2026-03-02", "en")
    assert tile.format("未按时接手", 1) in written(folder, "2026-03-01", "2026-03-02", "zh")


def test_a_report_speaks_chinese_too(folder: Path) -> None:
    assert "流动性与挤兑：如此多的负面内容大约40 天一遇。" in written(folder, "2026-03-01", "2026-03-02", "zh")


def test_what_is_foreign_is_escaped_in_a_report(folder: Path) -> None:
    page = written(folder, "2026-03-01", "2026-03-02", "en")
    assert "<script" not in page
    assert "<b>Bank" not in page
    assert "javascript:" not in page


def test_days_without_incidents_are_told_to_be_so(folder: Path) -> None:
    assert "No incident was told in this time." in written(folder, "2026-02-01", "2026-03-01", "en")
    assert "No incident was told in this time." in written(folder, "2026-03-02", "2026-03-03", "en")


def test_a_part_of_a_day_is_told_by_its_hours(folder: Path) -> None:
    page = written(folder, "2026-03-01T09:00", "2026-03-01T10:30", "en")
    assert "<h1>Incidents, 2026-03-01 09:00 to 2026-03-01 10:30</h1>" in page
