import json
import logging
import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from alerting.destinations.answers import Away, Delivered, Partly, Refused
from alerting.destinations.chat import Chat
from alerting.destinations.posting import TIMEOUT_S, Address
from alerting.destinations.robots import ROBOTS, Kind
from alerting.destinations.wording import Letters
from tests.alerting.destinations import receiver
from tests.alerting.destinations.receiver import Handler, Receiver, receiving
from tests.alerting.told import OPENED, told

KINDS: tuple[Kind, ...] = ("dingtalk", "feishu", "wecom")
YES = {"dingtalk": {"errcode": 0, "errmsg": "ok"}, "feishu": {"code": 0, "msg": "success"}, "wecom": {"errcode": 0}}
TOO_FAST = {"dingtalk": {"errcode": 130101}, "feishu": {"code": 11232}, "wecom": {"errcode": 45009}}
BAD_TEXT = {"dingtalk": {"errcode": 430102}, "feishu": {"code": 9499}, "wecom": {"errcode": 40058}}
NO_ROBOT = {"dingtalk": {"errcode": 300001}, "feishu": {"code": 19001}, "wecom": {"errcode": 93000}}


def saying(answer: object) -> Callable[[Handler], None]:
    """HTTP 200 with this JSON: what these services answer whatever happened."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def answering(handler: Handler) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        handler.wfile.write(head.encode() + body)

    return answering


def chat(kind: Kind, there: Receiver, secret: str = "", language: str = "en", timeout_s: float = TIMEOUT_S) -> Chat:
    letters = Letters(language, ZoneInfo("Asia/Shanghai"))  # type: ignore[arg-type]
    address = Address("group", SecretStr(there.url + "?access_token=t0ken"), timeout_s=timeout_s)
    return Chat(kind, address, SecretStr(secret) if secret else None, letters)


def text_of(body: bytes) -> str:
    message = json.loads(body)
    return str((message.get("text") or message["content"]).get("content") or message["content"]["text"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_alert_is_a_text_in_the_services_own_json(kind: Kind) -> None:
    with receiving(saying(YES[kind])) as there:
        assert isinstance(chat(kind, there).deliver(told(), OPENED), Delivered)
    assert "access_token=t0ken" in there.requests[0].path
    text = text_of(there.requests[0].body)
    assert text.startswith("[CRITICAL] Liquidity run: once in 19 days\n9 of 12 stories negative: 75 %, usual 20 %")
    assert "青禾银行门前排起长队，储户要求提款 (wire, 2026-03-01 17:29 +08:00)" in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_inside_http_200_is_read(kind: Kind) -> None:
    answers = [TOO_FAST[kind], BAD_TEXT[kind], NO_ROBOT[kind]]
    with receiving(*map(saying, answers)) as there:
        destination = chat(kind, there)
        too_fast, bad_text, no_robot = [destination.deliver(told(), OPENED) for _ in answers]
    assert isinstance(too_fast, Away)
    assert too_fast.retry_after_s == 60
    assert isinstance(bad_text, Refused)
    assert isinstance(no_robot, Away)  # somebody may mend the robot: nothing is thrown away until the deadline
    assert str(next(iter(NO_ROBOT[kind].values()))) in no_robot.sentence


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"[]",
        b'{"ok": true}',
        b'{"errcode": "x", "code": null}',
        b"\xff",
        b'{"errcode": ' + b"[" * 60_000,
    ],
)
def test_http_200_without_a_code_is_no_yes(kind: Kind, body: bytes) -> None:
    with receiving(saying(body)) as there:
        answer = chat(kind, there).deliver(told(), OPENED)
    assert isinstance(answer, Away)
    assert answer.reason == "garbage"


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_comes_a_while_after_its_headers_is_waited_for(kind: Kind) -> None:
    body = json.dumps(YES[kind]).encode()

    def answering(handler: Handler) -> None:
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        receiver.stopping(handler).wait(1)
        handler.wfile.write(body)

    with receiving(answering) as there:
        assert isinstance(chat(kind, there).deliver(told(), OPENED), Delivered)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_came_whole_counts_though_its_last_chunk_is_missing(kind: Kind) -> None:
    body = json.dumps(YES[kind]).encode()

    def answering(handler: Handler) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        handler.wfile.write(head + b"%x\r\n%s\r\n" % (len(body), body))

    with receiving(answering) as there:
        assert isinstance(chat(kind, there).deliver(told(), OPENED), Delivered)
    assert len(there.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_cut_off_is_no_yes(kind: Kind) -> None:
    body = json.dumps(YES[kind]).encode()

    def answering(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body[:-1]))

    with receiving(answering) as there:
        answer = chat(kind, there).deliver(told(), OPENED)
    assert isinstance(answer, Away)
    assert answer.reason == "garbage"


def begun(status: int) -> Callable[[Handler], None]:
    """An answer whose body does not come to its end."""

    def answering(handler: Handler) -> None:
        handler.wfile.write(f"HTTP/1.1 {status} So\r\nContent-Length: 20\r\n\r\n{{".encode())
        receiver.stopping(handler).wait(20)

    return answering


def test_a_body_that_is_not_there_when_the_attempt_is_over_is_no_answer_unless_the_status_says_all() -> None:
    with receiving(begun(200), begun(400)) as there:
        missing = chat("wecom", there, timeout_s=1).deliver(told(), OPENED)
        refused = chat("wecom", there).deliver(told(), OPENED)
    assert isinstance(missing, Away)
    assert (missing.reason, missing.sentence.partition("... ")[2]) == ("timeout", "did not answer within 1 s")
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("kind", KINDS)
def test_http_errors_mean_what_they_mean_elsewhere(kind: Kind) -> None:
    with receiving(500, (429, {"Retry-After": "30"}), 400, receiver.garbage) as there:
        destination = chat(kind, there)
        down, busy, wrong, garbage = [destination.deliver(told(), OPENED) for _ in range(4)]
    assert isinstance(down, Away)
    assert isinstance(busy, Away)
    assert busy.retry_after_s == 30
    assert isinstance(wrong, Refused)
    assert isinstance(garbage, Away)


def test_dingtalk_is_signed_in_the_address() -> None:
    """The value was computed with openssl: `printf '1772357400000\nSEC1' | openssl dgst -sha256 -hmac SEC1 -binary | base64`."""
    with receiving(saying(YES["dingtalk"])) as there:
        chat("dingtalk", there, "SEC1").deliver(told(), OPENED)
    path = there.requests[0].path
    assert re.findall(r"[?&](access_token|timestamp)=([^&]*)", path) == [
        ("access_token", "t0ken"),
        ("timestamp", "1772357400000"),
    ]
    assert "sign=6cKoGT9nk9VEyQas1uMR3M5hXkHZyAcPoedu84qT8do%3D" in path


def test_feishu_is_signed_in_the_body() -> None:
    """The value was computed with openssl: `printf '' | openssl dgst -sha256 -hmac $'1772357400\nSEC1' -binary | base64`."""
    with receiving(saying(YES["feishu"])) as there:
        chat("feishu", there, "SEC1").deliver(told(), OPENED)
    message = json.loads(there.requests[0].body)
    assert (message["timestamp"], message["sign"]) == ("1772357400", "epybdgIkkGfJFGeM3Ei9qw1iT0qseEdI6ih1aYJXPpY=")


def test_a_robot_of_feishus_first_version_is_understood() -> None:
    with receiving(saying({"StatusCode": 0, "StatusMessage": "success"})) as there:
        assert isinstance(chat("feishu", there).deliver(told(), OPENED), Delivered)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_comes_in_numbered_messages_each_within_the_services_bytes(kind: Kind) -> None:
    document = told().top_documents[0]
    long = told(top_documents=tuple(document for _ in range(300)))
    with receiving() as there:
        there.otherwise = saying(YES[kind])
        destination = chat(kind, there, language="zh")
        answers = []
        while not answers or isinstance(answers[-1], Partly):
            answers.append(destination.deliver(long, OPENED))
    texts = [text_of(request.body) for request in there.requests]
    assert len(texts) == len(answers) > 1
    assert all(len(text.encode()) <= ROBOTS[kind].limit_bytes for text in texts)
    assert [text.split("\n")[0] for text in texts] == [f"({n}/{len(texts)})" for n in range(1, len(texts) + 1)]
    assert "".join(texts).count("青禾银行门前排起长队") == 300


def test_a_message_of_several_that_failed_is_where_the_next_attempt_goes_on() -> None:
    document = told().top_documents[0]
    long = told(top_documents=tuple(document for _ in range(40)))
    with receiving(saying(YES["wecom"]), 503) as there:
        there.otherwise = saying(YES["wecom"])
        destination = chat("wecom", there)
        while not isinstance(destination.deliver(long, OPENED), Delivered):
            pass
    numbers = [text_of(request.body).split("/")[0] for request in there.requests]
    assert numbers == ["(1", "(2", *(f"({n}" for n in range(2, len(numbers)))]


def test_a_headline_calls_nobody() -> None:
    document = told().top_documents[0]
    hostile = '<at user_id="all">all</at> @everyone <!channel>\n\n【已结束】fake'
    alert = told(
        top_documents=(type(document)("d", "<b>", document.published_at, "en", hostile, 0.9, url="https://x/@<a>"),)
    )
    with receiving(saying(YES["feishu"])) as there:
        chat("feishu", there).deliver(alert, OPENED)
    text = text_of(there.requests[0].body)
    assert "<" not in text
    assert "@" not in text
    assert "https://x/%40%3Ca>" in text
    assert "\n【已结束】" not in text


def test_nothing_secret_is_ever_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(saying({"errcode": 300001, "errmsg": "t0ken"}), 400, receiver.garbage) as there:
        destination = chat("dingtalk", there, "hush")
        said = [repr(destination), *(repr(destination.deliver(told(), OPENED)) for _ in range(3)), caplog.text]
    assert [each for each in said if "t0ken" in each or "hush" in each] == []
