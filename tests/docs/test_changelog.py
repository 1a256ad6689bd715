"""The fragments of the changelog make a changelog."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from tests.docs.tool import ROOT

FRAGMENTS = sorted(path for path in (ROOT / "changelog.d").iterdir() if not path.name.startswith("."))


def test_every_fragment_is_of_a_known_type() -> None:
    """One of another type would be passed over in silence."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    types = {each["directory"] for each in project["tool"]["towncrier"]["type"]}
    assert FRAGMENTS
    assert [path.name for path in FRAGMENTS if path.suffix != ".md" or path.stem.rpartition(".")[2] not in types] == []


@pytest.mark.real
def test_every_fragment_is_in_the_draft_once() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    draft = " ".join(made.stdout.split())
    assert {path.name: draft.count(" ".join(path.read_text().split())) for path in FRAGMENTS} == {path.name: 1 for path in FRAGMENTS}
