import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click

from bellwether.settings import Settings, WrongSettings


@click.command
@click.pass_context
def check(context: click.Context) -> None:
    """Print the settings in force, and what is wrong.

    Secrets are not shown. Looks at the settings, the model's folder, the destinations and the logs, and changes nothing.
    Ends with 0 if all is well, 1 if the logs cannot be reached at present, 2 if a person has to act.
    """
    load: Callable[[], Settings] = context.obj
    settings = load()
    from bellwether.effective import shown  # noqa: PLC0415
    from bellwether.failures import exit_code, sentences  # noqa: PLC0415

    click.echo(shown(settings))
    code = 0
    for error in _wrong(settings):
        known = exit_code(error)
        if known is None:
            raise error
        code = max(code, known)
        for sentence in sentences(error):
            click.echo(sentence, err=True)
    if code == 0:
        click.echo("# all is well")
    context.exit(code)


def _wrong(settings: Settings) -> Iterator[Exception]:
    """What a start would stumble over, each as its error."""
    from bellwether.clock import now  # noqa: PLC0415
    from bellwether.delivering import destinations  # noqa: PLC0415
    from bellwether.kinds import is_there  # noqa: PLC0415
    from bellwether.opening import check_logs, open_logs  # noqa: PLC0415
    from bellwether.roles import check_topics  # noqa: PLC0415
    from bellwether.showing import access_settings  # noqa: PLC0415
    from classifier.artifact import ArtifactError  # noqa: PLC0415
    from classifier.device import DeviceError  # noqa: PLC0415
    from ingest.logs import LogError, LogUnfit  # noqa: PLC0415

    for look in (destinations, access_settings, check_topics):
        try:
            look(settings)
        except WrongSettings as error:
            yield error
        except ArtifactError:
            pass  # told of below
    try:
        artifact = settings.classifier.verified()
        if settings.classifier.device == "cuda":
            from classifier.session import Session  # noqa: PLC0415 - slow to load, and the others cannot fail

            Session(artifact, device="cuda")
    except (ArtifactError, DeviceError) as error:
        yield error
    embedded = settings.kafka is None  # a start makes what is missing there
    if embedded and not is_there(settings.log_path):
        if not _can_be_made(settings.log_path):
            yield LogUnfit(f"{settings.log_path} cannot be made: name a place in [log] path that this user may write")
        return
    try:
        with closing(open_logs(settings, now)) as logs:
            if not embedded:
                check_logs(settings, logs)
    except LogError as error:
        yield error


def _can_be_made(file: Path) -> bool:
    """Whether the nearest folder above it that exists may be written."""
    above = next(folder for folder in file.absolute().parents if folder.exists())
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)
