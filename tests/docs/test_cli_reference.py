"""The pages of commands, exit codes and errors are what the program says of itself, and their links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from holdfast.cli.commands import COMMANDS
from holdfast.cli.explain import catalogue
from holdfast.cli.page import EXITS

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tools_reference_cli", ROOT / "tools" / "reference_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES: dict[Path, str] = tool().pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_pages_are_what_the_program_says(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run .venv/bin/python tools/reference_cli.py"


def test_every_command_code_and_exit_code_is_described() -> None:
    headings = {path.name: re.findall(r"^## (.*)$", text, re.MULTILINE) for path, text in PAGES.items()}
    assert headings["cli.md"] == [f"holdfast {name}" for name in COMMANDS]
    assert [each.partition(":")[0] for each in headings["errors.md"]] == list(catalogue())
    assert all(f"\n| {code} | " in PAGES[REFERENCE / "exit-codes.md"] for code in EXITS)


def test_links_lead_somewhere() -> None:
    for text in PAGES.values():
        headings = {
            re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("#")
        }
        assert set(re.findall(r"\]\(#([^)]*)\)", text)) - headings == set()
        assert all((REFERENCE / link).exists() for link in re.findall(r"\]\(([^#)]+)\)", text))
