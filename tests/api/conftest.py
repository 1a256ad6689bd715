"""The API on a real unix socket, with a fake Service behind it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """A path short enough for a socket, whatever pytest calls its folders."""
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        yield Path(folder) / "run" / "api.sock"
