"""A change of a watched file is named, also where its folder was not there, went, or came back."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from holdfast.errors import Unavailable
from holdfast.host.file_watch import FileWatch
from holdfast.host.files import write_atomic
from holdfast.host.inotify import Inotify

DEADLINE_S = 10.0


def named_after(root: Path, files: list[str], act: Callable[[], object], wanted: str, watch: FileWatch | None = None) -> set[str]:
    """Watch `files` beneath `root`, act, and return what is named up to and with `wanted`."""

    async def story() -> set[str]:
        watching = watch or FileWatch()
        for file in files:
            watching.add(str(root), str(root / file))
        async with aclosing(watching.changes()) as changes, asyncio.timeout(DEADLINE_S):
            await first(changes, len(files))
            asyncio.get_running_loop().call_soon(act)
            named = set()
            async for path in changes:
                named.add(path.removeprefix(f"{root}/"))
                if path == str(root / wanted):
                    break
            return named

    return asyncio.run(story())


async def first(changes: AsyncIterator[str], count: int) -> list[str]:
    return [await anext(changes) for _ in range(count)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a").write_text("old")
    return tmp_path


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda root: (root / "conf" / "a").write_text("new"),
    "removed": lambda root: (root / "conf" / "a").unlink(),
    "replaced": lambda root: write_atomic(root / "conf" / "a", b"new"),
    "moved away": lambda root: (root / "conf" / "a").rename(root / "b"),
    "its mode": lambda root: (root / "conf" / "a").chmod(0o600),
    "its folder removed": lambda root: shutil.rmtree(root / "conf"),
    "its folder moved": lambda root: (root / "conf").rename(root / "other"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_named(root: Path, change: str) -> None:
    assert named_after(root, ["conf/a"], lambda: CHANGES[change](root), "conf/a") == {"conf/a"}


def test_other_files_are_not_named(root: Path) -> None:
    def act() -> None:
        (root / "conf" / "other").write_text("x")
        (root / "conf" / "a").write_text("x")

    assert named_after(root, ["conf/a", "conf/b", "c"], act, "conf/a") == {"conf/a"}


def test_a_file_is_named_whose_folders_were_not_there(root: Path) -> None:
    def act() -> None:
        (root / "x" / "y").mkdir(parents=True)
        (root / "x" / "y" / "a").write_text("new")

    assert named_after(root, ["x/y/a"], act, "x/y/a") == {"x/y/a"}


def test_a_folder_that_went_and_came_back_is_watched_again(root: Path) -> None:
    async def story() -> list[str]:
        watch = FileWatch()
        watch.add(str(root), str(root / "conf" / "a"))
        named = []
        async with aclosing(watch.changes()) as changes, asyncio.timeout(DEADLINE_S):
            named += await first(changes, 1)
            shutil.rmtree(root / "conf")
            named += await first(changes, 1)
            (root / "conf").mkdir()
            named += await first(changes, 1)
            (root / "conf" / "a").write_text("again")
            named += await first(changes, 1)
        return named

    assert asyncio.run(story()) == [str(root / "conf" / "a")] * 4


def test_a_file_that_is_added_while_it_watches_is_named_at_once_and_one_dropped_no_more(root: Path) -> None:
    async def story() -> list[str]:
        watch = FileWatch()
        watch.add(str(root), str(root / "conf" / "a"))
        async with aclosing(watch.changes()) as changes, asyncio.timeout(DEADLINE_S):
            await first(changes, 1)
            watch.add(str(root), str(root / "b"))
            watch.add(str(root), str(root / "b"))
            added = await first(changes, 1)
            watch.drop(str(root / "conf" / "a"))
            (root / "conf" / "a").write_text("unheard")
            (root / "b").write_text("heard")
            return added + await first(changes, 1)

    assert asyncio.run(story()) == [str(root / "b")] * 2


def test_many_changes_before_the_next_look_are_one(root: Path) -> None:
    async def story() -> list[str]:
        watch = FileWatch()
        for name in ("a", "b"):
            watch.add(str(root), str(root / name))
        async with aclosing(watch.changes()) as changes, asyncio.timeout(DEADLINE_S):
            await first(changes, 2)
            for number in range(200):
                (root / "a").write_text(str(number))
            (root / "b").write_text("last")
            return await first(changes, 2)

    assert [os.path.basename(path) for path in asyncio.run(story())] == ["a", "b"]


def test_what_cannot_be_watched_is_named_now_and_then(root: Path) -> None:
    def used_up() -> Inotify:
        raise Unavailable("HF3106", "cannot watch files: Too many open files")

    watch = FileWatch(poll_s=0.01, opens=used_up)
    assert named_after(root, ["conf/a"], lambda: None, "conf/a", watch) == {"conf/a"}


def test_a_root_that_is_not_there_yet_is_looked_for_now_and_then(root: Path) -> None:
    later = root / "later"

    async def story() -> list[str]:
        watch = FileWatch(poll_s=0.01)
        watch.add(str(later), str(later / "a"))
        async with aclosing(watch.changes()) as changes, asyncio.timeout(DEADLINE_S):
            named = await first(changes, 3)
            later.mkdir()
            (later / "a").write_text("x")
            return named + await first(changes, 1)

    assert asyncio.run(story()) == [str(later / "a")] * 4
