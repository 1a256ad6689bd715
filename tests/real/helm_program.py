"""The helm that tests render charts with: built by `tools/helm` from the module in tests/helm/."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.docs.tool import ROOT


def folder_of_helm() -> str:
    """Return the folder of helm, for a PATH; skips, or under CI=true fails, the test where it is not built."""
    found = subprocess.run([str(ROOT / "tools" / "helm"), "--where"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return str(Path(found.stdout.strip()).parent)
    reason = "needs helm: tools/helm builds it (two minutes, once)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
