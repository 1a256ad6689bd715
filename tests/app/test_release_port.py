"""Releases as sync wants them: exported once from the tree that was rendered, prepared in the right environment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha1
from pathlib import Path

import pytest

from holdfast.app.release_port import ReleasePort
from holdfast.errors import EngineError, Rejected
from holdfast.host.users import RunUser
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Desired, Prepare, Resource
from holdfast.model.source import FILE, Blob, Revision, Tree
from holdfast.model.state import State
from holdfast.source.release import ReleaseStore

FILES = {"web.py": b"print('hello')\n", "Procfile": b"web: python3 web.py\n"}


@dataclass
class Blobs:
    """A Git that only reads, and counts what was read."""

    reads: list[frozenset[str]] = field(default_factory=list)

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        self.reads.append(frozenset(blob_ids))
        return {blob(path).id: data for path, data in FILES.items() if blob(path).id in blob_ids}

    async def watch(self, repository: str) -> AsyncIterator[None]:
        yield None


class Ourselves:
    async def user_of(self, application: str, user: str | None) -> RunUser:
        return RunUser(uid=-1, gid=-1, name="me")


def blob(path: str) -> Blob:
    return Blob(path=path, mode=FILE, id=sha1(FILES[path], usedforsecurity=False).hexdigest(), size=len(FILES[path]))


REVISION = Revision(repository="/srv/shop", ref="main", commit="c" * 40, committed_at=1.0, author="a", subject="s")
TREE = Tree(revision=REVISION, path="", blobs={path: blob(path) for path in FILES})


def desired(*prepare: Prepare) -> Desired:
    release = TREE.release_id({"Procfile"})
    return Desired.of("shop", REVISION.commit, (), release=release, prepare=prepare, excluded=frozenset({"Procfile"}))


def port(state: Path, git: Blobs) -> ReleasePort:
    return ReleasePort(
        store=ReleaseStore(state),
        git=git,  # type: ignore[arg-type] # of the port only reading
        users=Ourselves(),
        search_path="/usr/bin:/bin",
        in_use=lambda application: (),
        logs=state / "logs",
    )


def test_a_release_is_exported_without_its_declarations_and_only_once(tmp_path: Path) -> None:
    git = Blobs()
    releases, wanted = port(tmp_path, git), desired()
    releases.remember(wanted, (TREE,))
    asyncio.run(releases.ensure(wanted))
    asyncio.run(releases.ensure(wanted))
    folder = releases.release("shop", wanted.release or "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"web.py": FILES["web.py"]}
    assert git.reads == [frozenset({blob("web.py").id})]


def test_of_several_sources_the_release_is_of_the_one_that_says_so_and_images_are_built_of_any(tmp_path: Path) -> None:
    git = Blobs()
    other = Tree(revision=replace(REVISION, repository="/srv/config", commit="d" * 40), path="deploy", blobs={})
    built = Resource(id=ResourceId("host", "Container", "shop", "web"), state=State.of({"build": {"context": "."}}))
    release = TREE.release_id({"Procfile"})
    revision = f"{'d' * 40}+{'c' * 40}"
    excluded = frozenset({"Procfile"})
    wanted = Desired.of("shop", revision, (built,), release=release, excluded=excluded, release_source=1)
    releases = port(tmp_path, git)
    releases.remember(wanted, (other, TREE))
    asyncio.run(releases.ensure(wanted))
    assert (releases.release("shop", release) / "web.py").read_bytes() == FILES["web.py"]
    assert list(releases.trees("shop")) == [other, TREE]
    assert list(releases.trees("blog")) == []


def test_prepare_runs_in_the_release_with_the_environment_of_a_process(tmp_path: Path) -> None:
    command = ("sh", "-c", "pwd > where; env | sort > environment")
    releases, wanted = port(tmp_path, Blobs()), desired(Prepare(command=command, working_dir=".", timeout_s=20.0))
    releases.remember(wanted, (TREE,))
    asyncio.run(releases.ensure(wanted))
    folder = releases.release("shop", wanted.release or "")
    told = dict(line.split("=", 1) for line in (folder / "environment").read_text().splitlines())
    home = str(tmp_path / "data" / "shop")
    assert (folder / "where").read_text().strip() == str(folder)
    assert {name: told[name] for name in ("HOME", "HOLDFAST_DATA_DIR", "LANG", "PATH", "USER")} == {
        "HOME": home,
        "HOLDFAST_DATA_DIR": home,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "USER": "me",
    }
    assert set(told) - {"HOME", "HOLDFAST_DATA_DIR", "LANG", "PATH", "USER", "PWD", "SHLVL", "_", "OLDPWD"} == set()


def test_a_prepare_that_fails_leaves_no_release_and_its_last_lines(tmp_path: Path) -> None:
    command = ("sh", "-c", "echo no such package; exit 3")
    releases, wanted = port(tmp_path, Blobs()), desired(Prepare(command=command, working_dir=".", timeout_s=20.0))
    releases.remember(wanted, (TREE,))
    with pytest.raises(EngineError, match="ended with exit code 3") as failed:
        asyncio.run(releases.ensure(wanted))
    assert failed.value.log == ("no such package",)
    assert not os.path.lexists(releases.release("shop", wanted.release or ""))


def test_a_release_whose_tree_is_not_known_is_said(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="its tree is not at hand"):
        asyncio.run(port(tmp_path, Blobs()).ensure(desired()))
