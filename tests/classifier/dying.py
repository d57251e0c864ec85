"""A process that classifies, and dies at once, as of a fault in a library, when it comes upon a text with the word "poison".

Arguments: the folder of the log, the folder of the artifact, and "decode" or "score": where it dies.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from classifier.scorer import Scored, Scorer, Work, never
from ingest.decode import Decoder
from ingest.document import Document
from ingest.instants import MINUTE
from ingest.logs import Record
from tests.classifier.turning import Desk, Member


class DyingDecoder(Decoder):
    def decode(self, record: Record) -> Document:
        if b"poison" in (record.value or b""):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().decode(record)


class DyingScorer(Scorer):
    def score(
        self, texts: Sequence[str], *, stop: Callable[[], bool] = never, work: Work | None = None
    ) -> list[Scored]:
        if any("poison" in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().score(texts, stop=stop, work=work)


def main(folder: str, artifact: str, where: str) -> None:
    desk = Desk(Path(folder), lease_s=0)
    decoder = DyingDecoder(bound_us=2 * MINUTE) if where == "decode" else None
    scorer = (DyingScorer if where == "score" else Scorer).open(Path(artifact), device="cpu")
    Member(desk, scorer, decoder=decoder).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
