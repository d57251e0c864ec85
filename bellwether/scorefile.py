import fcntl
import os
from pathlib import Path
from typing import BinaryIO

import click

from bellwether.writing import is_read, standard_output, takes_the_stream


class CannotWrite(click.ClickException):
    """There is no (more) room for what was to be written."""


class ScoreFile:
    """Where scores go: a file that has its name only once it is whole, or standard output (`-`).

    Until then it lies beside, as NAME.partial, and holds whole lines only. What is no regular file (a pipe, a device) is
    written directly. Raises `click.UsageError` if that cannot be begun, or would go over what was read or scored before.
    """

    def __init__(self, name: str, source: str) -> None:
        target = Path(os.path.realpath(name))
        self._partial = target.with_name(f"{target.name}.partial")
        self._size = 0
        self.is_whole = False  # nothing more comes, and it has its name
        self._is_stdout = name == "-"
        self.name = "standard output" if self._is_stdout else name
        try:
            is_direct = self._is_stdout or takes_the_stream(Path(name))
            self._target = None if is_direct else target
            if self._target is not None:
                self._check_free(self._target, source)
                self._file = self._begun()
            elif self._is_stdout:
                self._file = standard_output()
            else:
                self._file = Path(name).open("wb", buffering=0)  # noqa: SIM115 - see close
        except OSError as error:
            raise click.UsageError(f"--out {name} cannot be written: {error.strerror}") from None

    def _check_free(self, target: Path, source: str) -> None:
        if is_read(target, source):
            raise click.UsageError(f"--out {self.name} is the file to be read: name another")
        if is_read(self._partial, source):
            raise click.UsageError(f"{source} is where the scores would be written meanwhile: name another --out")

    def _begun(self) -> BinaryIO:
        """The partial file, empty, and locked for as long as it is open: of two runs only one may write it."""
        file = self._partial.open("ab", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(file.fileno()), self._partial.stat())  # else it just got its name
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        if is_ours and not self._partial.stat().st_size:
            return file
        file.close()
        raise click.UsageError(
            f"{self._partial} holds what an interrupted run has scored: go on behind it with --from-line into another "
            "--out, or take it away"
            if is_ours
            else f"another run is writing {self._partial}: name another --out"
        )

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
                self._file.truncate(self._size)
            raise CannotWrite(f"{self.so_far} cannot be written on ({error.strerror})") from None

    def finish(self) -> None:
        """Nothing more comes: give it its name. Raises `CannotWrite`."""
        try:
            if self._target is not None:
                os.fsync(self._file.fileno())
                self._partial.replace(self._target)
        except OSError as error:
            raise CannotWrite(f"{self.name} cannot be written ({error.strerror}); it lies in {self._partial}") from None
        self.is_whole = True

    def close(self) -> None:
        """Let go of the file; if nothing was written, none is left."""
        if self._target is not None and self._size == 0 and not self.is_whole:
            self._partial.unlink(missing_ok=True)
        if not self._is_stdout:
            self._file.close()
