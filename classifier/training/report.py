"""What `evaluate` found, for people: tables for a terminal, and a diagram."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from classifier.training.labels import SENTIMENTS


def tables(figures: dict[str, Any]) -> Iterator[Table]:
    """The tables of a report; figures with the middle 95 % of the bootstrap beside them."""
    for title, groups in (("language", figures["languages"]), ("source", figures["sentiment"])):
        if groups:
            yield _groups(title, groups)
    if any(map(sum, figures["confusion"])):
        yield _classes(figures["classes"])
        yield _confusion(figures["confusion"])
    for lang, topics in figures["topics"].items():
        yield _topics(lang, topics)


def calibration(figures: dict[str, Any]) -> str:
    """One line on calibration; empty if no row tells of it."""
    errors = ", ".join(f"{name} {error:.3f}" for name, error in figures["calibration_error"].items())
    return f"Expected calibration error: {errors}" if errors else ""


def by_source(topics: dict[str, Any]) -> str:
    """The micro-F1 of topics for each source, in one line; empty if no source has enough rows."""
    each = ", ".join(f"{source} {x['micro_f1']:.3f} ({x['rows']:,})" for source, x in topics["sources"].items())
    return f"By source (rows that know a topic): {each}" if each else ""


def _table(title: str, first: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _groups(kind: str, groups: dict[str, dict[str, Any]]) -> Table:
    measures = {"auroc_negative": "AUROC negative", "macro_f1": "macro-F1", "accuracy": "accuracy"}
    table = _table(f"Sentiment by {kind}", kind, ("rows", "classes", *measures.values()))
    for name, x in groups.items():
        table.add_row(name, f"{x['rows']:,}", str(x["classes"]), *(_with_interval(x, measure) for measure in measures))
    return table


def _with_interval(figures: dict[str, Any], measure: str) -> str:
    low, high = figures["intervals"][measure]
    return f"{figures[measure]:.3f} ({low:.3f}–{high:.3f})"


def _classes(classes: dict[str, dict[str, float]]) -> Table:
    table = _table("Sentiment by class (corpora with three)", "class", ("rows", "precision", "recall", "F1"))
    for name, x in classes.items():
        table.add_row(name, *_precision_recall(x))
    return table


def _precision_recall(x: dict[str, float]) -> tuple[str, ...]:
    return (f"{x['rows']:,}", f"{x['precision']:.3f}", f"{x['recall']:.3f}", f"{x['f1']:.3f}")


def _confusion(counts: Sequence[Sequence[int]]) -> Table:
    table = _table("Confusion: rows hold, columns were said", "", SENTIMENTS)
    for name, row in zip(SENTIMENTS, counts, strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return table


def _topics(lang: str, topics: dict[str, Any]) -> Table:
    title = f"Topics, {lang}: micro-F1 {_with_interval(topics, 'micro_f1')}, macro-F1 {topics['macro_f1']:.3f}"
    table = _table(title, "topic", ("rows", "precision", "recall", "F1"))
    for topic, x in topics["each"].items():
        table.add_row(topic, *_precision_recall(x))
    table.caption, table.caption_justify = by_source(topics) or None, "left"
    return table


def draw_reliability(figures: dict[str, Any], out: Path) -> None:
    """Writes the reliability diagram as an image: what was promised against what happened; on the diagonal both agree."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to load, and not every report draws

    sides = len(figures["reliability"])
    figure = Figure(figsize=(4 * max(1, sides), 4), layout="constrained")
    for place, (name, bins) in enumerate(figures["reliability"].items(), start=1):
        axes = figure.add_subplot(1, sides, place)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axes.scatter(
            [b["promised"] for b in bins],
            [b["happened"] for b in bins],
            s=[6 + 150 * b["rows"] / sum(x["rows"] for x in bins) for b in bins],
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="promised", ylabel="happened")
        axes.set_title(f"{name}, expected error {figures['calibration_error'][name]:.3f}")
    figure.savefig(out, format="png", dpi=120)
