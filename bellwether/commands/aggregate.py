from collections.abc import Callable

import click

from bellwether.commands.run import REPLAY, start
from bellwether.settings import Settings


@click.command
@click.option("--replay", is_flag=True, help=REPLAY)
@click.pass_obj
def aggregate(load: Callable[[], Settings], *, replay: bool) -> None:
    """Watch the scores: from the log of scores to windows and alerts.

    One is active; start another and it stands by, to take over within seconds.
    """
    start(load, ("aggregate",), replay=replay)
