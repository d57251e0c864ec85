from collections.abc import Callable

import click

from bellwether.commands.run import REPLAY, start
from bellwether.settings import Settings


@click.command
@click.option("--replay", is_flag=True, help=REPLAY)
@click.pass_obj
def deliver(load: Callable[[], Settings], *, replay: bool) -> None:
    """Bring alerts to their destinations, each at its own pace.

    A destination that is away holds up nobody else, and gets its alerts when it is back.
    """
    start(load, ("deliver",), replay=replay)
