"""What an interrupted training goes on from."""

import json
import shutil
import sys
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole one of a run's checkpoints, None if there is none; newer ones that are not whole are removed."""
    while folder.exists() and (newest := get_last_checkpoint(str(folder))):  # type: ignore[no-untyped-call]
        try:
            json.loads(Path(newest, TRAINER_STATE_NAME).read_text("utf-8"))  # the file that is written last
        except (FileNotFoundError, ValueError):
            print(f"{newest} was cut off while it was written, and is removed", file=sys.stderr)
            shutil.rmtree(newest)
        else:
            return str(newest)
    return None
