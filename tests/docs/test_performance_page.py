"""The speeds that the page tells are those that were measured."""

import json
from itertools import chain
from pathlib import Path
from statistics import median

import pytest

from benchmarks.pipeline import BARE, BERT, KAFKA, SMALL, SPREAD, TORCH, TORCH_32
from classifier.artifact import SHIPPED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "performance.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"
FILES = ("pipeline-2026-11-22-amx.json",)
ROUNDS = [json.loads((RESULTS / file).read_text())["rounds"] for file in FILES]


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
    pairs = chain.from_iterable(zip(run[one], run[other], strict=True) for run in ROUNDS if {one, other} <= set(run))
    ratios = sorted(first / second for first, second in pairs)
    cells = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |")).split("|")
    rounds, middle, spread = (cell.strip() for cell in cells[2:5])
    digits = len(middle.split(".")[1])
    assert int(rounds) == len(ratios)
    assert middle == f"{median(ratios):.{digits}f}"
    assert spread == f"{ratios[0]:.{digits}f}–{ratios[-1]:.{digits}f}"


def test_what_the_small_network_costs_is_what_the_manifest_says() -> None:
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    default, small = manifest["metrics"], manifest["small"]["metrics"]
    points = {}
    for lang in ("en", "zh"):
        sources = [source for source in default["sentiment"] if source.startswith(f"{lang}_")]
        cost = sum(default["sentiment"][s]["macro_f1"] - small["sentiment"][s]["macro_f1"] for s in sources)
        assert cost / len(sources) < 0.0005, lang
        points[lang] = 100 * (default["topics"][lang]["micro_f1"] - small["topics"][lang]["micro_f1"])
    told = f"{points['en']:.1f} points of the topics' micro-F1 in English and {points['zh']:.1f}".replace(" 0.", " .")
    assert told in " ".join(PAGE.split())


def test_how_many_scores_are_aggregated_is_what_was_measured() -> None:
    figures = json.loads((RESULTS / "aggregation.json").read_text())
    for in_range, row in ((150, "| 150, about what the daemon writes |"), (500, "| 500, the most it writes |")):
        for name, begin in (("", row), ("_one_by_one", "| | 1 |")):
            whole, apart = figures[f"scores_per_s_of_{in_range}{name}"], figures[f"decoding_apart_of_{in_range}{name}"]
            told = [f"{round(each['median'], -3):,}" for each in (whole, apart)]
            table = PAGE[PAGE.index(row) :]
            line = next(line for line in table.splitlines() if line.startswith(begin))
            assert [cell.strip() for cell in line.strip(" |").split("|")][-2:] == told
            assert name or f"| {apart['records_at_once']}, a poll of 4 MB |" in line
    assert f"An update of a detector takes {figures['detector_us_per_update']['median']:.1f} µs" in PAGE
    assert (
        f"compiles when the aggregator starts (`alerting/stories.py`), in {figures['compiled_in_s']:.1f} s"
        in " ".join(PAGE.split())
    )


def test_how_long_a_text_waits_is_what_was_measured() -> None:
    for load in json.loads((RESULTS / "load-2026-11-22-amx.json").read_text())["loads"]:
        waits = [load[f"p{part}_ms"] for part in (50, 95, 99)]
        told = [f"{wait / 1000:.1f} s" if wait >= 1000 else f"{wait:.0f} ms" for wait in waits]
        many = [f"{load[key]:.0f}" for key in ("asked_per_s", "scored_per_s")]
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| {100 * load['load']:.0f} % |"))
        assert [cell.strip() for cell in line.strip(" |").split("|")][1:] == [*many, *told]
