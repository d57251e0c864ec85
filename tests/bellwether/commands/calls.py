from typing import NamedTuple, Protocol


class Called(NamedTuple):
    """What a command ended with and said."""

    code: int
    out: str
    err: str


class Caller(Protocol):
    """Calls the command line in this process."""

    def __call__(self, *arguments: str) -> Called: ...
