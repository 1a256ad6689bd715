"""Rendering: drives the pure renderer for one Application at one revision of each of its sources: reads the blobs that it wants, and
answers what it asks. Called by the source controller, by sync for what it goes back to, and by whoever looks at another revision.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from holdfast.declare.render import Renderer
from holdfast.declare.request import Asks, RenderRequest
from holdfast.declare.source import Followed, Source, followed_of, labels_of, references_in, targets
from holdfast.errors import Bug, DeclarationError, Where, declaration_errors
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Ask
from holdfast.model.resource import Desired, Origin
from holdfast.model.source import Git, Revision, Tree
from holdfast.model.state import Facts
from holdfast.model.terms import Terms

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
    sources: tuple[Source, ...]
    """In order, at least one."""
    namespace: str
    destination: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    annotation_places: Mapping[str, Where] = field(default_factory=dict)
    origin: Origin | None = None
    permission: Permission | None = None
    """What its project lets its objects be; None: everything."""
    terms: Terms = Terms()  # noqa: RUF009 - frozen
    """How its resources are applied and compared."""

    @property
    def followed(self) -> tuple[Followed, ...]:
        """What it follows, each once, in the order of the sources: as many as its revision has commits."""
        return followed_of(self.sources)

    @property
    def repositories(self) -> frozenset[str]:
        return frozenset(source.repository for source in self.sources)


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

    async def at(self, source: Sourced, revision: str | None) -> tuple[Desired, tuple[Tree, ...]]:
        """Return what Git says for an Application at any revision, as `targets` reads it, and the trees of the sources that give resources;
        raises SourceError, Refused, DeclarationError."""
        return await self.render(source, await self.resolve(source, revision))

    async def resolve(self, source: Sourced, revision: str | None = None) -> tuple[Revision, ...]:
        """Return the commit of each that is followed, at what it follows or at `revision`."""
        wanted = targets(source.sources, revision)
        return tuple([await self._git.resolve(each.repository, at) for each, at in zip(source.followed, wanted, strict=True)])

    async def render(self, source: Sourced, revisions: Sequence[Revision]) -> tuple[Desired, tuple[Tree, ...]]:
        """Return the Desired, and the trees of the sources that give resources, in order. `revisions` as `resolve` gives them."""
        await self._learn(source.destination)
        at = dict(zip(source.followed, revisions, strict=True))
        requests = [await self._request(source, number, at) for number, each in enumerate(source.sources) if each.has_resources]
        blobs: dict[str, bytes] = {}
        for request in requests:
            wanted = [blob.id for blob in self._renderer.wants(request)]
            blobs |= await self._git.read(request.tree.revision.repository, wanted)
        answers: list[dict[Ask, bytes | None]] = [{} for _ in requests]
        commits = tuple(each.commit for each in revisions)
        for _ in range(ROUNDS):
            answer = self._renderer.render_all(requests, blobs, answers, commits)
            if isinstance(answer, Desired):
                if source.permission is not None and (refused := source.permission.refusals(answer)):
                    raise declaration_errors(refused)
                return answer, tuple(request.tree for request in requests)
            for request, asked, known in zip(requests, answer, answers, strict=True):
                await self._answer(request, asked, known)
        raise Bug("HF9001", f"cannot render {source.name}: it asks for more without an end")

    async def _request(self, source: Sourced, number: int, at: Mapping[Followed, Revision]) -> RenderRequest:
        own = source.sources[number]
        revision = at[own.followed]
        named = [each for each in source.sources if each.ref in references_in(own.helm)]
        request = RenderRequest(
            application=source.name,
            namespace=source.namespace,
            destination=source.destination,
            tree=await self._git.tree(revision, own.path),
            number=number,
            label=labels_of(source.sources)[number],
            is_one_of_several=len(source.sources) > 1,
            written=own.written,
            annotations=source.annotations,
            annotation_places=source.annotation_places,
            application_origin=source.origin,
            directory=own.directory,
            kustomize=own.kustomize,
            helm=own.helm,
            refs={each.ref: await self._git.tree(at[each.followed], "") for each in named},
            terms=source.terms,
            allowed=self._allowed,
            facts=self._facts(),
            had_resources=self._had_resources(source.name),
        )
        if self._renderer.reaches(request):
            request = replace(request, repository=await self._git.tree(revision, ""))
        return request

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
