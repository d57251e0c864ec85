"""The board: what counts as open, how much of it is shown, and that it does not look at every window for every subject."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from alerting.alerts import Alert, Subject, alert_message
from alerting.console.answers import Answers
from alerting.console.incidents import Deadlines
from alerting.console.pages import LONG_OVER
from alerting.console.series import Windows
from alerting.console.view import View
from alerting.console.wording import Wording
from alerting.counting.windows import Window
from ingest.instants import MINUTE, moment
from tests.alerting.console.shown import Shown, showing
from tests.alerting.told import OPENED, told
from tests.publishing import publish
from tests.waiting import until

AT_ONCE = 'acknowledge_critical = "1ms"\nacknowledge_warning = "1ms"'


def window(subject: Subject, n: int) -> Window:
    start = OPENED - (n + 1) * MINUTE
    return Window(
        subject=subject, start=moment(start), end=moment(start + MINUTE), revision=1, documents=4, negatives=1,
        negative_mass=0, stories=4, story_negatives=1, late=0, languages={"en": 4}, sources=2, artifact="a1",
    )  # fmt: skip


def answers(subjects: list[Subject], count: int) -> Answers:
    """Of a view that holds `count` windows of each subject."""
    view = View()
    for subject in subjects:
        for n in range(count):
            view.windows.take(b"", window(subject, n))
    return Answers(view, Deadlines(), dict)


def over(name: str, revision: int = 1, **changes: object) -> Alert:
    return told(name, revision, state="closed", change="closed", closed_at=moment(OPENED + MINUTE), **changes)


def client_of(shown: Shown) -> httpx.Client:
    return httpx.Client(base_url=shown.url, trust_env=False)


def tile(page: str, name: str) -> tuple[int, str]:
    """The figure beneath a name, and what is noted beside it."""
    found = re.search(rf"<dt>{name}</dt><dd><b>(\d+)</b>(?: <span class=\"note\">(.*?)</span>)?", page)
    assert found, name
    return int(found[1]), found[2] or ""


def test_what_is_long_over_is_not_counted_as_open_and_shown_in_part(tmp_path: Path) -> None:
    with showing(tmp_path, AT_ONCE, with_tokens=False) as shown:
        gone = [over(f"b{n:02}", severity="warning") for n in range(LONG_OVER + 4)]
        publish(shown.logs, *map(alert_message, gone))
        with client_of(shown) as client:
            until(lambda: client.get(f"/incidents/{gone[-1].id}").status_code == 200)
            page, chinese = client.get("/").text, client.get("/", headers={"Accept-Language": "zh"}).text
            assert [tile(page, name)[0] for name in ("Critical, open", "Warnings, open")] == [1, 0]
            assert [tile(chinese, name)[0] for name in ("严重，进行中", "警告，进行中")] == [1, 0]
            waiting = len(gone) + 2  # a1 runs, a3 is over
            assert tile(page, "Waiting for somebody") == (waiting, f"{waiting} overdue")
            rows = re.findall(r'<a class="row overdue" href="/incidents/(\w+)"', page)
            assert (rows[0], len(rows)) == ("a1", 1 + LONG_OVER)
            assert '<a href="/incidents?stands=new">5 more that are over</a>' in page
            assert '<a href="/incidents?stands=new">另有 5 个已结束</a>' in chinese
            listed = re.findall(r'<a class="row overdue"', client.get("/incidents?stands=new").text)
            assert len(listed) == waiting


def test_the_board_says_that_nothing_is_open_also_when_something_waits(tmp_path: Path) -> None:
    with showing(tmp_path, AT_ONCE, with_tokens=False) as shown, client_of(shown) as client:
        assert "No incident is open." not in client.get("/").text
        publish(shown.logs, *(alert_message(over(name, 9, incident="a1")) for name in ("a1", "a2")))
        until(lambda: client.get("/api/incidents/a1").json()["state"] == "closed")
        page = client.get("/").text
        assert "Waiting longer than agreed" in page
        assert "No incident is open." in page
        assert "more that are over" not in page


def test_names_beyond_those_that_are_shown_are_left_out_of_the_page_and_not_of_the_answers() -> None:
    topics, names = [Subject("topic", "fx")], [Subject("entity", f"n{n}") for n in range(5)]
    asked = answers([*topics, *names], 2)
    whole = asked.board(OPENED)
    assert {each.subject for each in whole} == {*topics, *names}
    assert {len(each.points) for each in whole} == {48}
    assert [each.subject for each in asked.board(OPENED, names=3)] == [*names[:3], *topics]


def test_how_many_texts_are_usual_is_not_known_until_an_hour_lies_before_the_last_90_minutes() -> None:
    fx = Subject("topic", "fx")
    boards = [answers([fx], minutes).board(OPENED)[0] for minutes in (60, 95, 149, 150, 300)]
    assert [board.usual_documents for board in boards] == [None, None, None, 360, 360]  # 4 a minute
    said = Wording("en", ZoneInfo("UTC"))
    assert [said.number(board.usual_documents) for board in boards[-3:]] == ["–", "360", "360"]


def test_the_oldest_window_is_looked_for_once_and_not_for_each_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers([Subject("entity", f"n{n}") for n in range(20)], 2)
    look, looked = Windows.since.fget, []
    assert look is not None
    monkeypatch.setattr(Windows, "since", property(lambda held: looked.append(held) or look(held)))
    asked.board(OPENED)
    assert len(looked) == 1
