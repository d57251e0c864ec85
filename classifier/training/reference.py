"""Writes what the trained float32 network says of fixed sentences: the yardstick for its int8 graph where no torch is.

R=tests/classifier/reference
python -m classifier.training.reference --model DIR --sentences $R/sentences.jsonl --out $R/scores.json
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from classifier.training.rows import json_rows, text_of
from classifier.training.scoring import score_torch


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write float32 reference logits of fixed sentences.")
    parser.add_argument("--model", type=Path, required=True, help="the folder `model` that training wrote")
    parser.add_argument("--sentences", type=Path, required=True, help="JSONL with `text`")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    given = parser.parse_args(arguments)
    logits = score_torch(given.model, [text_of(row) for row in json_rows([given.sentences])])
    rounded = {name: getattr(logits, name).round(5).tolist() for name in ("topics", "sentiment")}
    given.out.write_text(json.dumps(rounded) + "\n", "utf-8")


if __name__ == "__main__":
    main()
