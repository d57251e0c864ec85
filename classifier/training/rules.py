"""Topics by rule for unlabelled texts: weak rows for topics that few corpora label.

    python -m classifier.training.rules --texts FILE... --out weak.jsonl
    python -m classifier.training.rules --texts FILE... --all-are crypto --limit 1000 --before 2022-05-01 --out weak.jsonl

The first form keeps the texts in which a rule of `RULES` fires. The second takes a source that speaks of one topic throughout
as a label of a kind; `--before` keeps later events unseen, for replays that test them.
"""

import argparse
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from classifier.training.labels import TOPICS
from classifier.training.rows import json_rows, text_of

_MOVES = (
    "rises|falls|edges|gains|slips|steady|firms?|holds|climbs|drops|slides|jumps|hits|retreats|eases|recovers|rallies"
)

RULES: Final = {
    "fx": re.compile(
        r"\b(forex|fx market|(?<!virtual )(?<!digital )currenc(y|ies)|greenback|sterling|(turkish )?lira|argentine peso|rupee"
        rf"|rouble|ruble|(dollar|euro|yen|yuan) ({_MOVES}))\b",
        re.IGNORECASE,
    ),
    "credit_default": re.compile(
        r"\b(files? for (chapter 11|bankruptcy)|bankruptcy (protection|filing)|chapter 11|defaults? on|(debt|bond) default"
        r"|missed (a )?(bond|coupon|interest|debt) payment|insolven\w+"
        r"|(cuts?|downgrades?|lowers?) .{0,40}\b(to junk|rating)|(fitch|moody.s|s&p) (cuts|downgrades))",
        re.IGNORECASE,
    ),
}
"""About four in five right, which is what a weak label needs."""


def topics_by_rule(text: str) -> list[str]:
    """Topics whose rule fires."""
    return [topic for topic, rule in RULES.items() if rule.search(text)]


def weak_row(row: dict[str, Any], topics: Sequence[str]) -> dict[str, Any]:
    """A row that `read_examples` takes as weak."""
    kept: dict[str, Any] = {key: row[key] for key in ("id", "lang", "fold", "text", "title", "body") if key in row}
    return kept | {"topics": list(topics), "source": f"{row.get('source', 'own')} (rule)"}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Label unlabelled texts with topics by rule.")
    parser.add_argument("--texts", nargs="+", type=Path, required=True, help="JSONL with `text`")
    parser.add_argument("--all-are", choices=TOPICS, help="the one topic of every text of these files")
    parser.add_argument("--before", default="9999", help="take only rows whose `time` is earlier")
    parser.add_argument("--limit", type=int, default=1_000_000, help="take at most so many, at random")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    rows = [row for row in json_rows(given.texts) if str(row.get("time") or "") < given.before]
    labelled = [(row, [given.all_are] if given.all_are else topics_by_rule(text_of(row))) for row in rows]
    weak = [weak_row(row, topics) for row, topics in labelled if topics]
    random.Random(4).shuffle(weak)  # noqa: S311 - a sample, not a secret
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in weak[: given.limit]]
    given.out.write_text("".join(lines), "utf-8")
    print(f"{len(lines)} rows in {given.out}")


if __name__ == "__main__":
    main()
