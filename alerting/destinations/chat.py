"""A chat group of DingTalk, Feishu, Lark or WeCom, told by its robot."""

from msgspec import json
from msgspec.structs import replace
from pydantic import SecretStr

from alerting.destinations.answers import Answer, Away, Delivered, Matter, Partly
from alerting.destinations.parts import parts
from alerting.destinations.posting import Address, Posting
from alerting.destinations.robots import ROBOTS, Kind, judge
from alerting.destinations.wording import Letters


class Chat:
    """Posts each matter as text, in as many messages as its length needs. Raises `ValueError` on wrong settings.

    A message of several that failed is where the next attempt goes on: what the group has read does not come again.
    """

    def __init__(self, kind: Kind, address: Address, secret: SecretStr | None, letters: Letters) -> None:
        self.name = address.name
        self._robot = ROBOTS[kind]
        self._posting = Posting(address)
        self._secret = secret.get_secret_value() if secret else ""
        self._letters = letters
        self._begun = ("", 0)  # key of what is being told, and how many of its messages are

    def __repr__(self) -> str:
        return f"Chat({self.name!r}, {self._posting.shown!r})"

    def deliver(self, matter: Matter, now: int) -> Answer:
        """The first of its messages that was not taken yet."""
        texts = parts(self._letters.write(matter).whole, self._robot.limit_bytes)
        key, done = self._begun
        done = done if key == matter.key and done < len(texts) else 0
        answer = self._tell(texts[done], now)
        if not isinstance(answer, Delivered):
            return answer
        done += 1
        self._begun = (matter.key, done)
        return answer if done == len(texts) else Partly(answer.took_s)

    def _tell(self, text: str, now: int) -> Answer:
        body = json.encode(self._robot.body(text, self._secret, now))
        reply = self._posting.post(body, now, query=self._robot.query(self._secret, now), reads_body=True)
        if isinstance(reply, Away):
            return reply
        answer = self._posting.judge(reply)
        if not isinstance(answer, Delivered):
            return answer
        return replace(judge(self._robot, reply.body, self._posting.shown), took_s=reply.took_s)
