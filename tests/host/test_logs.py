"""Rotation by copying and truncating."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.host.keeper import logs
from holdfast.host.keeper.logs import Limits
from holdfast.host.keeper.protocol import Refusal


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("small")
    assert not logs.rotate(str(log), Limits(5, 3))
    assert not logs.rotate(str(tmp_path / "none"), Limits(5, 3))
    assert os.listdir(tmp_path) == ["log"]


def test_older_logs_move_on_and_the_oldest_goes(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    fd = logs.open_log(path)
    for number in range(4):
        os.write(fd, f"part {number}".encode())
        assert logs.rotate(path, Limits(3, 2))
    os.write(fd, b"now")
    os.close(fd)
    assert {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)} == {"log": "now", "log.1": "part 3", "log.2": "part 2"}


def test_no_older_logs_are_kept_where_none_are_wanted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("large enough")
    assert logs.rotate(str(log), Limits(3, 0))
    assert (os.listdir(tmp_path), log.read_text()) == (["log"], "")


def test_a_link_is_neither_opened_nor_rotated(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a long secret")
    (tmp_path / "log").symlink_to(tmp_path / "secret")
    with pytest.raises(Refusal):
        logs.open_log(str(tmp_path / "log"))
    assert not logs.rotate(str(tmp_path / "log"), Limits(3, 1))
    assert (tmp_path / "secret").read_text() == "a long secret"


def test_only_a_regular_file_is_a_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Refusal):
        logs.open_log(str(tmp_path / "fifo"))
    with pytest.raises(Refusal):
        logs.open_log("/dev/null")
