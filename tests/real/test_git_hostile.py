"""Hostile content, made with plumbing: each is refused whole and by name, nothing outside is read, and the last good revision stays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from holdfast.errors import SourceError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.model.source import EXECUTABLE, LINK
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.source.limits import Limits
from holdfast.testing.contracts.git import SHOP
from holdfast.testing.git_repository import Entry, GitRepository

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

FILE, FOLDER, SUBMODULE = "100644", "40000", "160000"
NARROW = Limits(files=20, blob=1000, tree=4000, depth=4, path=200, link=100)

Build = Callable[[GitRepository], str]
"""Write a tree and return its id."""


def holding(name: bytes, mode: str = FILE, data: bytes = b"x") -> Build:
    return lambda it: it.tree([Entry(mode, name, it.blob(data))])


def within(name: bytes, inner: Build) -> Build:
    return lambda it: it.tree([Entry(FOLDER, name, inner(it))])


def twice(name: bytes) -> Build:
    return lambda it: it.tree([Entry(FILE, name, it.blob(b"1")), Entry(FILE, name, it.blob(b"2"))])


def link_over_folder(it: GitRepository) -> str:
    """A link `a`, and a folder `a` below it: a checkout would write through the link (CVE-2021-21300)."""
    inside = it.tree([Entry(FILE, b"pwned", it.blob(b"x"))])
    return it.tree([Entry("120000", b"a", it.blob(b"/etc")), Entry(FOLDER, b"a", inside)])


def submodule(it: GitRepository) -> str:
    return it.tree([Entry(SUBMODULE, b"vendor", it.git("rev-parse", "main"))])


def many(count: int) -> Build:
    return lambda it: it.tree([Entry(FILE, b"%04d" % number, it.blob(b"x")) for number in range(count)])


def heavy(it: GitRepository) -> str:
    return it.tree([Entry(FILE, b"%d" % number, it.blob(b"%d" % number * 900)) for number in range(6)])


def deep(it: GitRepository) -> str:
    tree = holding(b"x")(it)
    for _ in range(6):
        tree = it.tree([Entry(FOLDER, b"d", tree)])
    return tree


# What Git's own check lets pass is refused when the tree is read; the rest does not even come into the mirror (HF4015).
HOSTILE: dict[str, tuple[Build, set[str]]] = {
    "a submodule": (submodule, {"HF4032"}),
    "a link to the host": (holding(b"passwd", "120000", b"/etc/passwd"), {"HF4036"}),
    "a link upwards": (holding(b"up", "120000", b"../../secret"), {"HF4036"}),
    "a link to itself": (holding(b"me", "120000", b"me"), {"HF4036"}),
    "an empty link": (holding(b"empty", "120000", b""), {"HF4036"}),
    "a link with a NUL byte": (holding(b"nul", "120000", b"a\0b"), {"HF4036"}),
    "a link too long": (holding(b"long", "120000", b"a" * 101), {"HF4034"}),
    "a part called ..": (within(b"..", holding(b"x")), {"HF4015"}),
    "a part called .": (within(b".", holding(b"x")), {"HF4015"}),
    "a folder .git": (within(b".git", holding(b"config")), {"HF4015"}),
    "a folder .GIT": (within(b".GIT", holding(b"config")), {"HF4015"}),
    "a file .git": (holding(b".git"), {"HF4015"}),
    "git~1 of NTFS": (within(b"git~1", holding(b"config")), {"HF4015"}),
    ".git with a joiner of HFS+": (within(".g\u200cit".encode(), holding(b"config")), {"HF4015"}),
    "a name with a slash": (holding(b"../../etc/passwd"), {"HF4015"}),
    "an absolute name": (holding(b"/etc/passwd"), {"HF4015"}),
    "an empty name": (holding(b""), {"HF4015", "HF4019"}),  # the sender's Git already gives up
    "a name twice": (twice(b"a"), {"HF4015"}),
    "a folder through a link": (link_over_folder, {"HF4015"}),
    "a name with a backslash": (holding(rb"..\up"), {"HF4015", "HF4033"}),
    "a name with a line break": (holding(b"a\nb"), {"HF4033"}),
    "a name with an escape": (holding(b"a\x1b[2Jb"), {"HF4033"}),
    "a name that is not UTF-8": (holding(b"\xff\xfe"), {"HF4033"}),
    "a device's mode": (holding(b"dev", "20000"), {"HF4015", "HF4030", "HF4032"}),
    "a large file": (holding(b"large", data=b"x" * 1001), {"HF4034"}),
    "too many files": (many(21), {"HF4035"}),
    "too many bytes": (heavy, {"HF4035"}),
    "too deep": (deep, {"HF4035"}),
}


def reading(tmp_path: Path, story: Callable[[MirroredGit], Awaitable[None]], limits: Limits = NARROW) -> None:
    async def whole() -> None:
        policy = GitPolicy(allow_local=lambda path: True)
        git = MirroredGit(tmp_path / "state", clock=RealClock(), random=RealRandom(), policy=policy, limits=limits)
        try:
            await story(git)
        finally:
            await git.close()

    asyncio.run(whole())


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_tree_is_refused_and_the_last_good_one_stays(what: str, tmp_path: Path) -> None:
    build, codes = HOSTILE[what]
    repository = GitRepository(tmp_path / "shop")
    repository.commit(SHOP)

    async def story(git: MirroredGit) -> None:
        good = await git.resolve(str(repository.path), "main")
        repository.commit_tree(build(repository))
        with pytest.raises(SourceError) as refused:
            await git.tree(await git.resolve(str(repository.path), "main"), "")
        assert refused.value.code in codes, refused.value.message
        assert refused.value.message.isprintable()
        assert set((await git.tree(good, "")).blobs) == set(SHOP)
        again = await git.resolve(str(repository.path), good.commit)
        assert again.commit == good.commit

    reading(tmp_path, story)


def test_a_set_user_id_mode_is_read_as_executable_and_no_more(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "shop")
    repository.commit_tree(holding(b"suid", "104755")(repository))

    async def story(git: MirroredGit) -> None:
        tree = await git.tree(await git.resolve(str(repository.path), "main"), "")
        assert tree.blobs["suid"].mode == EXECUTABLE

    reading(tmp_path, story)


def test_what_is_hostile_elsewhere_does_not_disturb_the_path(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "shop")
    repository.commit({**SHOP, "elsewhere/link": (LINK, b"/etc/passwd")})

    async def story(git: MirroredGit) -> None:
        revision = await git.resolve(str(repository.path), "main")
        assert set((await git.tree(revision, "deploy")).blobs) == {"a.yaml", "run"}
        with pytest.raises(SourceError, match="elsewhere/link"):
            await git.tree(revision, "")

    reading(tmp_path, story)


def test_a_huge_tree_is_refused_long_before_its_end(tmp_path: Path) -> None:
    """Three levels of one folder of a hundred entries are a million files in a few kilobytes."""
    repository = GitRepository(tmp_path / "shop")
    tree = many(100)(repository)
    for _ in range(2):
        tree = repository.tree([Entry(FOLDER, b"%04d" % number, tree) for number in range(100)])
    repository.commit_tree(tree)

    async def story(git: MirroredGit) -> None:
        with pytest.raises(SourceError) as refused:
            await git.tree(await git.resolve(str(repository.path), "main"), "")
        assert refused.value.code == "HF4035"

    reading(tmp_path, story, Limits(read_s=10.0))


def test_a_path_that_is_a_link_or_a_file_is_no_folder(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "shop")
    repository.commit({**SHOP, "link": (LINK, b"deploy")})

    async def story(git: MirroredGit) -> None:
        revision = await git.resolve(str(repository.path), "main")
        for path, code, hint in (("link", "HF4026", "not followed"), ("Procfile/x", "HF4026", "folder"), ("deplyo", "HF4025", "'deploy'")):
            with pytest.raises(SourceError) as refused:
                await git.tree(revision, path)
            assert refused.value.code == code
            assert hint in (refused.value.hint or "")

    reading(tmp_path, story)


NAMES = [
    "--upload-pack=touch {trap}",
    "-x",
    "main;touch {trap}",
    "main\ntouch {trap}",
    "main:refs/heads/x",
    "^main",
    "main~1",
    "main..x",
    "@{{-1}}",
    "$(touch {trap})",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_revision_that_is_no_name_never_reaches_git(name: str, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "shop")
    repository.commit(SHOP)
    trap = tmp_path / "trap"

    async def story(git: MirroredGit) -> None:
        with pytest.raises(SourceError) as refused:
            await git.resolve(str(repository.path), name.format(trap=trap))
        assert refused.value.code == "HF4022"

    reading(tmp_path, story)
    assert not trap.exists()


def test_a_repository_that_calls_its_branch_like_an_option_is_read_as_a_name(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "shop")
    commit = repository.commit(SHOP)
    os.makedirs(repository.path / ".git" / "refs" / "heads", exist_ok=True)
    (repository.path / ".git" / "refs" / "heads" / "--exec=touch").write_text(f"{commit}\n")

    async def story(git: MirroredGit) -> None:
        assert (await git.resolve(str(repository.path), "main")).commit == commit
        with pytest.raises(SourceError, match="no name of a branch"):
            await git.resolve(str(repository.path), "--exec=touch")
        assert (await git.resolve(str(repository.path), commit[:9])).commit == commit  # which fetches every branch

    reading(tmp_path, story)
