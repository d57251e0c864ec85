from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from alerting.alerts import Alert, Severity
    from alerting.destinations.answers import Answer, Destination
    from bellwether.settings import Settings

MOST_MESSAGES = 50


@click.command("send-test-alert")
@click.option(
    "--destination", "names", multiple=True, metavar="NAME", help="Only this one; may be given several times."
)
@click.option("--severity", type=click.Choice(["warning", "critical"]), default="warning", show_default=True)
@click.pass_context
def send_test_alert(context: click.Context, names: tuple[str, ...], severity: "Severity") -> None:
    """Send an alert that says it is a test to the destinations, and tell what each answered.

    It goes out at once, whatever routes, quiet hours and mutes there are, and stands in no log. Ends with 1 if a destination
    did not take it.
    """
    load: Callable[[], Settings] = context.obj
    settings = load()
    from alerting.rehearsal import rehearsal  # noqa: PLC0415 - `--help` need not wait for these
    from bellwether.clock import now  # noqa: PLC0415
    from bellwether.delivering import destinations  # noqa: PLC0415

    known = [each.name for each in settings.destination]
    if strange := [name for name in names if name not in known]:
        raise click.UsageError(f"there is no destination {', '.join(strange)}; there are {', '.join(known)}")
    alert = rehearsal(severity, now())
    failed = 0
    for destination in destinations(settings):
        if not names or destination.name in names:
            outcome, is_taken = _told(_send(destination, alert, now))
            click.echo(f"{destination.name}: {outcome}")
            failed += not is_taken
    context.exit(1 if failed else 0)


def _send(destination: "Destination", alert: "Alert", clock: Callable[[], int]) -> "Answer":
    """One attempt, of as many messages as it takes."""
    from alerting.destinations.answers import Partly  # noqa: PLC0415

    answer = destination.deliver(alert, clock())
    for _ in range(MOST_MESSAGES):
        if not isinstance(answer, Partly):
            break
        answer = destination.deliver(alert, clock())
    return answer


def _told(answer: "Answer") -> tuple[str, bool]:
    """The answer in words, and whether it is a yes."""
    from alerting.destinations.answers import Away, Delivered, Refused  # noqa: PLC0415

    match answer:
        case Delivered():
            return f"delivered in {answer.took_s:.2f} s", True
        case Refused():
            return f"refused for good: {answer.sentence}", False
        case Away():
            return f"not delivered: {answer.sentence}", False
        case _:
            return "not delivered whole", False
