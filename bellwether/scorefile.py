import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:
    from io import FileIO


class CannotWrite(click.ClickException):
    """There is no (more) room for what was to be written."""


class ScoreFile:
    """Where scores go: a file that has its name only once it is whole, or standard output (`-`).

    Until then it lies beside, as NAME.partial, and holds whole lines only. What is no regular file (a pipe, a device) is
    written directly. Raises `click.UsageError` if that cannot be begun.
    """

    def __init__(self, name: str, source: str) -> None:
        target = Path(os.path.realpath(name))
        self._target = target if name != "-" and (target.is_file() or not target.exists()) else None
        self._partial = target.with_name(f"{target.name}.partial")
        self._size = 0
        if self._target is not None and source != "-" and Path(source).resolve() == self._partial:
            raise click.UsageError(f"{source} is where the scores would be written meanwhile: name another --out")
        self.name = "standard output" if name == "-" else name
        try:
            place = target if self._target is None else self._partial
            self._file: BinaryIO | FileIO = sys.stdout.buffer if name == "-" else place.open("wb", buffering=0)
        except OSError as error:
            raise click.UsageError(f"--out {name} cannot be written: {error.strerror}") from None

    @property
    def so_far(self) -> str:
        """Where that lies which has been written."""
        return self.name if self._target is None else str(self._partial)

    def write(self, lines: bytes) -> None:
        """Add whole lines. Raises `CannotWrite`; a reader that has left is a `BrokenPipeError`."""
        left = memoryview(lines)
        try:
            while left:
                left = left[self._file.write(left) :]
            self._file.flush()
            self._size += len(lines)
        except BrokenPipeError:
            raise
        except OSError as error:
            if self._target is not None:
                os.truncate(self._partial, self._size)
            raise CannotWrite(f"{self.so_far} cannot be written on ({error.strerror})") from None

    def finish(self) -> None:
        """It is whole: give it its name. Raises `CannotWrite`."""
        if self._target is None:
            return
        try:
            os.fsync(self._file.fileno())
            self._partial.replace(self._target)
        except OSError as error:
            raise CannotWrite(f"{self.name} cannot be written ({error.strerror}); it lies in {self._partial}") from None

    def close(self) -> None:
        """Let go of the file; if nothing was written, none is left."""
        if self._file is not sys.stdout.buffer:
            self._file.close()
        if self._target is not None and self._size == 0:
            self._partial.unlink(missing_ok=True)
