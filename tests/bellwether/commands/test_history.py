"""What can be asked of scores that are kept: other budgets, one alert again, a chart."""

import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from alerting.alerts import ALERTS, alert_message, decode_alert
from bellwether.cli import cli
from bellwether.clock import now
from classifier.packing import encode_range
from classifier.scores import SCORES, decode_range
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY
from ingest.logs import Message
from tests.alerting.made import ordinary, score_range
from tests.bellwether.commands.calls import Caller
from tests.bellwether.commands.test_replay import MAPPED, START, alerts, history, jsonl
from tests.publishing import publish

CRISIS = "2026-03-11"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a replay with a crisis on its eleventh day, its log kept."""
    folder = tmp_path_factory.mktemp("history")
    jsonl(folder / "news.jsonl", history())
    arguments = ["replay", str(folder / "news.jsonl"), "--out", str(folder / "found"), *MAPPED, "--keep"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    return folder / "found"


def crises(folder: Path) -> list[str]:
    return [alert["id"] for alert in alerts(folder) if alert["opened_at"].startswith(CRISIS)]


def test_an_alert_computed_again_is_the_same(call: Caller, kept: Path) -> None:
    assert crises(kept)
    for alert in crises(kept):
        done = call("replay", "--scores", str(kept / "replay.db"), "--alert", alert)
        assert done.code == 0, done.out
        assert "documents negative" in done.out
        assert done.out.endswith("the same\n")


def test_an_alert_is_the_same_though_floors_were_raised_since(call: Caller, kept: Path, tmp_path: Path) -> None:
    first = next(alert for alert in alerts(kept) if alert["opened_at"].startswith(CRISIS))
    topic = first["subject"]["name"]
    (tmp_path / "bellwether.toml").write_text(f"[alerts.topic.{topic}]\nmin_negatives = 500\n")
    done = call("replay", "--scores", str(kept / "replay.db"), "--alert", first["id"])
    assert done.code == 0, done.out
    assert done.out.endswith("the same\n")


@pytest.mark.parametrize(("field", "value"), [("return_period_days", 1.5), ("negatives", 2), ("sources", 99)])
def test_an_alert_that_was_changed_is_not_the_same(
    call: Caller, kept: Path, tmp_path: Path, field: str, value: float
) -> None:
    shutil.copy(kept / "replay.db", tmp_path / "replay.db")
    logs = EmbeddedLogs(tmp_path / "replay.db", now)
    first = next(decode_alert(record.value or b"") for record in logs.scan(ALERTS.log))
    writer = logs.writer()
    writer.publish(alert_message(replace(first, **{field: value})))
    writer.flush()
    writer.close()
    logs.close()
    done = call("replay", "--scores", "replay.db", "--alert", first.id)
    assert done.code == 1
    assert f"differs: {field}: {value} in the alert" in done.out
    assert done.out.endswith("not the same\n")


def test_of_an_alert_that_is_not_there_nothing_is_made_up(call: Caller, kept: Path) -> None:
    done = call("replay", "--scores", str(kept / "replay.db"), "--alert", "0123456789abcdef")
    assert done.code == 2
    assert "There is no alert 0123456789abcdef" in done.err


def test_a_smaller_budget_makes_alerts_vanish_and_says_which(call: Caller, kept: Path) -> None:
    assert call("replay", "--scores", str(kept / "replay.db"), "--out", "usual").code == 0
    assert call("replay", "--scores", str(kept / "replay.db"), "--out", "small", "--budget", "0.001").code == 0
    gone = len(alerts(Path("usual"))) - len(alerts(Path("small")))
    assert gone > 0
    done = call("whatif", "--scores", str(kept / "replay.db"), "--budget", "0.001")
    assert done.code == 0
    assert "would appear: 0" in done.out
    assert f"would vanish: {gone}" in done.out
    assert f"budget 0.001: {len(alerts(Path('small')))} alerts" in done.out


@pytest.mark.parametrize("out", [".", "linked"])
@pytest.mark.parametrize("source", [["--scores", "replay.db"], ["--kept"], ["news.jsonl"]])
def test_a_replay_does_not_replace_the_log_it_reads_or_the_services(
    call: Caller, kept: Path, tmp_path: Path, source: list[str], out: str
) -> None:
    shutil.copy(kept / "replay.db", tmp_path / "replay.db")
    (tmp_path / "news.jsonl").touch()
    (tmp_path / "linked").symlink_to(tmp_path)
    if source[0] != "--scores":
        (tmp_path / "bellwether.toml").write_text('[log]\npath = "replay.db"\n')
    before = sorted(path.name for path in tmp_path.iterdir())
    done = call("replay", *source, "--out", out, "--keep", "--to", "2026-03-03")
    assert done.code == 2
    assert "would be replaced by what --keep leaves: name another --out" in done.err.replace("\n", " ")
    assert (tmp_path / "replay.db").read_bytes() == (kept / "replay.db").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_file_is_not_replaced_by_the_alerts_found_in_it(call: Caller, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "alerts.jsonl", history(days=1))
    before = file.read_bytes()
    done = call("replay", "alerts.jsonl", "--out", ".", *MAPPED)
    assert done.code == 2
    assert "alerts.jsonl would be replaced by the alerts: name another --out" in done.err.replace("\n", " ")
    assert file.read_bytes() == before


def test_a_file_is_not_replaced_by_what_is_rejected_in_another(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", [{"id": "x"}])
    (tmp_path / "found").mkdir()
    repaired = jsonl(tmp_path / "found" / "a.jsonl.rejects.jsonl", history(days=1))
    before = repaired.read_bytes()
    done = call("replay", "a.jsonl", "found/a.jsonl.rejects.jsonl", "--out", "found", *MAPPED)
    assert done.code == 2
    says = "would go over found/a.jsonl.rejects.jsonl, which is to be read: name another --out"
    assert says in done.err.replace("\n", " ")
    assert repaired.read_bytes() == before


def test_alerts_before_a_date_are_left_out_and_their_past_is_not(call: Caller, kept: Path) -> None:
    database = str(kept / "replay.db")
    assert call("replay", "--scores", database, "--out", "late", "--from", CRISIS).code == 0
    assert [each["id"] for each in alerts(Path("late"))] == [
        each["id"] for each in alerts(kept) if each["opened_at"] >= CRISIS
    ]
    assert call("replay", "--scores", database, "--out", "early", "--to", CRISIS).code == 0
    assert crises(Path("early")) == []


def test_what_is_read_later_tells_nothing_of_an_event_that_goes_on_at_the_date(
    call: Caller, kept: Path, tmp_path: Path
) -> None:
    """Hours without documents would end it, and the service may have gone on reading for days."""
    shutil.copy(kept / "replay.db", tmp_path / "service.db")
    (tmp_path / "bellwether.toml").write_text('[log]\npath = "service.db"\n')
    logs = EmbeddedLogs(tmp_path / "service.db", now)
    *_, last = logs.scan(SCORES.log)
    quiet = replace(decode_range(last.value or b""), final=False, read_at=START + 12 * DAY)
    publish(logs, Message(SCORES.log, encode_range(quiet)))
    logs.close()
    assert call("replay", "--kept", "--out", "early", "--to", f"{CRISIS}T02:00").code == 0
    assert crises(Path("early"))
    assert {alert["closed_at"] for alert in alerts(Path("early")) if alert["opened_at"] >= CRISIS} == {None}


def test_files_are_read_up_to_a_date(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", history(days=3))
    done = call("replay", "news.jsonl", "--out", "found", *MAPPED, "--to", "2026-03-02")
    assert done.code == 0, done.err
    assert "72 documents in" in done.out


def test_what_is_told_of_a_period_is_counted_in_it(call: Caller, kept: Path, tmp_path: Path) -> None:
    database = str(kept / "replay.db")
    whole = call("replay", "--scores", database, "--out", "whole").out
    first = call("replay", "--scores", database, "--out", "first", "--to", CRISIS).out
    rest = call("replay", "--scores", database, "--out", "rest", "--from", CRISIS).out
    pattern = r"([\d,]+) documents in ([\d.]+) weeks; ([\d,]+) windows"
    of_whole, of_first, of_rest = (
        [float(number.replace(",", "")) for number in re.findall(pattern, out)[0]] for out in (whole, first, rest)
    )
    assert of_whole == [of_first[0] + of_rest[0], pytest.approx(of_first[1] + of_rest[1]), of_first[2] + of_rest[2]]
    assert of_rest[0] < of_first[0]


@pytest.mark.parametrize("command", [("replay", "--out", "found"), ("whatif", "--budget", "3")])
@pytest.mark.parametrize("end", ["2026-03-05", "2026-03-06"])
def test_an_empty_period_is_refused(call: Caller, kept: Path, command: tuple[str, ...], end: str) -> None:
    done = call(*command, "--scores", str(kept / "replay.db"), "--from", "2026-03-06", "--to", end)
    assert done.code == 2
    assert "--from must be before --to" in done.err


def test_a_chart_marks_the_alert_where_the_share_rises(call: Caller, kept: Path) -> None:
    done = call("replay", "--scores", str(kept / "replay.db"), "--out", "found", "--chart")
    assert done.code == 0
    subject = next(alert["subject"]["name"] for alert in alerts(kept) if alert["id"] in crises(kept))
    lines = done.out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(f"topic/{subject}: "))
    marks, share = lines[place + 1], lines[place + 2]
    column = max(marks.rfind("▲"), marks.rfind("◆"))
    assert share[column] > share[column - 20]


def test_the_scores_that_the_service_keeps_are_watched_again(call: Caller, kept: Path, tmp_path: Path) -> None:
    shutil.copy(kept / "replay.db", tmp_path / "service.db")
    (tmp_path / "bellwether.toml").write_text('[log]\npath = "service.db"\n')
    logs = EmbeddedLogs(tmp_path / "service.db", now)
    before = len(list(logs.scan(SCORES.log)))
    assert call("replay", "--kept", "--out", "again").code == 0
    assert alerts(tmp_path / "again") == alerts(kept)
    assert len(list(logs.scan(SCORES.log))) == before
    assert call("replay", "--alert", crises(kept)[0]).code == 0
    assert "would vanish: 0" in call("whatif", "--budget", "5").out
    logs.close()


def service(folder: Path, kept: Path, inputs: Sequence[str], **changes: object) -> None:
    """Settings with these inputs, and a log of the service that holds the kept scores, changed so."""
    toml = "".join(f'[[input]]\nkafka_topic = "{name}"\n' for name in inputs)
    (folder / "bellwether.toml").write_text(f'[log]\npath = "service.db"\n{toml}')
    with (
        closing(EmbeddedLogs(kept / "replay.db", now)) as before,
        closing(EmbeddedLogs(folder / "service.db", now)) as logs,
    ):
        logs.ensure([SCORES, ALERTS])
        ranges = [decode_range(record.value or b"") for record in before.scan(SCORES.log)]
        publish(logs, *[Message(SCORES.log, encode_range(replace(each, **changes))) for each in ranges])


def test_what_a_replay_of_the_services_scores_has_kept_is_replayed_whatever_its_inputs_are_called(
    call: Caller, kept: Path, tmp_path: Path
) -> None:
    service(tmp_path, kept, ["news"], log="news")
    assert call("replay", "--kept", "--out", "one", "--keep").code == 0
    assert call("replay", "--scores", "one/replay.db", "--out", "two").code == 0
    assert crises(tmp_path / "one")
    assert alerts(tmp_path / "two") == alerts(tmp_path / "one")
    assert "would vanish: 0" in call("whatif", "--budget", "5", "--scores", "one/replay.db").out


def test_an_input_or_a_partition_without_kept_scores_is_not_waited_for(
    call: Caller, kept: Path, tmp_path: Path
) -> None:
    service(tmp_path, kept, ["news", "comments"], log="news", partitions=2, final=False)
    done = call("replay", "--kept", "--out", "found")
    assert done.code == 0
    assert "no scores of comments are kept" in done.err
    assert crises(tmp_path / "found")
    assert "no scores of comments are kept" in call("whatif", "--budget", "5").err


def test_scores_of_other_inputs_alone_are_told_in_a_sentence(call: Caller, kept: Path, tmp_path: Path) -> None:
    service(tmp_path, kept, ["comments"], log="news")
    done = call("replay", "--kept", "--out", "found")
    assert done.code == 2
    assert "holds scores of news, and of no input in the settings: comments" in done.err.replace("\n", " ")


def test_of_what_a_crash_has_written_twice_a_replay_tells_once(call: Caller, tmp_path: Path) -> None:
    documents = ordinary(7)
    ranges = [
        score_range(documents[begin : begin + 50], dead=int(begin == 500)) for begin in range(0, len(documents), 50)
    ]
    with closing(EmbeddedLogs(tmp_path / "kept.db", now)) as logs:
        logs.ensure([SCORES])
        publish(logs, *(Message(SCORES.log, encode_range(each)) for each in [*ranges, *ranges[8:12], ranges[-1]]))
    done = call("replay", "--scores", "kept.db", "--out", "found")
    assert done.code == 3, done.err
    assert "1,008 documents in 1.0 weeks" in done.out
    assert "1 lines or records were no documents" in done.out
