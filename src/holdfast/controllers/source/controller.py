"""Source: from a hint that a repository moved to the Desired of its new revision, told to whoever wants it.

`Rendering` says what a revision asks for, `SourceController` when that is asked: each Application has a lane, each repository one watch
that rings the lanes of all who follow it. A source that fails, or renders with errors, leaves the last good revision in force and is told
once, not each time it is tried; of several sources none moves without the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from holdfast.controllers.source.rendering import Rendering, Sourced
from holdfast.core import events
from holdfast.core.world import find
from holdfast.declare.source import Followed
from holdfast.errors import Bug, DeclarationError, HoldfastError, Refused, Retry, SourceError
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Journal
from holdfast.model.resource import Desired
from holdfast.model.source import Git, Revision, Tree, commits_of, joined

AGAIN = Backoff(first_s=2.0, cap_s=300.0)
"""Between two tries of a source that fails; a hint ends the pause."""


@dataclass(slots=True)
class _Lane:
    """One Application that is followed."""

    source: Sourced
    bell: Wakeup = field(default_factory=Wakeup)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    fetched: tuple[str, ...] = ()
    """The commits that were last told, of each that is followed."""
    judged: str | None = None
    """The revision that was rendered, well or with errors, by what was known then."""
    offered: tuple[Desired, tuple[Tree, ...], bool] | None = None
    """The last good one, and whether Git went back for it."""
    is_whole: bool = False
    """Whether what was offered is what Git says now."""
    source_error: str | None = None
    render_error: tuple[str, dict[str, Any]] | None = None
    failures: int = 0
    """In a row, of those that are tried again."""


class SourceController:
    """`offer` takes a new Desired and whether Git went back for it; `incomplete` hears that what Git says now cannot be had or rendered,
    and the next offer is whole again. `newest` says which revision of an Application stood healthy last."""

    def __init__(
        self,
        *,
        git: Git,
        rendering: Rendering,
        journal: Journal,
        clock: Clock,
        random: Random,
        offer: Callable[[Desired, tuple[Tree, ...], bool], None],
        incomplete: Callable[[str], None],
        newest: Callable[[str], str | None],
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        self._git = git
        self._rendering = rendering
        self._journal = journal
        self._clock = clock
        self._random = random
        self._offer = offer
        self._incomplete = incomplete
        self._newest = newest
        self._tasks = Tasks(on_crash=crashed)
        self._lanes: dict[str, _Lane] = {}
        self._is_running = False
        self._ended = asyncio.Event()

    async def run(self) -> None:
        async with self._tasks:
            self._is_running = True
            for lane in self._lanes.values():
                self._start(lane)
            await self._ended.wait()

    async def add(self, source: Sourced) -> None:
        """Follow an Application's repository, or another one than before; what is followed just so already is left alone."""
        lane = self._lanes.get(source.name)
        if lane is not None and lane.source == source:
            return
        await self.remove(source.name)
        lane = self._lanes[source.name] = _Lane(source)
        if self._is_running:
            self._start(lane)

    async def remove(self, name: str) -> None:
        """Follow it no longer."""
        lane = self._lanes.pop(name, None)
        if lane is None:
            return
        others = {repository for other in self._lanes.values() for repository in other.source.repositories}
        for task in (f"source {name}", *(f"watch {each}" for each in sorted(lane.source.repositories - others))):
            self._tasks.cancel(task)
            await self._tasks.ended(task)

    async def refresh(self, name: str) -> None:
        """Ask Git now and render again, moved or not: what is known beside Git (a secret, say) may be another.

        Returns when what came of it was told; nothing where `name` is not followed.
        """
        if (lane := self._lanes.get(name)) is not None:
            lane.judged = None
            await self._look(lane)
            if lane.failures:
                lane.bell.wake()  # its own task waits without an end, and is to try again

    def claimed(self, id: ResourceId, application: str) -> str | None:
        """Return which Application but `application` declares an id now, None where none does."""
        names = (name for name in self._lanes if name != application)
        return next((name for name in names if (it := self.desired(name)) is not None and find(it, id) is not None), None)

    def are_behind(self, application: str, revision: str) -> bool:
        """Say whether one that follows the same branch of the same repository as `application` has not read `revision` yet.

        One that Git does not answer for, or that does not render, is not waited for.
        """
        own = self._lanes.get(application)
        wanted = _commits(own.source.followed, revision) if own is not None else {}
        return any(_is_behind(lane, wanted) for lane in self._lanes.values() if not wanted.keys().isdisjoint(lane.source.followed))

    def has_judged(self, name: str) -> bool:
        """Say whether Git was asked for what an Application asks for now, with or without an answer."""
        lane = self._lanes.get(name)
        return lane is not None and (lane.judged is not None or lane.source_error is not None)

    def desired(self, name: str) -> Desired | None:
        """Return what Git asks of an Application now, or asked last where it cannot be had."""
        lane = self._lanes.get(name)
        return lane.offered[0] if lane is not None and lane.offered is not None else None

    def trees(self, name: str) -> tuple[Tree, ...]:
        """Return what `desired` was rendered from: the trees of the sources that give resources, in order."""
        lane = self._lanes.get(name)
        return lane.offered[1] if lane is not None and lane.offered is not None else ()

    def _start(self, lane: _Lane) -> None:
        self._tasks.start(f"source {lane.source.name}", self._serve(lane), guard=True)
        for repository in sorted(lane.source.repositories):
            watch = f"watch {repository}"
            if watch in self._tasks.names():
                lane.bell.wake()
            else:
                self._tasks.start(watch, self._watch(repository), guard=True)

    async def _watch(self, repository: str) -> None:
        """Ring the lanes of a repository whenever it may have moved; where it cannot be watched at all their look says why."""
        try:
            async with aclosing(self._git.watch(repository)) as hints:
                async for _ in hints:
                    self._ring(repository)
        except (SourceError, Refused):
            self._ring(repository)

    def _ring(self, repository: str) -> None:
        for lane in self._lanes.values():
            if repository in lane.source.repositories:
                lane.bell.wake()

    async def _serve(self, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        while True:
            pause = AGAIN.equal_jitter(lane.failures, self._random.random())
            await lane.bell.wait_until(loop.time() + pause if lane.failures else None)
            await self._look(lane)

    async def _look(self, lane: _Lane) -> None:
        """Ask Git, and render where it moved or was not judged yet. One at a time."""
        async with lane.turn:
            try:
                await self._turn(lane)
                lane.failures = 0
            except Bug:
                raise
            except HoldfastError as error:
                lane.failures = lane.failures + 1 if error.retry is Retry.BACKOFF else 0
                await self._failed(lane, error)

    async def _turn(self, lane: _Lane) -> None:
        revisions = await self._rendering.resolve(lane.source)
        commits = tuple(each.commit for each in revisions)
        if lane.fetched != commits:
            news = _newest(revisions, lane.fetched)
            lane.fetched = commits
            lane.source_error = None  # the event says so too
            at, name = self._clock.now(), lane.source.name
            await self._journal.emit(events.revision_fetched(at=at, application=name, revision=news, whole=joined(commits)))
        if lane.judged != joined(commits):
            await self._judge(lane, revisions)
        if lane.source_error is not None:
            lane.source_error = None
            await self._journal.emit(events.source_recovered(at=self._clock.now(), application=lane.source.name))
        if not lane.is_whole and lane.render_error is None and lane.offered is not None:
            self._give(lane, *lane.offered)

    async def _judge(self, lane: _Lane, revisions: Sequence[Revision]) -> None:
        """Render `revisions`; where they have errors they are told, and nothing comes of it until others."""
        name, commit = lane.source.name, joined(each.commit for each in revisions)
        try:
            desired, trees = await self._rendering.render(lane.source, revisions)
        except DeclarationError as error:
            lane.judged = commit
            self._withhold(lane)
            if lane.render_error != (commit, error.to_json()):
                lane.render_error = (commit, error.to_json())
                await self._journal.emit(events.render_failed(at=self._clock.now(), application=name, revision=commit, error=error))
            return
        lane.judged = commit
        if lane.render_error is not None or lane.offered is None or _is_news(desired, lane.offered[0]):
            lane.render_error = None
            await self._journal.emit(events.revision_rendered(at=self._clock.now(), desired=desired))
        self._give(lane, desired, trees, await self._is_rewound(name, revisions))

    async def _is_rewound(self, name: str, revisions: Sequence[Revision]) -> bool:
        """Say whether one of `revisions` does not follow the one that stood healthy last, which a mirror of another history does not even
        know; so too where the sources are not as many as they were then."""
        newest = self._newest(name)
        if newest is None:
            return False
        before = commits_of(newest)
        if len(before) != len(revisions):
            return True
        for old, new in zip(before, revisions, strict=True):
            if old == new.commit:
                continue
            try:
                if not await self._git.is_ancestor(new.repository, old, new.commit):
                    return True
            except SourceError:
                return True
        return False

    async def _failed(self, lane: _Lane, error: HoldfastError) -> None:
        self._withhold(lane)
        if lane.source_error != error.message:
            lane.source_error = error.message
            await self._journal.emit(events.source_failed(at=self._clock.now(), application=lane.source.name, error=error))

    def _give(self, lane: _Lane, desired: Desired, trees: tuple[Tree, ...], is_rewound: bool) -> None:
        lane.offered, lane.is_whole = (desired, trees, is_rewound), True
        if self._lanes.get(lane.source.name) is lane:  # it may have been removed while Git answered
            self._offer(desired, trees, is_rewound)

    def _withhold(self, lane: _Lane) -> None:
        lane.is_whole = False
        if self._lanes.get(lane.source.name) is lane:
            self._incomplete(lane.source.name)


def _newest(revisions: Sequence[Revision], before: Sequence[str]) -> Revision:
    """Return whose commit is to be told: the newest of those that moved."""
    moved = [each for at, each in enumerate(revisions) if len(before) != len(revisions) or before[at] != each.commit]
    return max(moved, key=lambda each: each.committed_at)


def _commits(followed: Sequence[Followed], revision: str) -> dict[Followed, str]:
    """Return the commit of each that is followed at `revision`; nothing where that is of other sources."""
    commits = commits_of(revision)
    return dict(zip(followed, commits, strict=True)) if len(commits) == len(followed) else {}


def _is_behind(lane: _Lane, wanted: Mapping[Followed, str]) -> bool:
    if lane.source_error is not None or lane.render_error is not None:
        return False
    has = _commits(lane.source.followed, lane.offered[0].revision) if lane.offered is not None else {}
    return any(has.get(each) != commit for each, commit in wanted.items() if each in lane.source.followed)


def _is_news(desired: Desired, last: Desired) -> bool:
    """Say whether a render says something that was not told: of one revision, what is not declared can still differ."""
    return (desired.revision, desired.digest, desired.release, desired.warnings) != (
        last.revision,
        last.digest,
        last.release,
        last.warnings,
    )
