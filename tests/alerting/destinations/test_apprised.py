import json
import logging

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from alerting.destinations.answers import Away, Delivered, Partly, Refused
from alerting.destinations.apprised import Apprised
from alerting.destinations.wording import Letters
from tests.alerting.destinations import receiver
from tests.alerting.destinations.receiver import Receiver, nobody, receiving
from tests.alerting.told import OPENED, told


def apprised(there: Receiver, language: str = "en") -> Apprised:
    """By the scheme of apprise that posts plain JSON to any host."""
    url = there.url.replace("http://", "json://hush-user:hush-password@").replace("/hook", "/hush-path")
    return Apprised("desk", SecretStr(url), Letters(language))  # type: ignore[arg-type]


def test_an_alert_is_a_title_and_a_text() -> None:
    with receiving() as there:
        assert isinstance(apprised(there, "zh").deliver(told(), OPENED), Delivered)
    message = json.loads(there.requests[0].body)
    assert message["title"] == "【严重】流动性与挤兑：约 19 天一遇"
    assert message["message"].startswith("12 条报道中 9 条负面：占比 75 %")


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Refused), (404, Refused), (302, Refused), (429, Away), (500, Away), (503, Away)]
)
def test_a_status_that_apprise_tells_only_in_its_log_is_heard(status: int, kind: type) -> None:
    with receiving(status) as there:
        answer = apprised(there).deliver(told(), OPENED)
    assert isinstance(answer, kind)
    assert f"http_{status}" == answer.reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", [receiver.garbage, receiver.torn])
def test_an_answer_that_is_none_is_tried_again(bad: receiver.Answer) -> None:
    with receiving(bad) as there:
        destination = apprised(there)
        answer = destination.deliver(told(), OPENED)
        assert isinstance(answer, Away)
        assert isinstance(destination.deliver(told(), OPENED), Delivered)


def test_an_attempt_that_hangs_is_given_up_and_no_other_begins_until_it_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving(receiver.silence) as there:
        destination = apprised(there)
        with monkeypatch.context() as hasty:
            hasty.setattr("alerting.destinations.apprised.ATTEMPT_S", 0.2)
            reasons = [destination.deliver(told(), OPENED) for _ in range(3)]
        assert [answer.reason for answer in reasons if isinstance(answer, Away)] == ["timeout", "hanging", "hanging"]
        there.stopping.set()
        assert destination._attempt is not None
        assert destination._attempt.ended.wait(60)
        assert len(there.requests) == 1
        kinds = [type(destination.deliver(told(), OPENED)) for _ in range(2)]
        assert kinds == [Away, Delivered]  # how it ended, and another one


def test_an_attempt_that_was_taken_after_it_was_given_up_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(receiver.slow_yes, receiver.slow_yes) as there:
        destination = apprised(there)
        for name in ("a1", "a2"):
            with monkeypatch.context() as hasty:
                hasty.setattr("alerting.destinations.apprised.ATTEMPT_S", 0.2)
                assert isinstance(destination.deliver(told(name), OPENED), Away)
            assert destination._attempt is not None
            assert destination._attempt.ended.wait(60)
        assert len(there.requests) == 2  # what hung was about another one
        assert isinstance(destination.deliver(told("a2"), OPENED), Delivered)
        assert len(there.requests) == 2
        assert isinstance(destination.deliver(told("a2", 2), OPENED), Delivered)
    assert len(there.requests) == 3


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://user:hush@mail.example?to=a@b.example,c@d.example",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#hush/#other",
    ],
)
def test_a_url_with_several_targets_is_refused_because_nobody_knows_which_of_them_took_it(url: str) -> None:
    with pytest.raises(ValueError, match="make a destination for each") as caught:
        Apprised("desk", SecretStr(url), Letters())
    assert "hush" not in str(caught.value)


def test_a_long_text_comes_in_several_messages_without_sleeping_between_them() -> None:
    document = told().top_documents[0]
    long = told(top_documents=tuple(document for _ in range(1000)))
    with receiving() as there:
        destination, answers = apprised(there), []
        while not answers or isinstance(answers[-1], Partly):
            answers.append(destination.deliver(long, OPENED))
    texts = [json.loads(request.body)["message"] for request in there.requests]
    assert [text.split("\n")[0] for text in texts] == [f"({n}/{len(texts)})" for n in range(1, len(texts) + 1)]
    assert len(texts) > 1


@pytest.mark.parametrize(
    ("url", "limit", "field"),
    [
        ("mmost://127.0.0.1:{port}/0123456789", 4000, "text"),
        ("nctalk://u:p@127.0.0.1:{port}/room", 32_000, "message"),
        ("rocket://web/hook@127.0.0.1:{port}/#room?mode=webhook", 1000, "text"),  # of its Markdown
    ],
)
def test_a_long_text_and_its_title_fit_where_the_service_counts_them_as_one(url: str, limit: int, field: str) -> None:
    document = replace(told().top_documents[0], text="[青禾] *halts* (some) #withdrawals! " * 5)
    long = told(top_documents=tuple(document for _ in range(1000)))
    with receiving() as there:
        destination = Apprised("desk", SecretStr(url.format(port=there.server_port)), Letters("zh"))
        answers = [destination.deliver(long, OPENED)]
        while isinstance(answers[-1], Partly):
            answers.append(destination.deliver(long, OPENED))
    texts = [json.loads(request.body)[field] for request in there.requests]
    title = Letters("zh").write(long).title
    assert isinstance(answers[-1], Delivered)
    assert title in texts[0]
    assert limit // 2 < max(len(text.encode()) for text in texts) <= limit
    assert len(texts) > 1


@pytest.mark.parametrize("scheme", ["dingtalk", "feishu", "lark", "wecombot"])
def test_services_whose_codes_apprise_does_not_read_have_types_of_their_own(scheme: str) -> None:
    with pytest.raises(ValueError, match="apprise does not read the codes") as caught:
        Apprised("desk", SecretStr(f"{scheme}://hushhush"), Letters())
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["nosuch://hush", "slack://hush", "hush", "mailto://"])
def test_a_url_that_apprise_cannot_read_is_said_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="apprise knows no such URL") as caught:
        Apprised("desk", SecretStr(url), Letters())
    assert "hush" not in str(caught.value)


def test_nothing_secret_is_ever_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(200, 400, 500, receiver.garbage, 302) as there:
        destination = apprised(there)
        said = [repr(destination), *(repr(destination.deliver(told(), OPENED)) for _ in range(5))]
    with nobody() as port:
        said.append(repr(Apprised("d", SecretStr(f"json://hush:hush@127.0.0.1:{port}"), Letters()).deliver(told(), 0)))
    assert [each for each in [*said, caplog.text] if "hush" in each] == []
