"""The settings page says what the settings are: every key, in its section, with its default."""

import json
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bellwether.kinds import duration_text
from bellwether.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text()


def _tables(model: type[BaseModel], above: str = "") -> dict[str, type[BaseModel]]:
    """Every table of a settings file, those within others as `destination.route`."""
    found = {}
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        for each in kinds:
            if isinstance(each, type) and issubclass(each, BaseModel):
                found |= {above + name: each} | _tables(each, f"{above}{name}.")
    return found


def _sections() -> dict[str, type[BaseModel]]:
    return _tables(Settings)


def _rows(section: str) -> dict[str, str]:
    """Key to the default's cell, of a section's table."""
    part = re.search(rf"^##+ `\[+{re.escape(section)}\]+`$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert part, f"docs/settings.md has no section [{section}]"
    rows = re.findall(r"^\| (`.*?) \| (.*?) ?\|", part[1], re.MULTILINE)
    return {key: default for keys, default in rows for key in re.findall(r"`(\w+)`", keys)}


def _spelt(value: Any) -> str:
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, tuple):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("section", sorted(_sections()))
def test_every_key_of_a_section_is_on_the_page_and_no_other(section: str) -> None:
    assert set(_rows(section)) == set(_sections()[section].model_fields)


@pytest.mark.parametrize("section", sorted(_sections()))
def test_defaults_are_told_as_they_are(section: str) -> None:
    told = _rows(section)
    for key, field in _sections()[section].model_fields.items():
        if field.default not in (PydanticUndefined, None, {}, ()) and not isinstance(field.default, BaseModel):
            assert told[key].strip() == f"`{_spelt(field.default)}`", key


def test_every_section_is_on_the_page() -> None:
    assert set(re.findall(r"^##+ `\[+([\w.]+)\]+`$", PAGE, re.MULTILINE)) == set(_sections())
    assert set(Settings.model_fields) - set(_sections()) == set(
        re.findall(r"^\| `(\w+)` ", PAGE.split("## ")[0], re.MULTILINE)
    )


def test_the_example_of_a_settings_file_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    (tmp_path / "secrets").mkdir()
    for name, content in {"kafka": "x", "risk-desk-address": "https://risk.example/hook", "risk-desk-key": "k"}.items():
        (tmp_path / "secrets" / name).write_text(content)
    (tmp_path / "bellwether.toml").write_text(example[1])
    settings = read_settings(tmp_path / "bellwether.toml")
    assert settings.alerts.budget_per_week == 3
    assert settings.destination[0].name == "risk-desk"
