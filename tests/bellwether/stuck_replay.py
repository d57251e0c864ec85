"""`bellwether replay` with a loop that never lets go: `python -m tests.bellwether.stuck_replay FILE DIR`."""

import sys

from bellwether import crew, replaying
from bellwether.cli import main
from bellwether.loop import Role
from classifier.scores import SCORES
from tests.bellwether.crewed import Stuck

if __name__ == "__main__":
    crew.STOP_WITHIN_S = 1.0
    replaying.roles = lambda *_: [Role("classify", "stuck", (SCORES.log,), Stuck)]  # type: ignore[assignment]
    main(["replay", sys.argv[1], "--out", sys.argv[2]])
