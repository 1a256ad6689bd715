"""Source: from a hint that a repository moved to the Desired of its new revision, told to whoever wants it.

`Rendering` drives the pure renderer: it reads the blobs that it wants and answers what it asks. `SourceController` says when: each
Application has a lane, each repository one watch that rings the lanes of all who follow it. A source that fails, or renders with errors,
leaves the last good revision in force and is told once, not each time it is tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from holdfast.core import events
from holdfast.core.world import find
from holdfast.declare.render import Asks, Renderer, RenderRequest
from holdfast.declare.select import Directory
from holdfast.errors import Bug, DeclarationError, HoldfastError, Refused, Retry, SourceError, Where, declaration_errors
from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.declaration import Ask
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Journal
from holdfast.model.resource import Desired, Origin
from holdfast.model.source import Git, Revision, Tree
from holdfast.model.state import Facts
from holdfast.model.terms import Terms

AGAIN = Backoff(first_s=2.0, cap_s=300.0)
"""Between two tries of a source that fails; a hint ends the pause."""
ROUNDS = 16
"""How often a render may ask for more before that is a defect."""


class Permission(Protocol):
    """What the objects of an Application may be. Equal values permit the same."""

    def refusals(self, desired: Desired) -> tuple[DeclarationError, ...]:
        """Return an error for each object that may not be declared."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """Where one Application comes from, and for whom it is rendered."""

    name: str
    repository: str
    target_revision: str
    path: str
    namespace: str
    destination: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    annotation_places: Mapping[str, Where] = field(default_factory=dict)
    origin: Origin | None = None
    directory: Directory = field(default_factory=Directory)
    kustomize: Mapping[str, Json] = field(default_factory=dict)
    """What is added to a kustomization, as the Application writes it."""
    helm: Mapping[str, Json] = field(default_factory=dict)
    """How a chart is rendered, as the Application writes it."""
    permission: Permission | None = None
    """What its project lets its objects be; None: everything."""
    terms: Terms = Terms()  # noqa: RUF009 - frozen
    """How its resources are applied and compared."""


async def _nothing_to_learn(destination: str) -> None:
    pass


async def _no_chart(request: RenderRequest) -> bytes | None:
    return None


class Rendering:
    """Constructor: the Git port, a renderer, `javascript` (the JSON that a file of a tree exports, None where that is not allowed), `facts`
    (what Holdfast knows by now), what the local configuration allows, `now`, for what counts until a day, `learn`, called with a
    destination before facts are asked for it, and `chart` (what the chart of a request gives, as `kubernetes.helm.format` has it)."""

    def __init__(
        self,
        *,
        git: Git,
        renderer: Renderer,
        javascript: Callable[[Tree, str], Awaitable[bytes | None]],
        facts: Callable[[], Facts],
        allowed: frozenset[str],
        had_resources: Callable[[str], bool],
        now: Callable[[], Instant],
        learn: Callable[[str], Awaitable[None]] = _nothing_to_learn,
        chart: Callable[[RenderRequest], Awaitable[bytes | None]] = _no_chart,
    ) -> None:
        self._learn = learn
        self._chart = chart
        self._git = git
        self._renderer = renderer
        self._javascript = javascript
        self._facts = facts
        self._allowed = allowed
        self._had_resources = had_resources
        self._now = now

    async def at(self, source: Sourced, revision: str) -> tuple[Desired, Tree]:
        """Return what Git says for an Application at any revision; raises SourceError, Refused, DeclarationError."""
        return await self.render(source, await self._git.resolve(source.repository, revision))

    async def render(self, source: Sourced, revision: Revision) -> tuple[Desired, Tree]:
        await self._learn(source.destination)
        tree = await self._git.tree(revision, source.path)
        request = RenderRequest(
            application=source.name,
            namespace=source.namespace,
            destination=source.destination,
            tree=tree,
            annotations=source.annotations,
            annotation_places=source.annotation_places,
            application_origin=source.origin,
            directory=source.directory,
            kustomize=source.kustomize,
            helm=source.helm,
            terms=source.terms,
            allowed=self._allowed,
            facts=self._facts(),
            had_resources=self._had_resources(source.name),
        )
        if self._renderer.reaches(request):
            request = replace(request, repository=await self._git.tree(revision, ""))
        blobs = await self._git.read(source.repository, [blob.id for blob in self._renderer.wants(request)])
        answers: dict[Ask, bytes | None] = {}
        for _ in range(ROUNDS):
            answer = self._renderer.render(request, blobs, answers)
            if isinstance(answer, Desired):
                if source.permission is not None and (refused := source.permission.refusals(answer)):
                    raise declaration_errors(refused)
                return answer, tree
            await self._answer(request, answer, answers)
        raise Bug("HF9001", f"cannot render {source.name}: it asks for more without an end")

    async def _answer(self, request: RenderRequest, asked: Asks, answers: dict[Ask, bytes | None]) -> None:
        tree = request.tree
        wanted = {ask: blob for ask in asked.asks if ask.what == "blob" and (blob := request.blob(ask.path)) is not None}
        found = await self._git.read(tree.revision.repository, [blob.id for blob in wanted.values()]) if wanted else {}
        for ask in asked.asks:
            if ask.what == "javascript":
                answers[ask] = await self._javascript(tree, ask.path)
            elif ask.what == "helm":
                answers[ask] = await self._chart(request)
            elif ask.what == "today":
                answers[ask] = datetime.fromtimestamp(self._now(), UTC).date().isoformat().encode()
            else:
                answers[ask] = found[wanted[ask].id] if ask in wanted else None


@dataclass(slots=True)
class _Lane:
    """One Application that is followed."""

    source: Sourced
    bell: Wakeup = field(default_factory=Wakeup)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    fetched: str | None = None
    """The commit that was last told."""
    judged: str | None = None
    """The commit that was rendered, well or with errors, by what was known then."""
    offered: tuple[Desired, Tree, bool] | None = None
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
        offer: Callable[[Desired, Tree, bool], None],
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
        ended = [f"source {name}"]
        if all(other.source.repository != lane.source.repository for other in self._lanes.values()):
            ended.append(f"watch {lane.source.repository}")
        for task in ended:
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
        return own is not None and any(
            (lane.offered is None or lane.offered[0].revision != revision) and lane.source_error is None and lane.render_error is None
            for lane in self._lanes.values()
            if (lane.source.repository, lane.source.target_revision) == (own.source.repository, own.source.target_revision)
        )

    def has_judged(self, name: str) -> bool:
        """Say whether Git was asked for what an Application asks for now, with or without an answer."""
        lane = self._lanes.get(name)
        return lane is not None and (lane.judged is not None or lane.source_error is not None)

    def desired(self, name: str) -> Desired | None:
        """Return what Git asks of an Application now, or asked last where it cannot be had."""
        lane = self._lanes.get(name)
        return lane.offered[0] if lane is not None and lane.offered is not None else None

    def tree(self, name: str) -> Tree | None:
        """Return what `desired` was rendered from."""
        lane = self._lanes.get(name)
        return lane.offered[1] if lane is not None and lane.offered is not None else None

    def _start(self, lane: _Lane) -> None:
        self._tasks.start(f"source {lane.source.name}", self._serve(lane), guard=True)
        watch = f"watch {lane.source.repository}"
        if watch in self._tasks.names():
            lane.bell.wake()
        else:
            self._tasks.start(watch, self._watch(lane.source.repository), guard=True)

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
            if lane.source.repository == repository:
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
        source = lane.source
        revision = await self._git.resolve(source.repository, source.target_revision)
        if lane.fetched != revision.commit:
            lane.fetched = revision.commit
            lane.source_error = None  # the event says so too
            await self._journal.emit(events.revision_fetched(at=self._clock.now(), application=source.name, revision=revision))
        if lane.judged != revision.commit:
            await self._judge(lane, revision)
        if lane.source_error is not None:
            lane.source_error = None
            await self._journal.emit(events.source_recovered(at=self._clock.now(), application=source.name))
        if not lane.is_whole and lane.render_error is None and lane.offered is not None:
            self._give(lane, *lane.offered)

    async def _judge(self, lane: _Lane, revision: Revision) -> None:
        """Render `revision`; where it has errors they are told, and nothing comes of it until another one."""
        name, commit = lane.source.name, revision.commit
        try:
            desired, tree = await self._rendering.render(lane.source, revision)
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
        self._give(lane, desired, tree, await self._is_rewound(name, revision))

    async def _is_rewound(self, name: str, revision: Revision) -> bool:
        """Say whether `revision` does not follow the one that stood healthy last, which a mirror of another history does not even know."""
        newest = self._newest(name)
        if newest is None or newest == revision.commit:
            return False
        try:
            return not await self._git.is_ancestor(revision.repository, newest, revision.commit)
        except SourceError:
            return True

    async def _failed(self, lane: _Lane, error: HoldfastError) -> None:
        self._withhold(lane)
        if lane.source_error != error.message:
            lane.source_error = error.message
            await self._journal.emit(events.source_failed(at=self._clock.now(), application=lane.source.name, error=error))

    def _give(self, lane: _Lane, desired: Desired, tree: Tree, is_rewound: bool) -> None:
        lane.offered, lane.is_whole = (desired, tree, is_rewound), True
        if self._lanes.get(lane.source.name) is lane:  # it may have been removed while Git answered
            self._offer(desired, tree, is_rewound)

    def _withhold(self, lane: _Lane) -> None:
        lane.is_whole = False
        if self._lanes.get(lane.source.name) is lane:
            self._incomplete(lane.source.name)


def _is_news(desired: Desired, last: Desired) -> bool:
    """Say whether a render says something that was not told: of one revision, what is not declared can still differ."""
    return (desired.revision, desired.digest, desired.release, desired.warnings) != (
        last.revision,
        last.digest,
        last.release,
        last.warnings,
    )
