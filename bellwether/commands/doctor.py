from collections.abc import Callable

import click

from bellwether.settings import Settings

SECONDS = "How long to score invented texts."


@click.command
@click.option("--seconds", type=click.FloatRange(min=0), default=5.0, show_default=True, metavar="S", help=SECONDS)
@click.pass_obj
def doctor(load: Callable[[], Settings], seconds: float) -> None:
    """Say what this machine can do, how fast it scores, and what would be better.

    Loads the model of the settings, scores invented texts of both languages for some seconds, and gives advice. Reads and
    writes no log, so it may run beside a daemon; each then takes from the other's figures.

    Ends with 0 if the model runs, with or without advice, and with 2 if a person has to act before it can.
    """
    settings = load()
    # `--help` need not wait for these.
    from bellwether.checkup import Machine, advice, paced  # noqa: PLC0415
    from classifier.scorer import Scorer  # noqa: PLC0415

    machine = Machine.seen()
    chosen = settings.classifier
    for line in machine.told():
        click.echo(line)
    scorer = Scorer.open(chosen.folder, model=chosen.model, device=chosen.device, threads=chosen.threads)
    click.echo(f"model      {scorer.name} ({scorer.artifact}) on {scorer.provider}, threads: {scorer.threads}")
    pace = paced(scorer, seconds)
    click.echo(f"headlines  {pace.headlines_per_s:,.0f} texts/s")
    click.echo(f"articles   {pace.articles_per_s:,.0f} texts/s, as long as the model reads")
    click.echo(f"one text   {pace.alone_s * 1000:,.0f} ms, when it comes alone")
    click.echo(f"memory     {pace.memory / 1e6:,.0f} MB")
    found = list(advice(machine, scorer, chosen.threads))
    for sentence in found:
        click.echo(f"advice     {sentence}")
    if not found:
        click.echo("advice     none: the settings fit the machine")
