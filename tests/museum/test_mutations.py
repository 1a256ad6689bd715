"""Every defect in this museum that has a `mutation.toml` is still caught: brought back in a copy of the source, its test fails.

Keys: `file`, and `edit` tables with the text `before` in it, which is there once, and the text `after` that brings the defect back (or one
such pair without a table); `shown_by`, the test.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MUTATIONS = sorted(path.parent.name for path in HERE.glob("*/mutation.toml"))
LIMIT_S = 300.0
PROPER = re.compile(r"What: .+\nWhy: .+\nHow it is shown: .+\n")
LEFT_BEHIND = re.compile(r"^LEFT BEHIND (\d+) ", re.MULTILINE)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_defect_that_comes_back_is_caught(name: str, tmp_path: Path) -> None:
    it = tomllib.loads((HERE / name / "mutation.toml").read_text())
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    place = tmp_path / it["file"]
    text = place.read_text()
    for edit in it.get("edit", [it]):
        assert text.count(edit["before"]) == 1, f"{it['file']} has changed: bring {name} up to date"
        text = text.replace(edit["before"], edit["after"])
    place.write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", it["shown_by"]]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    for pid in LEFT_BEHIND.findall(done.stdout):  # a defect may leave what it should not
        os.kill(int(pid), signal.SIGKILL)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"{it['shown_by']} does not notice {name}:\n{done.stdout}{done.stderr}"
    assert re.search(r"^(E   |FAILED )", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.iterdir() if re.match(r"\d{3}-", path.name)))
def test_every_exhibit_says_what_why_and_how(name: str) -> None:
    assert PROPER.fullmatch((HERE / name / "README.md").read_text())
