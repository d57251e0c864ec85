import json
from pathlib import Path

import click


@click.command
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of a document, as it is published and read where no [input.fields] say otherwise."""
    from ingest.native import document_schema  # noqa: PLC0415 - `--help` need not wait for it

    text = json.dumps(document_schema(), ensure_ascii=False, indent=2) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from None
