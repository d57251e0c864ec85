from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, str], None]
"""Moves a bar on: how much is done, and a few words."""


@contextmanager
def progress_bar(name: str, total: int | None) -> Iterator[Advance]:
    """A progress bar on standard error, if that is a terminal. `total` None: not known."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=total, told="")

        def advance(done: int, told: str) -> None:
            progress.update(task, completed=done, told=told)

        yield advance
