"""What every Git port keeps, the real one and the simulated one: one law each, run against a world that the test can move.

Use: `for name, law in LAWS.items(): await law(world)`, each in a world of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from holdfast.errors import SourceError
from holdfast.model.source import EXECUTABLE, FILE, LINK, Git, Revision
from holdfast.testing.rendering import blob_id
from holdfast.testing.simulated_git import Files

DEADLINE_S = 20.0
NOWHERE = "0123456789abcdef0123456789abcdef01234567"
SHOP: Files = MappingProxyType({"Procfile": "web: ./run\n", "deploy/a.yaml": "a: 1\n", "deploy/run": (EXECUTABLE, b"#!/bin/sh\n")})


class GitWorld(Protocol):
    """One repository and the port that reads it; the repository is made by the first commit."""

    git: Git
    repository: str

    async def commit(self, files: Files, *, branch: str = "main", subject: str = "work") -> str:
        """Commit exactly these files to a branch, and return the commit's id."""
        ...

    async def point(self, branch: str, commit: str) -> None: ...

    async def tag(self, name: str, commit: str) -> None: ...

    async def vanish(self) -> None: ...


async def refuses(code: str, asked: Awaitable[object]) -> None:
    """Check that what is asked fails with this code."""
    try:
        await asked
        found = "nothing was refused"
    except SourceError as error:
        found = error.code
    assert found == code


async def resolved(world: GitWorld, name: str = "main") -> Revision:
    return await world.git.resolve(world.repository, name)


async def a_branch_is_its_newest_commit(world: GitWorld) -> None:
    first = await world.commit(SHOP, subject="first")
    assert (await resolved(world)).commit == first
    second = await world.commit({**SHOP, "more": "x"}, subject="second")
    revision = await resolved(world)
    assert (revision.commit, revision.ref, revision.repository, revision.subject) == (second, "main", world.repository, "second")
    assert revision.committed_at > 0
    assert (await resolved(world, "HEAD")).commit == (await resolved(world, "")).commit == second


async def tags_ranges_and_commits_are_found(world: GitWorld) -> None:
    first = await world.commit(SHOP)
    await world.tag("v1.2.0", first)
    second = await world.commit({**SHOP, "more": "x"})
    await world.tag("v1.10.0", second)
    third = await world.commit({**SHOP, "more": "y"})
    await world.tag("v2.0.0-rc.1", third)
    assert (await resolved(world, "v1.2.0")).commit == first
    assert (await resolved(world, "^1")).commit == second
    assert (await resolved(world, "1.2.x")).commit == first
    assert (await resolved(world, ">=1.0.0")).commit == second
    assert (await resolved(world, third)).commit == third
    assert (await resolved(world, first[:10])).commit == first


async def what_is_not_there_is_said(world: GitWorld) -> None:
    await refuses("HF4010", resolved(world))
    await world.commit(SHOP)
    await refuses("HF4020", resolved(world, "mian"))
    await refuses("HF4024", resolved(world, "^1"))
    await refuses("HF4022", resolved(world, "--upload-pack=touch x"))
    await refuses("HF4029", resolved(world, NOWHERE))
    await refuses("HF4023", world.git.read(world.repository, [NOWHERE]))


async def a_tree_holds_what_is_below_its_path(world: GitWorld) -> None:
    await world.commit({**SHOP, "deploy/deep/link": (LINK, b"../a.yaml")})
    revision = await resolved(world)
    whole = await world.git.tree(revision, "")
    assert sorted(whole.blobs) == ["Procfile", "deploy/a.yaml", "deploy/deep/link", "deploy/run"]
    tree = await world.git.tree(revision, "./deploy/")
    assert (tree.path, tree.revision) == ("deploy", revision)
    assert {path: blob.mode for path, blob in tree.blobs.items()} == {"a.yaml": FILE, "deep/link": LINK, "run": EXECUTABLE}
    blob = tree.blobs["a.yaml"]
    assert (blob.path, blob.id, blob.size) == ("a.yaml", blob_id(b"a: 1\n"), 5)
    assert await world.git.read(world.repository, [blob.id]) == {blob.id: b"a: 1\n"}
    assert await world.git.read(world.repository, []) == {}
    await refuses("HF4025", world.git.tree(revision, "deplyo"))
    await refuses("HF4027", world.git.tree(revision, "deploy/../.."))


async def a_link_out_of_the_tree_is_refused_whole(world: GitWorld) -> None:
    await world.commit({**SHOP, "deploy/link": (LINK, b"../Procfile")})
    revision = await resolved(world)
    assert "deploy/link" in (await world.git.tree(revision, "")).blobs
    await refuses("HF4036", world.git.tree(revision, "deploy"))


async def what_changed_is_told_below_the_path(world: GitWorld) -> None:
    first = await world.commit(SHOP)
    await resolved(world)
    second = await world.commit({"deploy/a.yaml": "a: 2\n", "deploy/new": "n", "deploy/run": "now plain"})
    await resolved(world)
    assert await world.git.changed(world.repository, first, second, "") == {"Procfile", "deploy/a.yaml", "deploy/new", "deploy/run"}
    assert await world.git.changed(world.repository, first, second, "deploy") == {"a.yaml", "new", "run"}
    assert await world.git.changed(world.repository, first, first, "deploy") == frozenset()


async def a_rewound_branch_is_followed(world: GitWorld) -> None:
    first = await world.commit(SHOP)
    second = await world.commit({**SHOP, "more": "x"})
    assert (await resolved(world)).commit == second
    await world.point("main", first)
    assert (await resolved(world)).commit == first


async def a_commit_knows_what_it_descends_from(world: GitWorld) -> None:
    first = await world.commit(SHOP)
    second = await world.commit({**SHOP, "more": "x"})
    await resolved(world)
    assert await world.git.is_ancestor(world.repository, first, second)
    assert await world.git.is_ancestor(world.repository, second, second)
    assert not await world.git.is_ancestor(world.repository, second, first)
    await refuses("HF4023", world.git.is_ancestor(world.repository, NOWHERE, second))


async def a_pinned_commit_outlives_its_branch(world: GitWorld) -> None:
    first = await world.commit(SHOP)
    await world.commit({**SHOP, "more": "x"})
    revision = await resolved(world)
    await world.git.pin(world.repository, revision.commit, "healthy.shop")
    await world.point("main", first)
    assert (await resolved(world)).commit == first
    await world.vanish()
    assert (await resolved(world, revision.commit)).commit == revision.commit
    assert "more" in (await world.git.tree(revision, "")).blobs
    await world.git.unpin(world.repository, "healthy.shop")
    await world.git.unpin(world.repository, "healthy.shop")
    await refuses("HF4010", resolved(world, revision.commit))


async def what_was_fetched_stays_readable(world: GitWorld) -> None:
    commit = await world.commit(SHOP)
    revision = await resolved(world)
    await world.vanish()
    await refuses("HF4010", resolved(world))
    tree = await world.git.tree(revision, "deploy")
    assert len(await world.git.read(world.repository, [blob.id for blob in tree.blobs.values()])) == 2
    assert (await resolved(world, commit)).commit == commit


async def a_watch_tells_at_once_and_when_it_moves(world: GitWorld) -> None:
    await world.commit(SHOP)
    hints = world.git.watch(world.repository)
    async with asyncio.timeout(DEADLINE_S):
        await anext(hints)
        for number in range(3):
            commit = await world.commit({**SHOP, "number": str(number)})
            await anext(hints)
            while (await resolved(world)).commit != commit:
                await anext(hints)
    await hints.aclose()


LAWS: Mapping[str, Callable[[GitWorld], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__.replace("_", " "): law
        for law in (
            a_branch_is_its_newest_commit,
            tags_ranges_and_commits_are_found,
            what_is_not_there_is_said,
            a_tree_holds_what_is_below_its_path,
            a_link_out_of_the_tree_is_refused_whole,
            what_changed_is_told_below_the_path,
            a_rewound_branch_is_followed,
            a_commit_knows_what_it_descends_from,
            a_pinned_commit_outlives_its_branch,
            what_was_fetched_stays_readable,
            a_watch_tells_at_once_and_when_it_moves,
        )
    }
)
