import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bellwether.extras import needs_extra
from bellwether.settings import Settings

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
ALL = "Judge every row, for files that the model was not trained on; else those that training holds out."


@click.command
@click.argument("more", nargs=-1, type=FILE, metavar="")
@click.option("--data", multiple=True, required=True, type=FILE, metavar="FILE...", help="Labelled rows, JSONL or CSV.")
@click.option("--model", type=click.Path(path_type=Path), metavar="DIR", help="The model; else as in the settings.")
@click.option("--all", "everything", is_flag=True, help=ALL)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The figures as JSON.")
@click.option(
    "--diagram", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Calibration as a PNG image."
)
@click.pass_obj
def evaluate(
    load: Callable[[], Settings], /, more: tuple[Path, ...], data: tuple[Path, ...], model: Path | None, **options: Any
) -> None:
    """Measure a model on labelled rows.

    Prints, with the middle 95 % of a bootstrap: how well negative texts are ranked (AUROC), macro-F1 and accuracy for each
    language and source; precision and recall for each class and topic; the confusion matrix; how far probabilities can be
    believed.

    Without --all, of each file only the rows are judged that `train` holds out (a tenth, by a hash of the text), with
    temperatures and thresholds fitted on one half and judged on the other. With --all, all rows are, as the model is served.
    Needs the extra `train`. The format of rows is that of `bellwether train`.

    \b
    Examples:
      bellwether evaluate --model mine --data labelled.jsonl --diagram calibration.png
      bellwether evaluate --data headlines-of-others.csv --all --out figures.json
    """  # noqa: D301 - click's mark
    for option in ("out", "diagram"):
        _check_writable(option, options[option])
    with needs_extra("train"):
        # `--help` need not wait for these.
        from classifier.training.evaluate import evaluate_artifact  # noqa: PLC0415
        from classifier.training.report import calibration, draw_reliability, tables  # noqa: PLC0415
        from classifier.training.rows import DataError  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    chosen = load().classifier
    try:
        figures = evaluate_artifact(
            model or chosen.folder, [*data, *more], everything=options["everything"], model=chosen.model
        )
    except DataError as error:
        raise click.UsageError(str(error)) from None
    if out := options["out"]:
        out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if options["diagram"]:
        draw_reliability(figures, options["diagram"])
    console = Console(markup=False, emoji=False, highlight=False)  # a source may be named [desk]
    for table in tables(figures):
        console.print(table)
    console.print(f"{figures['rows']:,} rows judged. {calibration(figures)}".strip())


def _check_writable(option: str, file: Path | None) -> None:
    """Tells before the work that what it finds could not be kept."""
    if file is None:
        return
    if not file.parent.is_dir():
        raise click.UsageError(f"--{option} {file} cannot be written: there is no folder {file.parent}")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise click.UsageError(f"--{option} {file} cannot be written: this user may not")
