"""The speeds that the page tells are those that were measured."""

import json
from pathlib import Path
from statistics import median

import pytest

from benchmarks.pipeline import BARE, BERT, KAFKA, SMALL, SPREAD, TORCH, TORCH_32
from classifier.artifact import SHIPPED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "performance.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"
AGGREGATION = json.loads((RESULTS / "aggregation.json").read_text())
RUNS = "22-amx", "22-vnni", "23-vnni", "23-avx2"
ROUNDS = [json.loads((RESULTS / f"pipeline-2026-11-{run}.json").read_text())["rounds"] for run in RUNS]


@pytest.mark.parametrize(
    ("row", "one", "other"),
    [
        ("the bare session, a run on each core", KAFKA, BARE),
        ("the bare session, each run spread over the cores", KAFKA, SPREAD),
        ("our network in torch, the same batches", KAFKA, TORCH),
        ("our network in torch, batches of 32", KAFKA, TORCH_32),
        ("BERT-base in a transformers pipeline, batches of 32", KAFKA, BERT),
        ("the small network on the same way, against this", SMALL, KAFKA),
    ],
)
def test_every_ratio_of_the_pipeline_is_the_median_of_its_rounds(row: str, one: str, other: str) -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    for run, cell in zip(ROUNDS, line.split("|")[3:7], strict=True):
        ratios = sorted(first / second for first, second in zip(run[one], run[other], strict=True))
        middle, _, spread = cell.strip().partition(" ")
        digits = len(middle.split(".")[1])
        assert middle == f"{median(ratios):.{digits}f}"
        assert spread == f"({ratios[0]:.{digits}f}–{ratios[-1]:.{digits}f})"


def test_every_pace_of_the_pipeline_lies_within_its_rounds() -> None:
    def spread(run: dict[str, list[float]], name: str) -> str:
        return f"{min(run[name]):.0f} to {max(run[name]):.0f}"

    text = " ".join(PAGE.split())
    bare, kafka = ([spread(run, name) for run in ROUNDS] for name in (BARE, KAFKA))
    assert (
        f"ran at {bare[0]} texts a second on the first, {bare[1]} on the second, {bare[2]} on the third "
        f"and {bare[3]} held to AVX2"
    ) in text
    assert f"the way from Kafka at {kafka[0]}, {kafka[1]}, {kafka[2]} and {kafka[3]}" in text


def test_what_fill_would_cost_is_what_was_measured() -> None:
    told = json.loads((RESULTS / "fill.json").read_text())["times_as_long"]
    by_size = {name.removeprefix("portions of "): f"{each['median']:.2f}" for name, each in told.items()}
    assert (
        f"{by_size['200']} in portions of 200 texts, {by_size['25']} of 25, {by_size['5']} of 5, {by_size['1']} of 1, "
        f"and {by_size['a headline alone']} for headlines that come alone"
    ) in " ".join(PAGE.split())


def test_what_the_small_network_costs_is_what_the_manifest_says() -> None:
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    default, small = manifest["metrics"], manifest["small"]["metrics"]
    cost = {
        (part, lang): 100 * (default[part][lang][figure] - small[part][lang][figure])
        for part, figure in (("languages", "macro_f1"), ("topics", "micro_f1"))
        for lang in ("en", "zh")
    }
    text = " ".join(PAGE.split())
    assert cost["languages", "zh"] < 0.05
    assert f"costs {cost['languages', 'en']:.1f} points of sentiment's macro-F1 in English and none in Chinese" in text
    assert f"and {cost['topics', 'en']:.1f} and {cost['topics', 'zh']:.1f} points of the topics' micro-F1" in text


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("of_150", "| 150, about what the daemon writes | {at_once}, a poll of 4 MB | {whole} | {apart} |\n"),
        ("of_150_one_by_one", "| | {at_once} | {whole} | {apart} |\n| 500"),
        ("of_500", "| 500, the most it writes | {at_once}, a poll of 4 MB | {whole} | {apart} |\n"),
        ("of_500_one_by_one", "| | {at_once} | {whole} | {apart} |\n| 150"),
        ("of_150_in_a_crisis", "| 150, while an alert is running | {at_once}, a poll of 4 MB | {whole} | {apart} |\n"),
    ],
)
def test_how_many_scores_are_aggregated_is_what_was_measured(name: str, row: str) -> None:
    whole, apart = AGGREGATION[f"scores_per_s_{name}"], AGGREGATION[f"decoding_apart_{name}"]
    thousands = {"whole": f"{round(whole['median'], -3):,}", "apart": f"{round(apart['median'], -3):,}"}
    assert row.format(at_once=apart["records_at_once"], **thousands) in PAGE


def test_what_a_detector_and_the_compiler_take_is_what_was_measured() -> None:
    updates, text = AGGREGATION["detector_us_per_update"], " ".join(PAGE.split())
    assert f"takes {updates['median']:.1f} µs, {updates['best']:.1f} µs in the best round" in text
    assert (
        f"compiles when the aggregator starts (`alerting/counting/stories.py`), in {AGGREGATION['compiled_in_s']:.1f} s"
        in text
    )
    assert f"median of {AGGREGATION['rounds']} rounds" in text


def test_how_long_a_text_waits_is_what_was_measured() -> None:
    for load in json.loads((RESULTS / "load-2026-11-23-vnni.json").read_text())["loads"]:
        waits = [load[f"p{part}_ms"] for part in (50, 95, 99)]
        told = [f"{wait / 1000:.1f} s" if wait >= 1000 else f"{wait:.0f} ms" for wait in waits]
        many = [f"{load[key]:.0f}" for key in ("came_per_s", "scored_per_s")]
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| {100 * load['load']:.0f} % |"))
        assert [cell.strip() for cell in line.strip(" |").split("|")][1:] == [*many, *told]


def test_how_soon_an_alert_is_told_is_what_was_measured() -> None:
    latency = json.loads((RESULTS / "latency-2026-11-23-vnni.json").read_text())["alert_latency"]
    table = PAGE[PAGE.index("| 520 alerts each |") :].split("\n\n")[0].splitlines()[2:]
    rows = [
        latency[log][lane][until]
        for lane in ("topic", "flash")
        for log in ("kafka", "embedded")
        for until in ("alerts_log", "webhook")
    ]
    for line, row in zip(table, rows, strict=True):
        assert line.endswith("".join(f"| {row[key]:.2f} s " for key in ("p50_s", "p95_s", "p99_s", "most_s")) + "|")
        assert row["alerts"] == 520
    pace = {log: f"{found['texts_per_s']:.0f}" for log, found in latency.items()}
    text = " ".join(PAGE.split())
    assert (
        f"{pace['kafka']} texts a second with the Kafka broker on the same two cores, {pace['embedded']} with the"
        in text
    )


def test_how_much_memory_there_was_is_what_was_measured() -> None:
    found = json.loads((RESULTS / "memory-2026-11-22-vnni.json").read_text())
    for row, kind in (
        ("scores: decoding, admission, aggregation", "scores"),
        ("texts: the model, in the same process", "texts"),
    ):
        figures = found[kind]
        at_last = figures["resident_mb"][-1]
        warm = round(at_last / (1 + figures["drift"]))
        assert f"| {row} | {figures['count']:,} | {warm} MB | {at_last} MB |" in PAGE
