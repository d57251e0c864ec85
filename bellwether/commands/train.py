import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bellwether.extras import needs_extra
from bellwether.settings import Settings as _Settings
from classifier.artifact import SHIPPED

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(exists=True, file_okay=False)
WEAK = "Rows whose topics come from a rule: they count half, and are never tested on. Can be repeated."
TEXTS = "Rows without labels, for the vocabulary, the warm-up and the teachers. Can be repeated."
ENCODER = "A BERT-like encoder with a WordPiece tokenizer, by name or path; else the MiniLM of the extra."
START = "Go on from a trained model: `shipped`, or the --out of an earlier run."
TEACHER = "Learn its answers too, also on the --texts: DIR/run/model. Can be repeated: the first that can read a text answers."
GUIDE = "Follow its hidden states too, in texts of its languages: DIR/run/model of a model whose encoder has read them."
TOLD = "Of a labelled text's loss, the share that is its teacher's."
MINUTES = "End after so long, with the schedule complete."
WARM_UP = "Before, guess masked words of all texts for so long."
LORA = "Train low-rank adapters of this rank, not all weights; merged in the end."
ADVERSARIAL = "Train against steps of this length in the word rows too (FGM); 0.5 is usual."
AUGMENTED = "Disturb this share of the texts, as the street does: hashtags, links, marks of a desk, typing mistakes."
MASKED = "Hide up to this share of each text's words in training."
SMOOTHING = "Spread this share of each sentiment label over the others: a less certain model."


@click.command
@click.argument("more", nargs=-1, type=FILE, metavar="")
@click.option("--data", multiple=True, required=True, type=FILE, metavar="FILE...", help="Labelled rows, JSONL or CSV.")
@click.option("--weak", multiple=True, type=FILE, metavar="FILE", help=WEAK)
@click.option("--texts", multiple=True, type=FILE, metavar="FILE", help=TEXTS)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="The model."
)
@click.option("--name", default="own", show_default=True, help="Of the model, for its card.")
@click.option("--encoder", default="", metavar="NAME", help=ENCODER)
@click.option("--start-from", default="", metavar="DIR", help=START)
@click.option("--teacher", "teachers", multiple=True, type=FOLDER, metavar="DIR", help=TEACHER)
@click.option("--guide", type=FOLDER, metavar="DIR", help=GUIDE)
@click.option("--told", type=click.FloatRange(0, 1), default=0.5, show_default=True, metavar="SHARE", help=TOLD)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), metavar="N", help=MINUTES)
@click.option("--max-steps", type=click.IntRange(min=1), default=8000, show_default=True, metavar="N")
@click.option("--batch", type=click.IntRange(min=1), default=48, show_default=True, metavar="N")
@click.option("--accumulation", type=click.IntRange(min=1), default=1, show_default=True, help="Batches in one step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), default=1e-4, show_default=True)
@click.option("--warm-up-minutes", type=click.FloatRange(min=0), default=0.0, metavar="N", help=WARM_UP)
@click.option("--lora", type=click.IntRange(min=0), default=0, metavar="RANK", help=LORA)
@click.option("--adversarial", type=click.FloatRange(min=0), default=0.0, metavar="LENGTH", help=ADVERSARIAL)
@click.option("--augmented", type=click.FloatRange(0, 1), default=0.0, metavar="SHARE", help=AUGMENTED)
@click.option("--masked", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="SHARE", help=MASKED)
@click.option("--smoothing", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="SHARE", help=SMOOTHING)
@click.option("--seed", type=int, default=20, show_default=True)
@click.pass_obj
def train(
    _load: Callable[[], _Settings], /, more: tuple[Path, ...], data: tuple[Path, ...], out: Path, **options: Any
) -> None:
    """Train a model on labelled rows of your own.

    A row has text (or title and body), and sentiment (negative, neutral, positive), topics (a list; in CSV separated by
    spaces), or both. All mistakes of all files are told together, before the first step, with exit code 2. A tenth of the rows,
    by a hash of the text, is held out: to stop in time, to calibrate, and to measure.

    DIR becomes a model folder for `score`, `evaluate` and the setting classifier.artifact; its card and manifest.json have the
    figures. DIR/run keeps checkpoints and logs (TensorBoard): started again with the same arguments, an interrupted run goes on
    there. Uses a GPU where there is one. Needs the extra `train`.

    \b
    Examples:
      bellwether train --data labelled.jsonl --out mine --minutes 60
      bellwether train --data first.csv second.csv --out mine --start-from shipped --learning-rate 5e-5
    """  # noqa: D301 - click's mark
    if options["encoder"] and options["start_from"]:
        raise click.UsageError("--encoder begins anew and --start-from goes on: say one of the two")
    if options["start_from"] == "shipped":
        options["start_from"] = str(SHIPPED)
    with needs_extra("train"):
        # `--help` need not wait for these.
        from classifier.training.artifact import build  # noqa: PLC0415
        from classifier.training.data import every_example  # noqa: PLC0415
        from classifier.training.rows import DataError  # noqa: PLC0415
        from classifier.training.settings import Settings, TrainingError  # noqa: PLC0415
        from classifier.training.train import train as run  # noqa: PLC0415

    _make(out)
    options["guide"] = options["guide"] or ""
    weak, texts, name = options.pop("weak"), options.pop("texts"), options.pop("name")
    try:
        examples = every_example([*data, *more], weak, texts)
        model = run(Settings(**options), examples, out / "run")
    except (DataError, TrainingError) as error:
        raise click.UsageError(str(error)) from None
    click.echo("exporting, calibrating and measuring", err=True)
    build(model, examples, out, name)
    click.echo(f"the model is in {out}: look at its card.md, or ask bellwether evaluate --model {out} --data FILE")


def _make(out: Path) -> None:
    """Tells before the work that its outcome could not be kept."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise click.UsageError(f"--out {out} cannot be written: {error.strerror}") from None
