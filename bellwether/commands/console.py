from collections.abc import Callable

import click

from bellwether.commands.run import start
from bellwether.settings import Settings


@click.command
@click.pass_obj
def console(load: Callable[[], Settings]) -> None:
    """Serve the web console alone: topics now, alerts with their evidence, cases.

    It reads the logs and writes only what people say there. `bellwether run` serves it too, unless console.enabled is false.
    It is at http://127.0.0.1:8700 (settings http.host and http.port). Who may use it: settings console.tokens_file and
    console.trusted_proxies; without either it is served to this machine only.
    """
    start(load, ("console",), replay=False)
