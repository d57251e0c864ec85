"""Files that commands write."""

import os
from pathlib import Path

from bellwether.writing import whole_file


def test_a_pipe_is_written_under_the_name_that_a_shell_gives_it() -> None:
    end, pipe = os.pipe()
    with whole_file(Path(f"/dev/fd/{pipe}")) as out:
        out.write("told")
    os.close(pipe)
    with os.fdopen(end, encoding="utf-8") as said:
        assert said.read() == "told"
