"""The command line against the real ApiServer, with a fake Service behind it, in a thread of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.daemon import Daemon, Runner


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a path short enough for a socket, whatever pytest calls its folders."""
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        yield Path(folder)


@pytest.fixture
def daemon(state: Path) -> Iterator[Daemon]:
    with Daemon(state) as it:
        yield it


@pytest.fixture
def holdfast(capsys: pytest.CaptureFixture[str], state: Path) -> Runner:
    return Runner(capsys, state)
