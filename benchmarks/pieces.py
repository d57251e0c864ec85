"""Where the processor's time for a text goes in `bellwether classify`: each piece by itself.

    python -m benchmarks.pieces --out FILE [--texts 300]

Told are microseconds of processor time, the best of several turns, so that other programs matter little. What waiting costs (for
the broker, and of one piece for another) is not among them: `benchmarks.pipeline` holds the whole way against the bare session.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from rich.console import Console

from benchmarks.machine import Neighbours, machine
from benchmarks.network import Network
from benchmarks.texts import MIX, Texts
from classifier.artifact import SHIPPED
from classifier.batches import bucketed
from classifier.chunks import pooled
from classifier.metrics import ClassifyMetrics
from classifier.privacy import masked
from classifier.ranges import Found, cut, range_message
from classifier.reading import Bad, Outcome, Reading
from classifier.scorer import Scorer, Work, never
from classifier.scores import ScoreRange
from classifier.session import Outputs
from classifier.stories import story_signature
from classifier.tokenizer import Tokens
from ingest.decode import Decoder
from ingest.instants import MINUTE, SECOND, rfc3339
from ingest.logs import Record

TURNS = 5
NOW = 1_772_500_000 * SECOND


def measured(count: int) -> Iterator[tuple[str, float]]:
    """Names of pieces, with microseconds a text."""
    network = Network()
    texts = Texts(network.tokenizer).take(count)
    records = [_record(number, text) for number, text in enumerate(texts)]
    scorer, decoder = Scorer.open(SHIPPED, device="cpu"), Decoder(bound_us=2 * MINUTE)

    def timed(piece: Callable[[], object]) -> float:
        took = []
        for _ in range(TURNS):
            began = time.process_time()
            piece()
            took.append(time.process_time() - began)
        return min(took) / count * 1e6

    yield "from JSON to a cleaned document", timed(lambda: [decoder.decode(record) for record in records])
    tokens = network.tokenizer.encode(texts)
    yield "tokens", timed(lambda: network.tokenizer.encode(texts))
    said = _read(scorer, tokens)
    yield "the network", timed(lambda: _read(scorer, tokens))
    yield "chunks put together", timed(lambda: list(map(pooled, said, tokens)))
    whole, verdict = list(map(pooled, said, tokens)), scorer._verdict  # noqa: SLF001 - a piece that nothing else calls alone
    yield "probabilities, labels, spans", timed(lambda: list(map(verdict.of, texts, tokens, whole)))
    yield "signature of the story", timed(lambda: list(map(story_signature, texts)))
    yield "personal data masked", timed(lambda: list(map(masked, texts)))
    outcomes = Reading(scorer, never).outcomes(decoder, records, Work())
    yield "records of the scores log", timed(lambda: _packed(scorer, outcomes))
    metrics = ClassifyMetrics(CollectorRegistry(), scorer)
    yield "counted for Prometheus", timed(lambda: metrics.count("news", outcomes, Work(), NOW))


def _record(number: int, text: str) -> Record:
    document = {"id": f"d{number}", "source": "wire", "published_at": rfc3339(NOW), "text": text}
    return Record(number, NOW, None, json.dumps(document, ensure_ascii=False).encode())


def _read(scorer: Scorer, tokens: Sequence[Tokens]) -> list[list[Outputs]]:
    """What the network says of each text's chunks, run in the product's shapes."""
    chunks = [ids for text in tokens for ids in text.chunks]
    owners = [place for place, text in enumerate(tokens) for _ in text.chunks]
    said: list[list[Outputs]] = [[] for _ in tokens]
    for group in bucketed([len(ids) for ids in chunks], scorer._shapes):  # noqa: SLF001
        outputs = scorer._run(group, chunks)  # noqa: SLF001
        for row, chunk in enumerate(group.members):
            said[owners[chunk]].append(Outputs(*(output[row] for output in outputs)))
    return said


def _packed(scorer: Scorer, outcomes: Sequence[Outcome]) -> None:
    whole = ScoreRange(
        log_id="log", log="news", partition=0, partitions=4, start=0, next=len(outcomes), end=len(outcomes), read_at=NOW,
        artifact=scorer.artifact, provider=scorer.provider, topics=scorer.topics,
    )  # fmt: skip
    found = [Found(each.record.offset, each.result) for each in outcomes if not isinstance(each.result, Bad)]
    for part in cut(whole, found):
        range_message(part)


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--texts", type=int, default=300)
    arguments = parser.parse_args()
    console, neighbours = Console(), Neighbours()
    figures: dict[str, Any] = {}
    for name, micros in measured(arguments.texts):
        figures[name] = round(micros, 1)
        console.print(f"{micros:10,.1f} µs  {name}")
    told = {"us_per_text": figures, "texts": arguments.texts, "mix": MIX, "machine": machine() | neighbours.told()}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
