"""Commits that are made in the mirror and pushed to a real repository."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.real.test_git import reading

from holdfast.errors import SourceError
from holdfast.kit.tasks import all_of
from holdfast.model.source import EXECUTABLE, Author, Revision
from holdfast.source.git import MirroredGit

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]
T = TypeVar("T")
BOT = Author(name="Holdfast", email="bot@acme.test")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@acme.test", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


class Shop:
    """A bare repository, and a person's clone of it."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.clone = folder / "shop.git", folder / "clone"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        subprocess.run(["git", "clone", "-q", str(self.bare), str(self.clone)], check=True, capture_output=True)
        git(self.clone, "checkout", "-q", "-b", "main")
        self.commit("compose.yaml", "image: web:1\n")

    def commit(self, name: str, text: str, branch: str = "main") -> str:
        path = self.clone / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "-m", f"{name} by hand")
        git(self.clone, "push", "-q", "origin", f"HEAD:{branch}")
        return git(self.clone, "rev-parse", "HEAD").strip()

    def show(self, what: str) -> str:
        return git(self.bare, "show", what)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def play(shop: Shop, tmp_path: Path, story: Callable[[MirroredGit, Revision], Awaitable[T]]) -> T:
    async def whole(port: MirroredGit) -> T:
        return await story(port, await port.resolve(str(shop.bare), "main"))

    return reading(tmp_path / "state", whole)


async def push(
    port: MirroredGit, base: Revision, files: dict[str, bytes], *, branch: str = "main", follows: bool = True, at: float = 1e9
) -> str | None:
    return await port.push(base, branch, files, author=BOT, message="Update web\n\nto 2\n", at=at, follows=follows)


def test_files_are_committed_on_top_and_all_else_stays(shop: Shop, tmp_path: Path) -> None:
    shop.commit('odd "name ü/a.sh', "#!/bin/sh\n")
    git(shop.clone, "update-index", "--chmod=+x", 'odd "name ü/a.sh')
    git(shop.clone, "commit", "-q", "-m", "x")
    git(shop.clone, "push", "-q")

    async def story(port: MirroredGit, base: Revision) -> None:
        made = await push(port, base, {"compose.yaml": b"image: web:2\n\n", 'odd "name ü/a.sh': b"#!/bin/sh -e\n", "new/file": b"\0\xff"})
        after = await port.resolve(str(shop.bare), "main")
        assert (after.commit, after.subject, after.author, after.committed_at) == (made, "Update web", "Holdfast <bot@acme.test>", 1e9)
        tree = await port.tree(after, "")
        found = await port.read(str(shop.bare), [blob.id for blob in tree.blobs.values()])
        assert {path: found[blob.id] for path, blob in tree.blobs.items()} == {
            "compose.yaml": b"image: web:2\n\n",
            'odd "name ü/a.sh': b"#!/bin/sh -e\n",
            "new/file": b"\0\xff",
        }
        assert tree.blobs['odd "name ü/a.sh'].mode == EXECUTABLE
        assert made is not None
        assert await port.is_ancestor(str(shop.bare), base.commit, made)

    play(shop, tmp_path, story)
    assert git(shop.bare, "log", "-1", "--format=%an <%ae> %cn <%ce>%n%B").strip().splitlines() == [
        "Holdfast <bot@acme.test> Holdfast <bot@acme.test>",
        "Update web",
        "",
        "to 2",
    ]
    assert "fsck" not in git(shop.bare, "fsck", "--strict")


def test_a_branch_that_moved_is_not_overwritten(shop: Shop, tmp_path: Path) -> None:
    async def story(port: MirroredGit, base: Revision) -> None:
        by_hand = shop.commit("other.yaml", "a: b\n")
        with pytest.raises(SourceError) as moved:
            await push(port, base, {"compose.yaml": b"image: web:2\n"})
        assert (moved.value.code, shop.show("main:other.yaml")) == ("HF4061", "a: b\n")
        again = await port.resolve(str(shop.bare), "main")
        assert again.commit == by_hand
        await push(port, again, {"compose.yaml": b"image: web:2\n"})
        assert shop.show("main:compose.yaml") == "image: web:2\n"

    play(shop, tmp_path, story)


def test_another_branch_is_made_anew_but_never_over_a_persons_work(shop: Shop, tmp_path: Path) -> None:
    async def story(port: MirroredGit, base: Revision) -> None:
        first = await push(port, base, {"compose.yaml": b"image: web:2\n"}, branch="bot/update", follows=False)
        same = await push(port, base, {"compose.yaml": b"image: web:2\n"}, branch="bot/update", follows=False, at=2e9)
        assert same is None
        assert first == git(shop.bare, "rev-parse", "bot/update").strip()
        second = await push(port, base, {"compose.yaml": b"image: web:3\n"}, branch="bot/update", follows=False)
        assert second == git(shop.bare, "rev-parse", "bot/update").strip()
        assert git(shop.bare, "rev-list", "--count", "main..bot/update").strip() == "1"
        git(shop.clone, "fetch", "-q")
        git(shop.clone, "checkout", "-q", "-B", "fix", "origin/bot/update")
        by_hand = shop.commit("fix.yaml", "a: b\n", branch="bot/update")
        with pytest.raises(SourceError) as others:
            await push(port, base, {"compose.yaml": b"image: web:4\n"}, branch="bot/update", follows=False)
        assert (others.value.code, git(shop.bare, "rev-parse", "bot/update").strip()) == ("HF4063", by_hand)

    play(shop, tmp_path, story)


def test_which_branch_a_revision_follows(shop: Shop, tmp_path: Path) -> None:
    commit = git(shop.clone, "rev-parse", "HEAD").strip()
    git(shop.clone, "tag", "v1.0.0")
    git(shop.clone, "push", "-q", "origin", "v1.0.0", "HEAD:refs/heads/team/next")

    async def story(port: MirroredGit, base: Revision) -> None:
        names = ("main", "HEAD", "", "refs/heads/main", "team/next")
        assert [await port.branch_of(base.repository, name) for name in names] == ["main", "main", "main", "main", "team/next"]
        for name in ("v1.0.0", "^1.0", commit):
            with pytest.raises(SourceError) as none:
                await port.branch_of(base.repository, name)
            assert none.value.code == "HF4060"

    play(shop, tmp_path, story)


def test_what_a_repository_does_not_take_is_told(shop: Shop, tmp_path: Path) -> None:
    git(shop.bare, "config", "receive.denyNonFastForwards", "true")
    working = str(shop.clone)

    async def story(port: MirroredGit, base: Revision) -> None:
        there = await port.resolve(working, "main")
        with pytest.raises(SourceError) as checked_out:
            await push(port, there, {"compose.yaml": b"image: web:2\n"})
        assert checked_out.value.code == "HF4062"
        assert "somebody's working copy" in (checked_out.value.hint or "")
        with pytest.raises(SourceError) as no_name:
            await push(port, base, {"compose.yaml": b"x\n"}, branch="--upload-pack=touch x", follows=False)
        assert no_name.value.code == "HF4060"

    play(shop, tmp_path, story)
    assert (shop.clone / "compose.yaml").read_text() == "image: web:1\n"


def test_two_who_push_at_once_give_one_commit(shop: Shop, tmp_path: Path) -> None:
    async def story(port: MirroredGit, base: Revision) -> None:
        async def once(at: int) -> str:
            try:
                await push(port, base, {"compose.yaml": f"image: web:{at}\n".encode()})
            except SourceError as error:
                return error.code
            return "pushed"

        assert sorted(await all_of(once(0), once(1))) == ["HF4061", "pushed"]
        assert git(shop.bare, "rev-list", "--count", "main").strip() == "2"

    play(shop, tmp_path, story)
