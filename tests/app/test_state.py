"""The state folder: made as it should be, held by one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from holdfast.app.state import LONGEST, StateFolder
from holdfast.errors import Busy, StoreError


def test_what_is_private_is_private(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.prepare()
    modes = {folder.name: stat.S_IMODE(folder.stat().st_mode) for folder in (state.path, state.run, state.secrets)}
    assert modes == {"state": 0o711, "run": 0o711, "secrets": 0o700}


def test_a_second_holder_is_told_of_the_first(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    first.prepare()
    first.lock()
    with pytest.raises(Busy, match=r"another Holdfast \(pid \d+\) runs on it") as refused:
        second.lock()
    assert (refused.value.code, refused.value.exit_code) == ("HF8020", 75)
    first.unlock()
    second.lock()
    second.unlock()


def test_a_path_that_no_socket_fits_into_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * LONGEST)
    with pytest.raises(StoreError, match="too long for a socket") as refused:
        StateFolder(deep).prepare()
    assert refused.value.code == "HF8021"
    assert not deep.exists()


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use state folder"):
        StateFolder(tmp_path / "file" / "state").prepare()
