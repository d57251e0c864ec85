"""The robots of DingTalk, Feishu (Lark) and WeCom: how each wants a text, and what its codes mean.

All three answer HTTP 200 whatever happens; the truth is a code in the body. Sources: the vendors' pages on custom robots
(open.dingtalk.com "custom robot access", open.feishu.cn "custom bot", developer.work.weixin.qq.com "group robot").
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal, Protocol

from msgspec import MsgspecError, json

from alerting.destinations.answers import Answer, Away, Delivered, Refused
from ingest.instants import SECOND

Kind = Literal["dingtalk", "feishu", "wecom"]
TOO_FAST_S = 60.0  # the services count messages a minute


class Robot(Protocol):
    """One service."""

    limit_bytes: int  # of the text of one message
    per_minute: int  # messages

    def query(self, secret: str, now: int) -> Mapping[str, str]:
        """What the address gets added."""

    def body(self, text: str, secret: str, now: int) -> Mapping[str, Any]:
        """The message, to be sent as JSON."""

    def code(self, answer: Mapping[str, Any]) -> object:
        """The code in an answer: 0 is a yes; None: there is none."""

    too_fast: frozenset[int]  # codes: try again when a minute is over
    refused: frozenset[int]  # codes: it is this very text that is not taken


class DingTalk:
    """DingTalk signs in the address: HMAC-SHA256 of milliseconds, line feed and secret, under the secret."""

    limit_bytes = 18_000  # of 20,000 for the whole body
    per_minute = 20
    too_fast = frozenset({130101, 410100})
    refused = frozenset({430101, 430102, 430103, 430104, 460101})

    def query(self, secret: str, now: int) -> Mapping[str, str]:
        """Time and signature, where there is a secret."""
        stamp = str(now // 1000)
        return {"timestamp": stamp, "sign": _hmac(secret, f"{stamp}\n{secret}")} if secret else {}

    def body(self, text: str, secret: str, now: int) -> Mapping[str, Any]:  # noqa: ARG002 - signed in the address
        """Plain text that calls nobody by name."""
        return {"msgtype": "text", "text": {"content": text}, "at": {"isAtAll": False}}

    def code(self, answer: Mapping[str, Any]) -> object:
        """`errcode`."""
        return answer.get("errcode")


class Feishu:
    """Feishu and Lark sign in the body: HMAC-SHA256 of nothing, under seconds, line feed and secret."""

    limit_bytes = 18_000  # of 20,000 for the whole body
    per_minute = 100
    too_fast = frozenset({11232, 11233})
    refused = frozenset({9499, 11246, 19002})

    def query(self, secret: str, now: int) -> Mapping[str, str]:  # noqa: ARG002 - signed in the body
        """Nothing."""
        return {}

    def body(self, text: str, secret: str, now: int) -> Mapping[str, Any]:
        """Plain text."""
        message = {"msg_type": "text", "content": {"text": text}}
        stamp = str(now // SECOND)
        return message | {"timestamp": stamp, "sign": _hmac(f"{stamp}\n{secret}", "")} if secret else message

    def code(self, answer: Mapping[str, Any]) -> object:
        """`code`; robots of the first version answer `StatusCode`."""
        return answer.get("code", answer.get("StatusCode"))


class WeCom:
    """WeCom's address is all the secret there is."""

    limit_bytes = 2000  # of 2,048 for the text
    per_minute = 20
    too_fast = frozenset({45009})
    refused = frozenset({40058, 44004, 45002})

    def query(self, secret: str, now: int) -> Mapping[str, str]:  # noqa: ARG002 - unsigned
        """Nothing."""
        return {}

    def body(self, text: str, secret: str, now: int) -> Mapping[str, Any]:  # noqa: ARG002 - unsigned
        """Plain text that calls nobody by name."""
        return {"msgtype": "text", "text": {"content": text}}

    def code(self, answer: Mapping[str, Any]) -> object:
        """`errcode`."""
        return answer.get("errcode")


ROBOTS: Mapping[str, Robot] = {"dingtalk": DingTalk(), "feishu": Feishu(), "wecom": WeCom()}


def judge(robot: Robot, body: bytes, shown: str) -> Answer:
    """What the body of an answer with HTTP 200 means.

    A code that condemns this very text refuses it for good. Any other may pass: by waiting, or when somebody mends the robot.
    """
    try:
        code = robot.code(json.decode(body, type=dict[str, Any]))
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return Away("garbage", f"{shown} answered 200 with something else than its JSON")
    if code == 0:
        return Delivered()
    if not isinstance(code, int):
        return Away("garbage", f"{shown} answered 200 without its code")
    sentence = f"{shown} answered 200 with code {code}"
    if code in robot.refused:
        return Refused("refused_text", sentence)
    return Away(
        "too_fast" if code in robot.too_fast else "code", sentence, TOO_FAST_S if code in robot.too_fast else None
    )


def _hmac(key: str, message: str) -> str:
    return b64encode(hmac.new(key.encode(), message.encode(), sha256).digest()).decode()
