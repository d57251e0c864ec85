import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from bellwether.settings import Settings

if TYPE_CHECKING:
    from ingest.logs import Logs


FORGET = (
    "Also remove what the aggregator remembers, where it cannot read that any more. Stop it before: it begins anew with the "
    "scores that are kept."
)


@click.command
@click.option("--wait", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS",
              help="How long to try when the logs cannot be reached.")  # fmt: skip
@click.option("--forget-checkpoints", is_flag=True, help=FORGET)
@click.pass_obj
def init(load: Callable[[], Settings], wait: float, *, forget_checkpoints: bool) -> None:
    """Make the logs that are missing, and check the others.

    Makes what `run` needs: the inputs, with the broker's defaults, and Bellwether's own logs. What exists is not changed
    in Kafka; what does not fit is named. May be called as often as one likes.
    """
    settings = load()
    from bellwether.clock import now  # noqa: PLC0415
    from bellwether.opening import kept_logs, open_logs  # noqa: PLC0415

    def ensure() -> list[str]:
        with closing(open_logs(settings, now)) as logs:
            said = logs.ensure(kept_logs(settings))
            return [*said, *(_forget(logs) if forget_checkpoints else ())]

    for sentence in _patiently(ensure, wait) or ["nothing to do"]:
        click.echo(sentence)
    names = ", ".join(kept.log for kept in kept_logs(settings))
    place = "" if settings.kafka else f", in {settings.log_path}"
    click.echo(f"all logs are there{place}: {names}")


def _forget(logs: "Logs") -> list[str]:
    """Take back every checkpoint; says how many records that were."""
    from alerting.checkpoints import CHECKPOINTS, forgetting  # noqa: PLC0415

    removals = forgetting(logs.scan(CHECKPOINTS.log))
    with closing(logs.writer()) as writer:
        for removal in removals:
            writer.publish(removal)
        writer.flush()
    return [f"removed {len(removals)} records of {CHECKPOINTS.log}"]


def _patiently(ensure: Callable[[], list[str]], wait_s: float) -> list[str]:
    """Try again until `wait_s` have passed, saying so once. Raises the last `LogAway`."""
    from ingest.logs import LogAway  # noqa: PLC0415

    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            return ensure()
        except LogAway as away:
            if not told:
                click.echo(f"{away}; trying for {wait_s:.0f} s", err=True)
                told = True
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            time.sleep(min(1.0, left))
