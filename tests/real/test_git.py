"""The Git port on real repositories: the contract, names, limits, what is shared, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from holdfast.errors import HoldfastError, Refused, SourceError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.model.source import Git
from holdfast.source.command import GitSettings
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.source.limits import Limits
from holdfast.testing.contracts.git import LAWS, SHOP
from holdfast.testing.git_repository import GitRepository
from holdfast.testing.simulated_git import Files

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

T = TypeVar("T")
OTHER_UID = 61234


def port(state: Path, *, limits: Limits | None = None, settings: GitSettings | None = None, **policy: Any) -> MirroredGit:
    allowed = GitPolicy(**{"allow_local": lambda path: True, **policy})
    return MirroredGit(state, clock=RealClock(), random=RealRandom(), policy=allowed, limits=limits, settings=settings)


def reading(state: Path, story: Callable[[MirroredGit], Awaitable[T]], **options: Any) -> T:
    """Run a story on a port of its own, which is closed at the end."""

    async def whole() -> T:
        git = port(state, **options)
        try:
            return await story(git)
        finally:
            await git.close()

    return asyncio.run(whole())


class RealWorld:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "shop"
        self.repository = str(self._path)
        self.real = port(folder / "state")
        self.git: Git = self.real

    async def commit(self, files: Files, *, branch: str = "main", subject: str = "work") -> str:
        return GitRepository(self._path).commit(files, branch=branch, subject=subject)

    async def point(self, branch: str, commit: str) -> None:
        GitRepository(self._path).point(branch, commit)

    async def tag(self, name: str, commit: str) -> None:
        GitRepository(self._path).tag(name, commit)

    async def vanish(self) -> None:
        shutil.rmtree(self._path)


@pytest.fixture
def shop(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "shop")
    repository.commit(SHOP)
    return repository


@pytest.mark.parametrize("law", LAWS)
def test_the_real_git_keeps_the_contract(law: str, tmp_path: Path) -> None:
    async def story() -> None:
        world = RealWorld(tmp_path)
        try:
            await LAWS[law](world)
        finally:
            await world.real.close()

    asyncio.run(story())


def test_an_annotated_tag_is_its_commit(shop: GitRepository, tmp_path: Path) -> None:
    commit = shop.git("rev-parse", "HEAD")
    shop.tag("v1.0.0", commit, message="first")
    assert shop.git("rev-parse", "v1.0.0") != commit

    async def story(git: MirroredGit) -> list[str]:
        return [(await git.resolve(str(shop.path), name)).commit for name in ("v1.0.0", "~1.0", "refs/tags/v1.0.0", commit[:8])]

    assert reading(tmp_path / "state", story) == [commit] * 4


def test_a_branch_beside_one_that_was_a_folder_is_found(shop: GitRepository, tmp_path: Path) -> None:
    commit = shop.git("rev-parse", "HEAD")
    shop.git("branch", "release/1")

    async def story(git: MirroredGit) -> list[str]:
        first = await git.resolve(str(shop.path), "release/1")
        shop.git("branch", "-D", "release/1")
        shop.git("branch", "release")
        second = await git.resolve(str(shop.path), "release")
        return [first.commit, second.commit]

    assert reading(tmp_path / "state", story) == [commit, commit]


def test_uncommitted_work_is_never_read(shop: GitRepository, tmp_path: Path) -> None:
    shop.git("reset", "--hard", "--quiet")
    (shop.path / "Procfile").write_text("web: ./changed\n")
    (shop.path / "new").write_text("new")
    shop.git("add", "new")

    async def story(git: MirroredGit) -> tuple[set[str], bytes]:
        tree = await git.tree(await git.resolve(str(shop.path), "HEAD"), "")
        blob = tree.blobs["Procfile"]
        return set(tree.blobs), (await git.read(str(shop.path), [blob.id]))[blob.id]

    assert reading(tmp_path / "state", story) == (set(SHOP), b"web: ./run\n")


def test_a_detached_head_is_its_commit(shop: GitRepository, tmp_path: Path) -> None:
    first = shop.git("rev-parse", "HEAD")
    shop.change({"more": "x"})
    shop.git("update-ref", "--no-deref", "HEAD", first)

    async def story(git: MirroredGit) -> str:
        return (await git.resolve(str(shop.path), "HEAD")).commit

    shop.git("checkout", "--quiet", "--detach", "--force", first)
    assert reading(tmp_path / "state", story) == first


def test_file_addresses_and_paths_share_a_mirror(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> list[str]:
        return [(await git.resolve(address, "main")).commit for address in (str(shop.path), f"file://{shop.path}", f"{shop.path}/")]

    assert len(set(reading(tmp_path / "state", story))) == 1
    assert len(list((tmp_path / "state" / "mirrors").glob("*.git"))) == 1


def test_a_local_path_that_nobody_named_is_refused(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> str:
        with pytest.raises(Refused) as refused:
            await git.resolve(str(shop.path), "main")
        return refused.value.code

    assert reading(tmp_path / "state", story, allow_local=lambda path: False) == "HF4003"
    assert not (tmp_path / "state").exists()


def counting(folder: Path) -> tuple[GitSettings, Callable[[], list[str]]]:
    """Return settings whose Git writes down how it is called, and the subcommands so far."""
    script, log = folder / "git-counted", folder / "calls"
    script.write_text(f'#!/bin/sh\necho "$3" >> {log}\nexec git "$@"\n')
    script.chmod(0o755)
    return GitSettings(program=str(script)), lambda: log.read_text().split() if log.exists() else []


def test_two_that_ask_at_once_share_one_question_and_one_fetch(shop: GitRepository, tmp_path: Path) -> None:
    settings, calls = counting(tmp_path)

    async def story(git: MirroredGit) -> set[str]:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(git.resolve(str(shop.path), "main")) for _ in range(8)]
        return {task.result().commit for task in asked}

    assert len(reading(tmp_path / "state", story, settings=settings)) == 1
    assert calls().count("fetch") == 1
    assert calls().count("ls-remote") == 2  # the first, and one for all who came while it ran


def test_what_did_not_move_is_not_fetched_again(shop: GitRepository, tmp_path: Path) -> None:
    settings, calls = counting(tmp_path)

    async def story(git: MirroredGit) -> None:
        for _ in range(3):
            await git.resolve(str(shop.path), "main")

    reading(tmp_path / "state", story, settings=settings)
    reading(tmp_path / "state", story, settings=settings)  # another daemon on the same state
    assert (calls().count("fetch"), calls().count("ls-remote")) == (1, 6)


@pytest.mark.parametrize("hostile", [{}, {"elsewhere/a\x1bb": b"x"}], ids=["sound", "hostile elsewhere"])
def test_many_folders_of_one_commit_are_read_as_each_alone(hostile: Files, shop: GitRepository, tmp_path: Path) -> None:
    settings, calls = counting(tmp_path)
    folders = [f"team-{number}" for number in range(12)]
    nested: Files = {f"{folder}/{name}": f"{folder} {name}".encode() for folder in folders for name in ("a.yaml", "deep/b.yaml")}
    shop.commit({**SHOP, **nested, **hostile, "team-1.yaml": b"no folder", "team-1/run": b"x"})

    async def together(git: MirroredGit) -> dict[str, Any]:
        revision = await git.resolve(str(shop.path), "main")
        async with asyncio.TaskGroup() as group:
            asked = {folder: group.create_task(git.tree(revision, folder)) for folder in folders}
        with pytest.raises(SourceError, match="is not there"):
            await git.tree(revision, "team-99")
        return {folder: task.result().blobs for folder, task in asked.items()}

    found = reading(tmp_path / "state", together, settings=settings)
    lists = calls().count("ls-tree")
    for folder in folders:

        async def alone(git: MirroredGit, folder: str = folder) -> Any:
            return (await git.tree(await git.resolve(str(shop.path), "main"), folder)).blobs

        assert reading(tmp_path / "state", alone) == found[folder]
    assert set(found["team-1"]) == {"a.yaml", "deep/b.yaml", "run"}
    assert lists < len(folders) if not hostile else lists > len(folders)


def test_two_daemons_may_fetch_into_one_mirror(shop: GitRepository, tmp_path: Path) -> None:
    async def story() -> set[str]:
        ports = [port(tmp_path / "state") for _ in range(4)]
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(git.resolve(str(shop.path), "main")) for git in ports]
            return {task.result().commit for task in asked}
        finally:
            for git in ports:
                await git.close()

    assert asyncio.run(story()) == {shop.git("rev-parse", "main")}


def children_named(word: str) -> list[int]:
    """Return the pids of our children whose command line holds a word."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in mine if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_the_reader_of_objects_is_one_process_and_comes_back_when_it_dies(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> tuple[list[int], list[int], bytes]:
        revision = await git.resolve(str(shop.path), "main")
        blob = (await git.tree(revision, "")).blobs["Procfile"]
        await git.read(str(shop.path), [blob.id])
        before = children_named("--batch")
        os.kill(before[0], signal.SIGKILL)
        data = (await git.read(str(shop.path), [blob.id]))[blob.id]
        return before, children_named("--batch"), data

    before, after, data = reading(tmp_path / "state", story)
    assert (len(before), len(after), data) == (1, 1, b"web: ./run\n")
    assert before != after
    assert children_named("--batch") == []


def test_a_damaged_mirror_is_said_and_made_anew_once_it_is_removed(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> str:
        revision = await git.resolve(str(shop.path), "main")
        blob = (await git.tree(revision, "")).blobs["Procfile"]
        [mirror] = (tmp_path / "state" / "mirrors").glob("*.git")
        for path in (mirror / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o644)
                path.write_bytes(b"nonsense")
        await git.close()
        with pytest.raises(SourceError) as damaged:
            await git.read(str(shop.path), [blob.id])
        return damaged.value.code

    assert reading(tmp_path / "state", story) in ("HF4031", "HF4023")
    shutil.rmtree(tmp_path / "state" / "mirrors")

    async def again(git: MirroredGit) -> str:
        return (await git.resolve(str(shop.path), "main")).commit

    assert reading(tmp_path / "state", again) == shop.git("rev-parse", "main")


def test_a_lock_that_a_killed_git_left_is_cleared(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> str:
        return (await git.resolve(str(shop.path), "main")).commit

    reading(tmp_path / "state", story)
    [mirror] = (tmp_path / "state" / "mirrors").glob("*.git")
    (mirror / "HEAD.lock").touch()
    [reference] = (mirror / "refs" / "holdfast" / "fetched").iterdir()
    reference.with_name(f"{reference.name}.lock").touch()
    commit = shop.change({"more": "x"})
    assert reading(tmp_path / "state", story) == commit


@pytest.mark.needs("root")
def test_a_repository_of_another_user_is_read_where_the_operator_named_it(tmp_path: Path) -> None:
    checkout = GitRepository(tmp_path / "checkout")
    commit = checkout.commit(SHOP)
    bare = GitRepository(tmp_path / "bare.git", is_bare=True)
    bare.commit(SHOP)
    checkout.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "main", "--force")
    for path in [*tmp_path.rglob("*"), tmp_path / "checkout", tmp_path / "bare.git"]:
        os.chown(path, OTHER_UID, OTHER_UID, follow_symlinks=False)

    async def story(git: MirroredGit) -> list[str]:
        places = (checkout.path, checkout.path / ".git", bare.path, tmp_path / "linked")
        return [(await git.resolve(str(place), "main")).commit for place in places]

    assert reading(tmp_path / "state", story) == [commit, commit, bare.git("rev-parse", "main"), commit]


def test_a_linked_worktree_has_its_own_head(shop: GitRepository, tmp_path: Path) -> None:
    shop.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    side = shop.change({"side": "x"}, branch="side")

    async def story(git: MirroredGit) -> tuple[str, str]:
        linked = await git.resolve(str(tmp_path / "linked"), "HEAD")
        return linked.commit, (await git.resolve(str(shop.path), "HEAD")).commit

    assert reading(tmp_path / "state", story) == (side, shop.git("rev-parse", "main"))


def test_an_empty_repository_says_so(tmp_path: Path) -> None:
    GitRepository(tmp_path / "empty")

    async def story(git: MirroredGit) -> str:
        with pytest.raises(SourceError) as empty:
            await git.resolve(str(tmp_path / "empty"), "main")
        return empty.value.code

    assert reading(tmp_path / "state", story) == "HF4021"


def test_objects_named_by_sha256_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "long").mkdir()
    repository = GitRepository(tmp_path / "long")
    repository.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main")
    repository.git("commit", "--quiet", "--allow-empty", "-m", "first")

    async def story(git: MirroredGit) -> str:
        with pytest.raises(SourceError) as refused:
            await git.resolve(str(tmp_path / "long"), "main")
        return refused.value.code

    assert reading(tmp_path / "state", story) == "HF4037"


def test_git_that_hangs_is_ended_with_all_that_it_started(shop: GitRepository, tmp_path: Path) -> None:
    script = tmp_path / "git-hangs"
    script.write_text("#!/bin/sh\ntrap '' TERM\nsleep 1000 &\nwait\nsleep 1000\n")
    script.chmod(0o755)

    async def story(git: MirroredGit) -> str:
        with pytest.raises(SourceError) as late:
            await git.resolve(str(shop.path), "main")
        return late.value.code

    code = reading(tmp_path / "state", story, settings=GitSettings(program=str(script)), limits=Limits(read_s=0.1))
    assert code == "HF4017"
    assert children_named("git-hangs") == []


def test_a_missing_git_is_said(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> str:
        with pytest.raises(SourceError) as missing:
            await git.resolve(str(shop.path), "main")
        return missing.value.code

    assert reading(tmp_path / "state", story, settings=GitSettings(program=str(tmp_path / "nothing"))) == "HF4008"


def test_neither_hooks_nor_configuration_of_anybody_run(shop: GitRepository, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\ntouch {trap}\nexec "$@"\n')
    script.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[uploadpack]\n\tpackObjectsHook = {script}\n[core]\n\tfsmonitor = {script}\n")
    shop.git("config", "uploadpack.packObjectsHook", str(script))
    shop.git("config", "core.fsmonitor", str(script))
    for hook in ("post-update", "reference-transaction", "post-index-change"):
        (shop.path / ".git" / "hooks" / hook).symlink_to(script)
    settings = GitSettings(environment={**os.environ, "HOME": str(tmp_path), "GIT_SSH_COMMAND": str(script), "GIT_TRACE": str(trap)})

    async def story(git: MirroredGit) -> None:
        revision = await git.resolve(str(shop.path), "main")
        tree = await git.tree(revision, "")
        await git.read(str(shop.path), [blob.id for blob in tree.blobs.values()])

    trap.unlink(missing_ok=True)
    reading(tmp_path / "state", story, settings=settings)
    assert not trap.exists()


def test_a_fetch_over_the_limit_ends_and_nothing_is_left_of_it(shop: GitRepository, tmp_path: Path) -> None:
    shop.change({"large": os.urandom(4 << 20)})

    async def story(git: MirroredGit) -> HoldfastError:
        with pytest.raises(SourceError) as large:
            await git.resolve(str(shop.path), "main")
        return large.value

    error = reading(tmp_path / "state", story, limits=Limits(pack=1 << 20))
    assert error.code == "HF4016", error.message


def test_maintenance_repacks_many_packs_and_all_stays_readable(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit) -> tuple[bool, bool, int]:
        repository = str(shop.path)
        first = await git.resolve(repository, "main")
        is_needed_at_first = await git.maintain(repository)
        [path] = (tmp_path / "state" / "mirrors").glob("*.git")
        mirror = GitRepository(path)
        for number in range(60):
            mirror.git("pack-objects", "--quiet", "objects/pack/pack", stdin=mirror.blob(b"%d" % number).encode() + b"\n")
        was_needed = await git.maintain(repository)
        return is_needed_at_first, was_needed, len((await git.tree(first, "")).blobs)

    assert reading(tmp_path / "state", story) == (False, True, len(SHOP))
