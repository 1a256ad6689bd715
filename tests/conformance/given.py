"""The given cases: independent, with expected answers, in a folder beside the checkout. They are read there and never edited.

HOLDFAST_CONFORMANCE names another folder. Where there is none the tests of it are skipped by name; under CI=true they fail.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("HOLDFAST_CONFORMANCE") or Path(__file__).resolve().parents[3] / "shared" / "conformance")


def cases_at(*parts: str) -> Path:
    """Return a file or folder of the given cases; skips, or under CI=true fails, the module that asks where it is absent."""
    path = FOLDER.joinpath(*parts)
    if path.exists():
        return path
    reason = f"needs the conformance cases {'/'.join(parts)}: not in {FOLDER}; HOLDFAST_CONFORMANCE names their folder"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)
