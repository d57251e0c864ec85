"""The command line. Commands live in `bellwether/commands/`, one a file, and are loaded only when they are called.

A command finds in `context.obj` a function that reads the settings: it costs nothing where none are needed.
"""

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click

# What `--help` tells without loading any of them. Command `dead-letters` is `dead_letters` in commands/dead_letters.py.
COMMANDS = {
    "init": "Make or check the logs.",
    "check": "Print the settings in force and what is wrong.",
    "doctor": "Say what this machine can do, and how fast it scores.",
    "publish": "Put documents from a file or a feed into a log.",
    "run": "Classify, aggregate, deliver and show in one process.",
    "classify": "Score documents.",
    "aggregate": "Watch the scores and open alerts.",
    "deliver": "Bring alerts to their destinations.",
    "console": "Serve the web console.",
    "report": "Write the incidents of some days as one page.",
    "score": "Score the texts of a file.",
    "replay": "Run history through it all, and list the alerts there would have been.",
    "whatif": "Compare the alerts of another budget with those of the settings.",
    "send-test-alert": "Tell every destination an alert that says it is a test.",
    "dead-letters": "Look at what could not be read, and put it back repaired.",
    "audit": "Check and read the log of who did what.",
    "train": "Train a model on labelled rows of your own.",
    "evaluate": "Measure a model on labelled rows.",
    "schema": "Print the JSON Schema of a document.",
}

HELP = """Bellwether watches news and comments for negative sentiment that is rare for its topic, and alerts.

A first look, without any broker or settings:

\b
  bellwether init
  bellwether publish news.jsonl
  bellwether run

Settings come from one TOML file (--config, else $BELLWETHER_CONFIG, else ./bellwether.toml) and from variables like
BELLWETHER_KAFKA__BOOTSTRAP_SERVERS. `bellwether check` prints what is in force.
"""

EPILOG = """\b
Exit codes:
  0  done, or stopped as asked
  1  something failed: the last line says what; starting again may help
  2  wrong call or settings, or a log or model that a person has to put right: starting again does not help
  3  done in part: some of the input could not be taken, and is listed
"""


class LazyGroup(click.Group):
    """Commands by name, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """In the order of a first acquaintance."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's file."""
        if cmd_name not in COMMANDS:
            return None
        attribute = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"bellwether.commands.{attribute}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """One line each, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, help=HELP, epilog=EPILOG)
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="The settings file (TOML).")
@click.version_option(version("bellwether"), prog_name="bellwether")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """The group; what `--help` tells is `HELP`."""
    from bellwether.settings import read_settings  # noqa: PLC0415 - `--help` need not wait for it

    context.obj = partial(read_settings, config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code; expected errors are one line each on standard error."""
    try:
        code = cli.main(arguments, prog_name="bellwether", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort as aborted:
        from bellwether.stopping import LeftBehind, leave_at_once  # noqa: PLC0415

        click.echo("stopped", err=True)
        code = 130
        if isinstance(aborted.__cause__, LeftBehind):
            leave_at_once(code)
    except Exception as error:
        from bellwether.failures import exit_code, sentences  # noqa: PLC0415

        known = exit_code(error)
        if known is None:
            raise
        code = known
        for sentence in sentences(error):
            click.echo(sentence, err=True)
    sys.exit(code if isinstance(code, int) else 0)
