"""The kernel's word arrives, in order and with names."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from holdfast.host import inotify
from holdfast.host.inotify import Inotify

DEADLINE_S = 10.0


def test_changes_are_told_with_their_names(tmp_path: Path) -> None:
    async def story() -> tuple[int | None, list[tuple[int, int, str]]]:
        with Inotify() as notices:
            watch = notices.add(tmp_path)
            assert notices.drain() == ()
            (tmp_path / "sub").mkdir()
            (tmp_path / "a.lock").write_text("x")
            os.rename(tmp_path / "a.lock", tmp_path / "a")
            async with asyncio.timeout(DEADLINE_S):
                return watch, [(notice.watch, notice.mask, notice.name) for notice in await notices.read()]

    watch, told = asyncio.run(story())
    assert [(mask, name) for _, mask, name in told] == [
        (inotify.CREATE | inotify.IS_DIR, "sub"),
        (inotify.CREATE, "a.lock"),
        (inotify.CLOSE_WRITE, "a.lock"),
        (inotify.MOVED_FROM, "a.lock"),
        (inotify.MOVED_TO, "a"),
    ]
    assert {number for number, _, _ in told} == {watch}


def test_a_reader_wakes_when_something_happens(tmp_path: Path) -> None:
    async def story() -> str:
        with Inotify() as notices:
            notices.add(tmp_path)
            asyncio.get_running_loop().call_soon((tmp_path / "later").mkdir)
            async with asyncio.timeout(DEADLINE_S):
                return (await notices.read())[0].name

    assert asyncio.run(story()) == "later"


def test_a_folder_that_is_not_there_is_not_watched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with Inotify() as notices:
        assert notices.add(tmp_path / "none") is None
        assert notices.add(tmp_path / "file") is None
        watch = notices.add(tmp_path)
        assert notices.add(tmp_path) == watch


def test_a_dropped_watch_is_quiet(tmp_path: Path) -> None:
    with Inotify() as notices:
        watch = notices.add(tmp_path)
        assert watch is not None
        notices.drop(watch)
        (tmp_path / "a").mkdir()
        assert [notice.mask for notice in notices.drain()] == [inotify.IGNORED]
