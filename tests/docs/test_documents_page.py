"""The page about documents names every field and every reason, and its example of a mapping is one."""

import re
import tomllib
from pathlib import Path

from ingest.deadletters import REASONS
from ingest.decode import FIELDS, field_mapping

PAGE = (Path(__file__).parents[2] / "docs" / "documents.md").read_text()


def _first_cells(heading: str) -> set[str]:
    part = PAGE.split(heading)[1].split("\n## ")[0]
    return {name for cell in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


def test_every_field_of_a_document_is_on_the_page() -> None:
    assert _first_cells("# Documents") == set(FIELDS)


def test_every_reason_for_a_dead_letter_is_on_the_page() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|$", PAGE.split("## What is refused")[1], re.MULTILINE))
    assert told == REASONS


def test_the_example_of_a_mapping_can_be_read() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    for each in tomllib.loads(example[1])["input"]:
        field_mapping(each["fields"], each["timezone"])
