"""Commands that need more than what serves."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """For imports that only the extra `name` makes possible: without it the command ends with a sentence and code 2."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"this command needs the extra `{name}` ({error.name} is missing): "
            f"in the folder of the checkout, pip install -c constraints.txt -e '.[cpu,{name}]' brings it."
        ) from None
