from collections.abc import Callable, Sequence

import click

from bellwether.settings import Settings

REPLAY = (
    "Take what is in the inputs now, with the documents' own time instead of the clock's; close every window, deliver "
    "every alert, and end."
)


def start(load: Callable[[], Settings], parts: Sequence[str], *, replay: bool) -> None:
    """Run `parts` in this process until it is told to stop, or a replay is through."""
    settings = load()
    if replay:
        settings = settings.model_copy(update={"clock": "replay"})
    if len(parts) > 1 and (settings.replay or not settings.console.enabled):
        parts = [part for part in parts if part != "console"]
    from bellwether.process import Process  # noqa: PLC0415 - wrong settings are told at once

    Process(settings, parts).run()


@click.command
@click.option("--replay", is_flag=True, help=REPLAY)
@click.pass_obj
def run(load: Callable[[], Settings], *, replay: bool) -> None:
    """Classify, aggregate, deliver and show in one process, until it is told to stop.

    SIGTERM or Ctrl-C stop it within 10 seconds, a second one at once; nothing is lost either way. /metrics, /healthz and
    /readyz are at http://127.0.0.1:8700 (settings http.host and http.port), and the console is, unless console.enabled is
    false or this is a replay (--replay, or clock = "replay").
    """
    start(load, ("classify", "aggregate", "deliver", "console"), replay=replay)
