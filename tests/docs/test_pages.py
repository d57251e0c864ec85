"""What the pages say can be typed, followed and found."""

import re
from pathlib import Path

import pytest

from bellwether.cli import COMMANDS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _code(page: Path) -> str:
    """What a page shows as code, in blocks or in a line."""
    text = page.read_text()
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return "\n".join(blocks + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_on_a_page_is_one(page: Path) -> None:
    named = set(re.findall(r"(?:^|bin/|`)bellwether ([a-z][a-z-]*)", _code(page), re.MULTILINE))
    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_make_target_on_a_page_is_one(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", _code(page), re.MULTILINE)) - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_path_of_ours_on_a_page_exists(page: Path) -> None:
    paths = re.findall(
        r"`((?:ingest|classifier|alerting|bellwether|benchmarks|deploy|tests|docs)/[\w./-]*)`", page.read_text()
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_of_figures_and_every_module_on_a_page_exists(page: Path) -> None:
    results = re.findall(r"`([\w-]+-\d{4}-\d\d-\d\d[\w-]*\.(?:json|md))`", page.read_text())
    assert [name for name in results if not (ROOT / "benchmarks" / "results" / name).exists()] == []
    modules = set(re.findall(r"python -m ((?:benchmarks|classifier|deploy)\.[\w.]+)", _code(page)))
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


def test_the_readme_has_a_line_for_every_folder() -> None:
    told = set(re.findall(r"^\| `(\w+)/` \|", README.read_text(), re.MULTILINE))
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert told == folders - {"dist", "build", "runs"}


def test_every_command_that_a_message_names_exists() -> None:
    files = [
        path for folder in ("ingest", "classifier", "alerting", "bellwether") for path in (ROOT / folder).rglob("*.py")
    ]
    named = {name for path in files for name in re.findall(r"`bellwether ([a-z][a-z-]*)", path.read_text())}
    assert named - set(COMMANDS) == set()


def test_every_page_that_the_code_points_to_exists() -> None:
    files = [
        path for folder in ("ingest", "classifier", "alerting", "bellwether") for path in (ROOT / folder).rglob("*.py")
    ]
    pointed = {page for path in files for page in re.findall(r"`(docs/[^`\s]+)`", path.read_text())}
    assert [page for page in sorted(pointed) if not (ROOT / page).exists()] == []


def test_every_make_target_prints_a_line_of_help() -> None:
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)", MAKEFILE, re.MULTILINE)) - {
        "java",
        "prometheus",
        "chromium",
        "sqlite",
    }
    assert phony == set(re.findall(r"^([a-z-]+):.*  ## ", MAKEFILE, re.MULTILINE))
