"""The whole way against its own model, and against what others would run: side by side, same texts, same threads.

    python -m benchmarks.pipeline --out FILE [--seconds 14] [--rounds 3] [--leave-out NAME] [--scores-only]

Each round takes texts that were not seen before and gives them to every contestant in turn, so that a slow minute of the
machine meets all of them; slow contestants get the first of them, always in the same mix. Figures are medians of rounds. Then
comes what is behind the scores: aggregation, a detector's update, and how long an alert takes (`benchmarks.aggregation`,
`benchmarks.latency`).
"""

import argparse
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import aggregation, latency
from benchmarks.alarming import Alarming
from benchmarks.ceiling import ceiling, multiply_adds
from benchmarks.client import ceilings
from benchmarks.daemon import Daemon
from benchmarks.machine import Neighbours, machine
from benchmarks.network import Network
from benchmarks.rivals import BATCH, BertBase, TorchNetwork
from benchmarks.texts import MIX, WHOLE_BLOCKS, Texts

KAFKA = "kafka_to_scores_texts_per_s"
BARE = "bare_session_texts_per_s"
SMALL = "small_kafka_to_scores_texts_per_s"
SMALL_BARE = "small_bare_session_texts_per_s"
SPREAD = "bare_session_spread_texts_per_s"
TORCH = "transformers_pipeline_texts_per_s"
TORCH_32 = "torch_batch_32_texts_per_s"
BERT = "bert_base_pipeline_texts_per_s"
NAMES = {
    BARE: "bare ONNX session, tokens made before, a run on each thread",
    SPREAD: "  each run spread over all threads",
    "tokenizer_texts_per_s": "tokenizer alone",
    "scorer_texts_per_s": "Scorer.score, one portion after another",
    KAFKA: "bellwether classify, Kafka to scores log",
    SMALL_BARE: "the small network: bare ONNX session",
    SMALL: "the small network: bellwether classify",
    TORCH: "our model in torch, same batches",
    TORCH_32: "our model in torch, batches of 32",
    BERT: "BERT-base, transformers pipeline, batches of 32",
    "kafka_produce_records_per_s": "kafka-python produces (records/s)",
    "kafka_consume_records_per_s": "kafka-python consumes (records/s)",
}
BERT_BLOCK = 160  # whole batches of 32 and the whole mix
PROBE = 160
BEHIND = "aggregator_scores_per_s", "detector_us_per_update", "alert_latency_p99_s"
LOAD, ALERTS, PAST, PER_S = 0.8, 500, 1_500, 4.0  # of `benchmarks.latency`

Contestant = Callable[[Sequence[str]], float]  # seconds for these texts


def measured(seconds: float, rounds: int, left_out: Collection[str], console: Console) -> Iterator[dict[str, Any]]:
    """After each round, all figures so far."""
    network = Network()
    texts = Texts(network.tokenizer)
    rival, bert = TorchNetwork(network), BertBase(network)
    contestants: dict[str, Contestant] = {
        BARE: network.bare,
        SPREAD: network.spread,
        "tokenizer_texts_per_s": network.tokenising,
        "scorer_texts_per_s": network.scored,
        TORCH: rival.same_batches,
        TORCH_32: rival.pipeline_batches,
        BERT: bert.run,
    }
    if network.manifest.small:
        contestants[SMALL_BARE] = Network("small").bare
    else:
        left_out = {*left_out, SMALL_BARE, SMALL}
    contestants = {name: run for name, run in contestants.items() if name not in left_out}
    counts = {name: _fitting(name, run, texts.take(PROBE), seconds) for name, run in contestants.items()}
    counts = {name: min(many, counts[BARE]) for name, many in counts.items()}
    figures: dict[str, list[float]] = {name: [] for name in NAMES if name not in left_out}
    others: dict[str, list[float]] = {name: [] for name in [*contestants, KAFKA, SMALL] if name not in left_out}
    probe = network.tokenizer.encode(texts.take(WHOLE_BLOCKS * 10))
    needed = multiply_adds([len(each) for each in probe], len(network.manifest.topics)) / len(probe)
    could = {"multiply_adds_per_text": needed, "multiply_adds_per_s": ceiling(network.threads)}
    told = could | {"artifact": network.artifact}
    with closing(Daemon()) as daemon:
        for turn in range(rounds):
            fresh = texts.take(max(counts.values()))
            through = [name for name in (KAFKA, SMALL) if name not in left_out]
            for name in [BARE, *through, *(name for name in contestants if name != BARE)]:
                mine = fresh[: counts.get(name, counts[BARE])]
                neighbours = Neighbours()
                if name in through:
                    rate = daemon.texts_per_s(mine, "small" if name == SMALL else "default")
                else:
                    rate = len(mine) / contestants[name](mine)
                figures[name].append(rate)
                others[name].append(neighbours.cores())
                console.print(f"round {turn + 1}: {NAMES[name].strip()}: {rate:.1f} texts/s ({len(mine)} texts)")
            produced, consumed = ceilings(daemon.bootstrap, fresh[:PROBE])
            figures["kafka_produce_records_per_s"].append(produced)
            figures["kafka_consume_records_per_s"].append(consumed)
            medians: dict[str, Any] = {name: median(values) for name, values in figures.items()}
            yield medians | told | {"rounds": figures, "texts": counts, "cores_taken_by_others": others}


def _fitting(name: str, run: Contestant, probe: Sequence[str], seconds: float) -> int:
    """How many texts take about so many seconds, in whole runs of the mix; the probe is the warm-up too."""
    block = BERT_BLOCK if name == BERT else WHOLE_BLOCKS
    some = probe[:BATCH] if name == BERT else probe
    pace = len(some) / run(some)
    return max(1, round(pace * seconds / block)) * block


def behind(rounds: int) -> dict[str, float]:
    """What comes behind the scores: `BEHIND`, the latency at `LOAD` of what the daemon takes, on Kafka, to the alerts log."""
    aggregated = aggregation.measured(rounds)
    texts = Texts(Network().tokenizer)
    waited = latency.measured("kafka", LOAD, Alarming(ALERTS), texts, PAST, PER_S)
    rate = aggregated[f"decoding_apart_of_{aggregation.IN_RANGE}"]["median"]
    update = aggregated["detector_us_per_update"]["median"]
    return dict(zip(BEHIND, (rate, update, waited["topic"]["alerts_log"]["p99_s"]), strict=True))


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """What those figures that there are, are to each other."""
    pairs = {
        "kafka_to_scores_of_bare_session": (KAFKA, BARE),
        "kafka_to_scores_of_bare_session_spread": (KAFKA, SPREAD),
        "kafka_to_scores_of_torch_same_batches": (KAFKA, TORCH),
        "kafka_to_scores_of_torch_batch_32": (KAFKA, TORCH_32),
        "kafka_to_scores_of_bert_base": (KAFKA, BERT),
        "bare_session_of_torch_same_batches": (BARE, TORCH),
        "small_kafka_to_scores_of_default": (SMALL, KAFKA),
        "small_bare_session_of_default": (SMALL_BARE, BARE),
    }
    there = {name: pair for name, pair in pairs.items() if set(pair) <= set(figures)}
    found = {name: figures[one] / figures[other] for name, (one, other) in there.items()}
    needed = figures[KAFKA] * figures["multiply_adds_per_text"]
    return found | {"kafka_to_scores_of_multiply_add_ceiling": needed / figures["multiply_adds_per_s"]}


def shown(figures: dict[str, Any]) -> Table:
    """The figures, their spread over rounds, and their ratio to the daemon's."""
    table = Table(title=f"Pipeline, medians of {len(figures['rounds'][BARE])} rounds")
    for heading in ("what", "median", "lowest", "highest", "classify is"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, values in figures["rounds"].items():
        ratio = f"{figures[KAFKA] / figures[name]:.2f}x" if "texts_per_s" in name else ""
        table.add_row(NAMES[name], *(f"{value:,.1f}" for value in (figures[name], min(values), max(values))), ratio)
    return table


def main() -> None:
    """Measure, print the table and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--seconds", type=float, default=14.0, help="for each contestant in a round")
    parser.add_argument("--rounds", type=int, default=3)
    optional = [name for name in NAMES if "texts_per_s" in name and name not in (BARE, KAFKA)]
    parser.add_argument("--leave-out", nargs="*", default=[], choices=optional, metavar="NAME", help=f"of {optional}")
    parser.add_argument("--scores-only", action="store_true", help=f"leave out {', '.join(BEHIND)}")
    arguments = parser.parse_args()
    console = Console()
    neighbours = Neighbours()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for found in measured(arguments.seconds, arguments.rounds, arguments.leave_out, console):
        figures = found | {"ratios": ratios(found), "mix": MIX, "batch": BATCH} | dict.fromkeys(BEHIND)
        figures |= {"machine": machine() | neighbours.told()}
        _keep(figures, arguments.out)
        console.print(shown(figures))
        console.print(figures["ratios"], figures["machine"])
    if not arguments.scores_only:
        more = behind(arguments.rounds)
        console.print(more)
        _keep(figures | more, arguments.out)


def _keep(figures: dict[str, Any], out: Path) -> None:
    out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
