"""Every box is the same loop: poll, step, publish, commit. This is what a box looks like to its loop."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Protocol

from msgspec import Struct

from ingest.logs import Event, Message, Place, Position


class Step(Struct, frozen=True):
    """What a box asks of its loop: publish and flush `messages`, then commit, seek, pause, resume. In that order."""

    messages: Sequence[Message] = ()
    commits: Mapping[Place, Position] = {}
    seeks: Mapping[Place, int] = {}
    pauses: Sequence[Place] = ()  # no more records of these until they are resumed; a pause ends with `Closed` too
    resumes: Sequence[Place] = ()
    is_half: bool = False  # the next step completes it, or takes it back: a stop waits for that one


class Box(Protocol):
    """A stage of the way. State is private to it; it reads no clock and writes to no log itself."""

    wants_ends: ClassVar[bool]
    """True: once a second the loop asks `Reader.ends()` and adds an `Ended` for each place, behind the batches."""

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Take what was polled (often nothing) at instant `now`; yield steps, each done before the next is asked for.

        A box may be dropped between two steps at any time and made anew from the logs.
        """
