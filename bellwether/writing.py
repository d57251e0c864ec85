"""Files that commands write: whole or not at all, and never over the one that is read."""

import errno
import os
import stat
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

import click


def is_read(file: Path, source: str | Path) -> bool:
    """Whether what is written to `file` would go over the file `source` (`-`: standard input), under whatever name."""
    try:
        return str(source) != "-" and file.is_file() and file.samefile(source)
    except OSError:  # there is no such source
        return False


def takes_the_stream(file: Path) -> bool:
    """Whether it is no regular file but a pipe or a device, to be written directly: the real path of a pipe is none."""
    return file.exists() and not file.is_file()


def standard_output() -> BinaryIO:
    """Raises `OSError` if whoever called us has closed it."""
    if sys.stdout is None or sys.stdout.closed:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdout.buffer


def private(path: str, flags: int) -> int:
    """An opener for `open`: the file, were it there or not, is for its owner alone, since it holds texts unmasked."""
    descriptor = os.open(path, flags, 0o600)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def whole_file(file: Path, *, is_private: bool = False) -> Iterator[IO[str]]:
    """FILE, to be written: it has its name only once it is whole, and until then what was there stays.

    What is no regular file (a pipe, a device) is written directly. Raises `click.UsageError` where there is no writing.
    """
    target = Path(os.path.realpath(file))
    place = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        if takes_the_stream(file):
            with file.open("w", encoding="utf-8") as out:
                yield out
            return
        with open(place, "x", encoding="utf-8", opener=private if is_private else None) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if target.exists() and not is_private:
            place.chmod(stat.S_IMODE(target.stat().st_mode))
        place.replace(target)
    except BrokenPipeError:  # who reads it has left
        raise
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):  # it was not made, or has its name
            place.unlink()
