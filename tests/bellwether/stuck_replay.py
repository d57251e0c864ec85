"""`bellwether replay` with a loop that never lets go: `python -m tests.bellwether.stuck_replay FILE DIR`."""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bellwether import crew, replaying
from bellwether.cli import main
from bellwether.loop import Role
from classifier.scores import SCORES
from ingest.logs import Event
from ingest.steps import Step
from tests.bellwether.crewed import Idle


class Stuck(Idle):
    """Never comes back from its first record; an orderly exit would wait for the thread that works on it."""

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:  # noqa: ARG002
        if events:
            print("stuck", flush=True)
            ThreadPoolExecutor(1).submit(time.sleep, 120).result()
        yield from ()


if __name__ == "__main__":
    crew.STOP_WITHIN_S = 1.0
    replaying.roles = lambda *_: [Role("classify", "stuck", (SCORES.log,), Stuck)]  # type: ignore[assignment]
    main(["replay", sys.argv[1], "--out", sys.argv[2]])
