import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from bellwether.settings import Settings

FIELD = "Where a field stands: NAME=KEY, with dots into nested objects; read are id, text, title and body."
MODEL = "The folder of the model; else as in the settings."


@click.command
@click.argument("source", metavar="FILE|-")
@click.option("--out", required=True, metavar="FILE|-", help="Where the scores go; - is standard output.")
@click.option("--field", "fields", multiple=True, metavar="NAME=KEY", help=FIELD)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "tsv"]), help="Else told by the name.")
@click.option(
    "--encoding", default="utf-8", show_default=True, metavar="NAME", help="Of the file: gb18030, for example."
)
@click.option("--from-line", type=click.IntRange(min=1), default=1, metavar="N", help="Leave out the lines before.")
@click.option("--model", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help=MODEL)
@click.option("--threads", type=click.IntRange(min=0), metavar="N", help="0: as many as there are cores, at most 8.")
@click.pass_obj
def score(load: Callable[[], Settings], /, source: str, out: str, **options: Any) -> None:
    """Score the texts of a file.

    FILE is JSONL, CSV or TSV, plain or gzipped; - is standard input. A line needs an id and a text, or a title and a body;
    all else is ignored. For each line comes one line of JSON, in the same order: its id, the probabilities of negative,
    neutral and positive, those of the topics, the topics it is about, and the stretches of the text that drew the model's
    attention. What cannot be scored says so in its line, and the exit code is then 3.

    Scores are those of `run`, to the last digit. A file has its name only once it is whole; when the work was interrupted,
    what was scored so far is in FILE.partial, and is never written over.

    \b
    Examples:
      bellwether score news.jsonl --out scores.jsonl
      zcat posts.csv.gz | bellwether score - --format csv --field text=post --out - | head
    """  # noqa: D301 - click's mark
    settings = load()
    # `--help` need not wait for these.
    from bellwether.publishing import field_options  # noqa: PLC0415
    from bellwether.scorefile import ScoreFile  # noqa: PLC0415
    from bellwether.scoring import score_file, summary  # noqa: PLC0415
    from classifier.scorer import Scorer  # noqa: PLC0415
    from ingest.decode import field_mapping  # noqa: PLC0415
    from ingest.files import DocumentFile  # noqa: PLC0415

    try:
        mapping = field_mapping(field_options(options["fields"]))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    chosen = settings.classifier
    threads = chosen.threads if options["threads"] is None else options["threads"]
    with (
        closing(DocumentFile(source, options["form"], options["encoding"])) as file,
        closing(ScoreFile(out, source)) as scores,
    ):
        folder = options["model"] or chosen.folder
        scorer = Scorer.open(folder, model=chosen.model, device=chosen.device, threads=threads)
        began = time.monotonic()
        try:
            count = score_file(file, scorer, mapping, scores, options["from_line"])
        except BrokenPipeError:  # whoever read it has seen enough
            if out == "-":
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.get_current_context().exit(1)
    for sentence in summary(file, count, time.monotonic() - began):
        click.echo(sentence, err=True)
    click.get_current_context().exit(3 if count.unscored else 0)
