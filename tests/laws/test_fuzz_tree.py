"""Broken Git: the answers of `git ls-tree`, the links of a tree, commit and tree objects, and real repositories of hostile trees.

Laws: a tree is usable whole or refused with a place; what is usable leads nowhere outside, checked here by walking it once more, plainly.
"""

from __future__ import annotations

import asyncio
import posixpath
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.fuzz import IS_SOAK, bounded, edited, words

from holdfast.errors import SourceError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.model.source import EXECUTABLE, FILE, LINK, Blob, Tree
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.source.history import commit_of, entries_of
from holdfast.source.limits import Limits
from holdfast.source.listing import Listing, check_links, is_dot_git
from holdfast.testing.git_repository import Entry, GitRepository

pytestmark = pytest.mark.fuzz

NARROW = Limits(files=200, blob=10_000, tree=1_000_000, depth=8, path=400, name=60, link=100)
ID = b"0123456789abcdef0123456789abcdef01234567"
LISTINGS = (
    b"100644 blob %b       5\ta\0100755 blob %b      12\tb/run\0100644 blob %b     300\tb/c d\0" % (ID, ID, ID),
    b"120000 blob %b       3\tlink\0100664 blob %b       0\tdeep/er/x.yaml\0" % (ID, ID),
    b"100644 blob %b       5\t%b\0" % (ID, "gr\u00fc\u00df/\u65e5\u672c".encode()),
)
WORDS = words(
    r"\0¦\t¦\n¦ ¦/¦//¦..¦../¦.¦./¦.git¦.GIT/¦git~1¦\\¦\xff¦\xe2\x80\x8c¦\x1b[2J¦:¦160000 commit ¦040000 tree ¦020000¦-¦99999999999999999999"
    r"¦100644 blob 0123456789abcdef0123456789abcdef01234567 1\ta\0¦a\0¦tree ¦parent ¦author ¦committer ¦ +0000\n¦\n\n¦gpgsig "
)


def refusal(act: Callable[[], object]) -> SourceError | None:
    """Return how `act` refused, None where it did not."""
    try:
        act()
    except SourceError as error:
        return error
    return None


def check(error: SourceError) -> None:
    assert error.code.startswith("HF40")
    assert error.message.isprintable()
    assert len(error.message) < 2_000


def is_plain(path: str) -> bool:
    names = path.split("/")
    return path.isprintable() and not any(name in ("", ".", "..") or is_dot_git(name) for name in names)


@given(edited(LISTINGS, WORDS), st.integers(1, 50))
def test_any_listing_is_usable_or_refused_and_pieces_change_nothing(data: bytes, piece: int) -> None:
    def whole(size: int) -> dict[str, Blob]:
        listing = Listing(subject="shop", limits=NARROW)
        for at in range(0, len(data), size):
            listing.feed(data[at : at + size])
        return listing.finish()

    with bounded():
        refused = refusal(lambda: whole(len(data) or 1))
    if refused is None:
        assert whole(piece) == whole(len(data) or 1)
        for path, blob in whole(piece).items():
            assert is_plain(path)
            assert blob.mode in (FILE, EXECUTABLE, LINK)
            assert all(above not in whole(piece) for above in folders(path))
    else:
        check(refused)
        assert refusal(lambda: whole(piece)) is not None


def folders(path: str) -> list[str]:
    found = []
    while path := posixpath.dirname(path):
        found.append(path)
    return found


PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
TARGETS = st.one_of(
    st.lists(st.sampled_from(["a", "b", "c", "..", ".", ""]), min_size=1, max_size=5).map("/".join),
    st.sampled_from(["/etc/passwd", "/", "a\0b", "a" * 200, "../" * 60]),
)


@given(st.dictionaries(PATHS, TARGETS, max_size=6), st.sets(PATHS, max_size=5))
def test_links_that_pass_lead_nowhere_outside(targets: dict[str, str], files: set[str]) -> None:
    modes = {**dict.fromkeys(files, FILE), **dict.fromkeys(targets, LINK)}
    blobs = {path: Blob(path=path, mode=mode, id="0" * 40, size=1) for path, mode in modes.items()}
    with bounded():
        refused = refusal(lambda: check_links(blobs, targets, "shop", NARROW))
    if refused is not None:
        check(refused)
    elif not any(above in modes for path in modes for above in folders(path)):
        with tempfile.TemporaryDirectory(prefix="hf-") as top:
            lay(Path(top) / "in" / "side", modes, targets)
            for path in targets:
                assert (Path(top) / "in" / "side" / path).resolve().is_relative_to(Path(top).resolve() / "in" / "side")


def lay(folder: Path, modes: Mapping[str, int], targets: Mapping[str, str]) -> None:
    """Lay a tree on the disk, as a kernel then follows it."""
    for path, mode in modes.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if mode == LINK:
            (folder / path).symlink_to(targets[path])
        else:
            (folder / path).touch()


COMMITS = (
    b"tree %b\nparent %b\nauthor Ada <a@b> 1790000000 +0100\ncommitter Bob <b@c> -1 +0000\ngpgsig -----BEGIN\n abc\n\nsubject\n\nbody"
    % (ID, ID),
    b"tree %b\nauthor \xff 99999999999999999999 +1\n\n\x1b[2J" % ID,
)
TREES = (b"100644 a\0" + bytes(20) + b"40000 folder\0" + bytes(range(20)) + b"160000 module\0" + bytes(20),)


@given(edited(COMMITS, WORDS))
def test_any_commit_is_read_or_is_none(data: bytes) -> None:
    with bounded():
        try:
            found = commit_of(data)
        except ValueError:
            return
    assert len(found.tree) == 40
    assert found.author.isprintable()
    assert found.subject.isprintable()


@given(edited(TREES, WORDS))
def test_any_tree_object_is_read_or_is_none(data: bytes) -> None:
    with bounded():
        try:
            found = entries_of(data)
        except ValueError:
            return
    assert all(len(entry.id) == 40 and entry.name == name for name, entry in found.items())


ENTRY_NAMES = st.one_of(
    st.sampled_from([b"a", b"b", b"web.yaml", b"Procfile", b"a b", "\u00fc".encode()]),
    st.sampled_from(
        [b"..", b".", b".git", b".GIT", b"git~1", b"a/b", b"/", b"", b"\\", b"a\nb", b"\xff", ".g\u200cit".encode(), b"x" * 300]
    ),
)
MODES = st.sampled_from(["100644", "100755", "120000", "100664", "160000", "40000", "20000", "777", "0"])
CONTENTS = st.sampled_from([b"", b"x", b"../../etc", b"/etc/passwd", b"a", b"a/../b", b"a\0b", b"y" * 20_000])
HOSTILE = st.recursive(
    st.tuples(MODES, CONTENTS),
    lambda inner: st.lists(st.tuples(ENTRY_NAMES, inner), max_size=4),
    max_leaves=6,
)


@pytest.mark.real
@pytest.mark.needs("git")
@settings(max_examples=500 if IS_SOAK else 12)
@given(tops=st.lists(st.tuples(ENTRY_NAMES, HOSTILE), max_size=4))
def test_any_repository_is_read_whole_or_refused_and_the_last_good_tree_stays(tops: list[tuple[bytes, Any]]) -> None:
    with tempfile.TemporaryDirectory(prefix="hf-") as top:
        repository = GitRepository(Path(top) / "shop")
        good = repository.commit({"a.yaml": "a"})
        repository.commit_tree(write(repository, tops))
        found = asyncio.run(look(Path(top) / "state", repository, good))
    for tree in found:
        assert all(is_plain(path) for path in tree.blobs)
    assert found[-1].blobs.keys() == {"a.yaml"}


def write(repository: GitRepository, entries: list[tuple[bytes, Any]]) -> str:
    """Write a tree as raw as it is given, and return its id."""
    made = []
    for name, inner in entries:
        if isinstance(inner, list):
            made.append(Entry("40000", name, write(repository, inner)))
        else:
            mode, content = inner
            made.append(Entry(mode, name, repository.blob(content)))
    return repository.tree(made)


async def look(state: Path, repository: GitRepository, good: str) -> list[Tree]:
    """Return the trees that can be read: the hostile one perhaps, the good one at last."""
    policy = GitPolicy(allow_local=lambda path: True)
    git = MirroredGit(state, clock=RealClock(), random=RealRandom(), policy=policy, limits=NARROW)
    found = []
    try:
        try:
            found.append(await git.tree(await git.resolve(str(repository.path), "main"), ""))
        except SourceError as error:
            check(error)
        repository.point("main", good)
        found.append(await git.tree(await git.resolve(str(repository.path), "main"), ""))
    finally:
        await git.close()
    return found
