from collections.abc import Callable

import click

from bellwether.commands.run import REPLAY, start
from bellwether.settings import Settings


@click.command
@click.option("--replay", is_flag=True, help=REPLAY)
@click.pass_obj
def classify(load: Callable[[], Settings], *, replay: bool) -> None:
    """Score documents: from the logs of documents to the log of scores.

    Start as many as there are partitions to read: they share them out.
    """
    start(load, ("classify",), replay=replay)
