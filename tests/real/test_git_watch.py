"""A local repository is watched by the kernel: whatever moves a reference is heard, by whatever way, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from holdfast.host.clock import RealClock
from holdfast.source.local import folders_of, local_hints
from holdfast.testing.contracts.git import SHOP
from holdfast.testing.git_repository import GitRepository

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

DEADLINE_S = 20.0
NEVER_S = 3600.0
"""No hint of the safety net during a test."""

Hints = AsyncGenerator[None, None]
Story = Callable[[Hints], Awaitable[None]]


def watching(path: Path, story: Story, *, every_s: float = NEVER_S) -> None:
    async def whole() -> None:
        hints = local_hints(str(path), clock=RealClock(), every_s=every_s)
        try:
            async with asyncio.timeout(DEADLINE_S):
                await anext(hints)
                await story(hints)
        finally:
            await hints.aclose()

    asyncio.run(whole())


@pytest.fixture
def shop(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "shop")
    repository.commit(SHOP)
    repository.git("reset", "--quiet", "--hard")
    return repository


def commit_as_a_person(it: GitRepository) -> None:
    (it.path / "Procfile").write_text(f"web: ./run {it.git('rev-parse', 'HEAD')}\n")
    it.git("commit", "--quiet", "--all", "-m", "more")


MOVES: dict[str, Callable[[GitRepository], object]] = {
    "a commit": commit_as_a_person,
    "a branch update": lambda it: it.change({"more": "x"}),
    "a new branch": lambda it: it.git("branch", "side"),
    "a new branch in a new folder": lambda it: it.git("branch", "team/side/deep"),
    "a branch that is deleted": lambda it: it.git("branch", "-D", "old"),
    "a tag": lambda it: it.git("tag", "v1"),
    "another HEAD": lambda it: it.git("symbolic-ref", "HEAD", "refs/heads/old"),
    "packed references": lambda it: it.git("pack-refs", "--all"),
    "a branch that was packed": lambda it: (it.git("pack-refs", "--all"), it.change({"more": "x"})),
    "a push from elsewhere": lambda it: it.git("fetch", "--quiet", ".", "old:pushed"),
}


@pytest.mark.parametrize("what", MOVES)
def test_what_moves_a_reference_is_heard(what: str, shop: GitRepository) -> None:
    shop.git("branch", "old")

    async def story(hints: Hints) -> None:
        await asyncio.to_thread(MOVES[what], shop)
        await anext(hints)

    watching(shop.path, story)


def test_a_bare_repository_is_heard(tmp_path: Path) -> None:
    bare = GitRepository(tmp_path / "shop.git", is_bare=True)
    bare.commit(SHOP)

    async def story(hints: Hints) -> None:
        for number in range(3):
            await asyncio.to_thread(bare.change, {"number": str(number)})
            await anext(hints)

    watching(bare.path, story)


def test_a_linked_worktree_hears_its_own_head_and_the_shared_branches(shop: GitRepository, tmp_path: Path) -> None:
    shop.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    linked = GitRepository(tmp_path / "linked")

    async def story(hints: Hints) -> None:
        await asyncio.to_thread(commit_as_a_person, linked)
        await anext(hints)
        await asyncio.to_thread(commit_as_a_person, shop)
        await anext(hints)
        await asyncio.to_thread(linked.git, "checkout", "--quiet", "--detach")
        await anext(hints)

    watching(linked.path, story)


def test_what_moves_no_reference_is_not_heard(shop: GitRepository) -> None:
    """The index, files of the checkout and objects change; then a commit ends the wait, and it is the only hint."""

    def work() -> None:
        (shop.path / "Procfile").write_text("web: ./other\n")
        shop.git("add", "Procfile")
        shop.git("status")
        shop.blob(b"an object")
        (shop.path / ".git" / "description").write_text("other")

    async def story(hints: Hints) -> None:
        await asyncio.to_thread(work)
        order: list[str] = []

        async def hear() -> None:
            await anext(hints)
            order.append("heard")

        async def move() -> None:
            await asyncio.to_thread(shop.git, "hash-object", "Procfile")  # time enough for a hint that should not come
            order.append("moving")
            await asyncio.to_thread(shop.change, {"more": "x"})

        async with asyncio.TaskGroup() as group:
            group.create_task(hear())
            group.create_task(move())
        assert order == ["moving", "heard"]

    watching(shop.path, story)


class Follower:
    """Looks at main whenever it is told to, and only then, as a controller does."""

    def __init__(self, path: Path, hints: Hints) -> None:
        self._path = path
        self._hints = hints

    async def sees(self, commit: str) -> None:
        """Follow the hints until a look shows this commit, "" for no repository."""
        while True:
            await anext(self._hints)
            if await asyncio.to_thread(self._look) == commit:
                return

    def _look(self) -> str:
        try:
            return GitRepository(self._path).git("rev-parse", "main") if self._path.exists() else ""
        except subprocess.CalledProcessError:
            return ""


def test_a_repository_that_goes_and_comes_is_heard_both_times(shop: GitRepository, tmp_path: Path) -> None:
    async def story(hints: Hints) -> None:
        follower = Follower(shop.path, hints)
        for number in range(2):
            await asyncio.to_thread(os.rename, shop.path, tmp_path / "away")
            await follower.sees("")
            commit = await asyncio.to_thread(GitRepository(tmp_path / "away").change, {"number": str(number)})
            await asyncio.to_thread(os.rename, tmp_path / "away", shop.path)
            await follower.sees(commit)
            await follower.sees(await asyncio.to_thread(GitRepository(shop.path).change, {"more": str(number)}))

    watching(shop.path, story)


def test_another_repository_in_the_same_place_is_heard(shop: GitRepository, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other")
    commit = other.commit({"other": "x"})

    async def story(hints: Hints) -> None:
        follower = Follower(shop.path, hints)
        os.rename(shop.path / ".git", tmp_path / "away")
        os.rename(other.path / ".git", shop.path / ".git")
        await follower.sees(commit)
        await follower.sees(await asyncio.to_thread(shop.change, {"more": "x"}))

    watching(shop.path, story)


def test_a_git_file_that_points_elsewhere_is_heard(shop: GitRepository, tmp_path: Path) -> None:
    shop.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    other = GitRepository(tmp_path / "other")
    commit = other.commit({"other": "x"})

    async def story(hints: Hints) -> None:
        follower = Follower(tmp_path / "linked", hints)
        await asyncio.to_thread((tmp_path / "linked" / ".git").write_text, f"gitdir: {other.path / '.git'}\n")
        await follower.sees(commit)
        await follower.sees(await asyncio.to_thread(other.change, {"more": "x"}))

    watching(tmp_path / "linked", story)


def test_the_safety_net_looks_without_a_notice(shop: GitRepository) -> None:
    async def story(hints: Hints) -> None:
        for _ in range(3):
            await anext(hints)

    watching(shop.path, story, every_s=0.01)


def test_a_folder_that_is_no_repository_has_no_folders(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".git").write_text("not a pointer\n")
    assert folders_of(str(tmp_path / "plain")) is None
    assert folders_of(str(tmp_path / "broken")) is None
    assert folders_of(str(tmp_path / "missing")) is None
