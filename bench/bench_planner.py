"""The planner's rows: a plan of 10,000 resources that stand as declared, one mark among them, and a commit that touches 1 of 2,000 files.

The second half is real: a Git repository on disk, its mirror, the renderer that remembers, and the kernel's notices. Times are from the
start of `git update-ref`, which moves the branch as `git commit` does, so they hold the start of that program too.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from holdfast.controllers.source.controller import SourceController
from holdfast.controllers.source.rendering import Rendering, Sourced
from holdfast.core.inbox import Inbox
from holdfast.core.planner import plan
from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.declare.source import Source
from holdfast.host.clock import RealClock, RealRandom
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Inventory, Owned, Policy
from holdfast.model.ports import Write
from holdfast.model.resource import Desired, Origin, Resource
from holdfast.model.source import Tree
from holdfast.model.state import Facts, State
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.testing.git_repository import GitRepository
from holdfast.workload.file import FileKind

RESOURCES = 10_000
FILES = 2_000
N = 40
DEADLINE_S = 30.0


def told(times_s: Collection[float], target_ms: float) -> dict[str, Any]:
    ordered = sorted(time * 1e3 for time in times_s)
    median, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    figures = {"n": len(ordered), "median_ms": round(median, 3), "p95_ms": round(p95, 3)}
    return {**figures, "target_ms": target_ms, "is_met": median <= target_ms}


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# A world in memory


def world(count: int) -> tuple[Desired, Live, Inventory]:
    """Return `count` resources, each needing the one before it in its group of ten, all live and owned just as declared."""
    resources = [resource(number) for number in range(count)]
    desired = Desired.of("shop", "c" * 40, tuple(resources))
    # Observed states are other objects than the declared ones, as they are when an engine made them.
    observed = {it.id: Observation(state=State.of(dict(it.state.fields)), owned=True, observed_at=0.0) for it in resources}
    inventory = {it.id: Owned(application="shop", resource=it, revision="c" * 40, operation="first") for it in resources}
    return desired, Live(observed=observed), inventory


def resource(number: int) -> Resource:
    fields: dict[str, Json] = {
        "command": ["node", "server.js", str(number)],
        "env": {"PORT": str(number), "MODE": "production"},
        "release": "a" * 64,
    }
    needs = frozenset([id_of(number - 1)]) if number % 10 else frozenset()
    origin = Origin(path=f"deploy/{number}.yaml", line=1, revision="c" * 40)
    return Resource(id=id_of(number), state=State.of(fields), needs=needs, wave=number % 3, origin=origin)


def id_of(number: int) -> ResourceId:
    return ResourceId(HOST, "Process", "shop", f"web-{number:05d}")


def planning() -> dict[str, Any]:
    desired, live, inventory = world(RESOURCES)
    found = plan(desired, live, inventory, Policy())
    assert not found
    assert found.unchanged == RESOURCES
    whole = [timed(lambda: plan(desired, live, inventory, Policy())) for _ in range(N)]
    inbox = Inbox()
    for it in desired:
        inbox.mark(it.id, 0.0)
    for now in range(RESOURCES):
        taken = inbox.take(float(now))
        assert taken is not None
        inbox.finished(taken, float(now), ok=True)

    def mark(number: int) -> None:
        id = id_of(number * 37 % RESOURCES)
        now = float(RESOURCES + number)
        inbox.mark(id, now)
        assert inbox.take(now) == id
        assert not plan(desired, live, inventory, Policy(only=frozenset([id]), prune=False))
        inbox.finished(id, now, ok=True)

    marks = [timed(lambda number=number: mark(number)) for number in range(N * 10)]  # type: ignore[misc]
    return {"noop_plan": {"resources": RESOURCES, **told(whole, 50.0)}, "one_mark": told(marks, 1.0)}


# A repository on disk


class CountingGit(MirroredGit):
    """Counts the blobs that were read."""

    blobs = 0

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        self.blobs += len(set(blob_ids))
        return await super().read(repository, blob_ids)


class Ear:
    """Stands where the journal and the sync controller do, and notes when a Desired was offered."""

    def __init__(self) -> None:
        self.offers: asyncio.Queue[tuple[float, Desired]] = asyncio.Queue()

    async def emit(self, *events: Event) -> None:
        pass

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        return ()

    def offer(self, desired: Desired, trees: tuple[Tree, ...], is_rewound: bool) -> None:
        self.offers.put_nowait((time.perf_counter(), desired))

    async def next(self) -> tuple[float, Desired]:
        async with asyncio.timeout(DEADLINE_S):
            return await self.offers.get()


def manifest(number: int, content: str) -> str:
    return (
        "apiVersion: holdfast.dev/v1alpha1\nkind: File\n"
        f"metadata:\n  name: page-{number:04d}\nspec:\n  path: pages/{number:04d}.txt\n  content: {content}\n  mode: '0640'\n"
    )


async def moved(repository: GitRepository, commit: str) -> float:
    """Move main to a commit that is there, and return when that began."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec("git", "-C", str(repository.path), "update-ref", "refs/heads/main", commit)
    assert await process.wait() == 0
    return began


def shop_of(folder: Path) -> tuple[GitRepository, list[str]]:
    """Return a repository of 2,000 manifests and the commits that each change one of them, ready to be moved to."""
    repository = GitRepository(folder / "shop")
    repository.commit({f"deploy/{number:04d}.yaml": manifest(number, "first") for number in range(FILES)}, branch="next")
    repository.git("update-ref", "refs/heads/main", "refs/heads/next")
    changes = [{f"deploy/{n * 41 % FILES:04d}.yaml": manifest(n * 41 % FILES, f"change {n}")} for n in range(2 * N)]
    return repository, [repository.change(change, branch="next") for change in changes]


def rendering_on(git: MirroredGit) -> Rendering:
    async def javascript(tree: Tree, path: str) -> bytes | None:
        return None

    return Rendering(
        git=git,
        renderer=Renderer(Registry(kinds=(FileKind(),))),
        javascript=javascript,
        facts=Facts,
        allowed=frozenset(),
        had_resources=lambda name: True,
        now=RealClock().now,
    )


async def committing(folder: Path) -> dict[str, Any]:
    repository, commits = shop_of(folder)
    git = CountingGit(folder / "state", clock=RealClock(), random=RealRandom(), policy=GitPolicy(allow_local=lambda path: True))
    followed = Source(repository=str(repository.path), target_revision="main", path="deploy")
    source = Sourced(name="shop", sources=(followed,), namespace="shop", destination="host")
    try:
        return {
            **await rendered(git, source, repository, commits[:N]),
            "commit_seen": told(await heard(git, repository, commits[:N]), 100.0),
            "commit_offered": told(await offered(git, source, repository, commits[N:]), 120.0),
        }
    finally:
        await git.close()


async def rendered(git: CountingGit, source: Sourced, repository: GitRepository, commits: list[str]) -> dict[str, Any]:
    """Render commit after commit: from Git's answer to the Desired, and without asking Git, where all is fetched."""
    rendering = rendering_on(git)
    began = time.perf_counter()
    first, _ = await rendering.at(source, "main")
    cold_s = time.perf_counter() - began
    assert len(first.resources) == FILES
    parsed: set[int] = set()
    with_fetch, alone = [], []
    for commit in commits:
        await moved(repository, commit)
        before = git.blobs
        began = time.perf_counter()
        revisions = await rendering.resolve(source)
        fetched = time.perf_counter()
        desired, _ = await rendering.render(source, revisions)
        ended = time.perf_counter()
        assert desired.revision == commit
        parsed.add(git.blobs - before)
        with_fetch.append(ended - began)
        alone.append(ended - fetched)
    return {
        "commit_to_desired": {"files": FILES, "blobs_parsed": sorted(parsed), **told(with_fetch, 50.0)},
        "of_that_rendering": told(alone, 50.0),
        "first_render": {"files": FILES, "ms": round(cold_s * 1e3, 1)},
    }


async def heard(git: MirroredGit, repository: GitRepository, commits: list[str]) -> list[float]:
    """Return the times from the start of `git update-ref` to the hint."""
    hints = git.watch(str(repository.path))
    times = []
    try:
        await anext(hints)
        for commit in commits[-2::-1]:  # the last is where main stands
            began = await moved(repository, commit)
            async with asyncio.timeout(DEADLINE_S):
                await anext(hints)
            times.append(time.perf_counter() - began)
    finally:
        await hints.aclose()
    return times


async def offered(git: MirroredGit, source: Sourced, repository: GitRepository, commits: list[str]) -> list[float]:
    """Return the times from the start of `git update-ref` to the Desired that the controller offers, the kernel's notice between them."""
    ear = Ear()
    controller = SourceController(
        git=git,
        rendering=rendering_on(git),
        journal=ear,
        clock=RealClock(),
        random=RealRandom(),
        offer=ear.offer,
        incomplete=lambda name: None,
        newest=lambda name: None,
        crashed=lambda name, error: sys.exit(f"{name}: {error!r}"),
    )
    await controller.add(source)
    times = []
    async with Tasks() as tasks:
        tasks.start("source", controller.run())
        await ear.next()
        for commit in commits:
            began = await moved(repository, commit)
            at, desired = await ear.next()
            assert desired.revision == commit
            times.append(at - began)
        await tasks.stop()
    return times


def main() -> None:
    if sys.version_info < (3, 12):  # as the daemon does: no thread for each child
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        answer = {**planning(), **asyncio.run(committing(Path(folder)))}
    json.dump(answer, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
