"""Desired: what Git says should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from holdfast.errors import Where
from holdfast.kit.canonical import Json, digest
from holdfast.kit.clock import Instant
from holdfast.model.hook import DeletePolicy, HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.proof import Claim
from holdfast.model.state import State
from holdfast.model.terms import IgnoredFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The place in Git that a person must edit."""

    path: str
    line: int
    revision: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Declared:
    """Owned by the line of Git that says it (the resource's `origin`)."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Follows from other resources, the declared one first."""

    parents: tuple[ResourceId, ...]


@dataclass(frozen=True, slots=True)
class Acquired:
    """Held by a controller until it expires (a ban)."""

    controller: str
    expires_at: Instant


Owner: TypeAlias = Declared | Derived | Acquired


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePolicy:
    """What may be done to one resource."""

    prune: bool = True
    """False: stays, as a visible orphan, when Git no longer says it (`Prune=false`)."""
    heal: bool = True
    protect: bool = False
    """Whether deleting or replacing it needs a person (`Prune=confirm`, `Delete=confirm`)."""
    holds: bool = False
    """Whether it holds data: a person must say so before it goes while another of its kind comes, as when it is renamed."""
    adopt: bool = False
    """Whether something that is there already, and not ours, may be taken over."""
    replace_on: frozenset[str] = frozenset()
    """Top-level state fields that the world cannot change in place: the change is delete, then create."""
    restart_with: frozenset[ResourceId] = frozenset()
    """Resources whose replacement takes this one down first."""
    delete: bool = True
    """False: stays when its Application goes (`Delete=false`)."""
    protect_delete: bool = False
    """Whether a person must confirm that it goes with its Application (`Delete=confirm`)."""
    last: bool = False
    """Whether it is pruned only where everything else of the operation came about, and after that (`PruneLast`)."""
    tolerated: bool = False
    """Whether what Git no longer says may stay without making its Application OutOfSync (compare option `IgnoreExtraneous`)."""
    options: Mapping[str, str] = field(default_factory=dict)
    """How its engine applies and deletes it, in the words of sync options (`Replace`: `true`)."""
    ignored: tuple[IgnoredFields, ...] = ()
    """Fields whose differences are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing that should be."""

    id: ResourceId
    state: State
    needs: frozenset[ResourceId] = frozenset()
    """What must be in place before this, and may only go after this has gone."""
    wave: int = 0
    owner: Owner = Declared()
    policy: ResourcePolicy = ResourcePolicy()
    origin: Origin | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    """What is said to the outside, to be proven from there. No part of the state."""

    @property
    def declared_id(self) -> ResourceId:
        """The id that a person wrote: of a replica, its Process. Prune limits count these."""
        return self.owner.parents[0] if isinstance(self.owner, Derived) else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Something that an operation runs anew each time, in a phase of it. It is no part of what stands: it neither drifts nor is pruned."""

    resource: Resource
    phase: HookPhase
    wave: int = 0
    policies: frozenset[DeletePolicy] = frozenset()
    is_generated: bool = False
    """Whether each run has a name of its own."""

    @property
    def key(self) -> str:
        return f"{self.phase} {self.resource.id}"

    def named(self, name: str) -> Hook:
        """Return it under another name."""
        fields = dict(self.resource.state.fields)
        metadata = fields.get("metadata")
        fields["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), "name": name}
        return replace(self, resource=replace(self.resource, id=self.resource.id._replace(name=name), state=State.of(fields)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """Something that Git says and that is not honoured, or not wise: a condition of the Application that names its place."""

    reason: str
    """One word in PascalCase, as a Kubernetes condition reason."""
    message: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """A command that makes a release ready to run, once, while it is writable (`npm ci`)."""

    command: tuple[str, ...]
    working_dir: str
    """Relative to the release."""
    timeout_s: float
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A value of a model, and where it was written."""

    value: Json
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a format made of a file, in that format's own words, for people to look at."""

    path: str
    """As it stands in the repository."""
    value: Json
    locate: Callable[[str], Located | None]
    """From a path such as `web.ports[0]` to the value there; None where there is none. ValueError where it is no path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """All that one Application asks for at one revision: closed under `needs`, or not built at all."""

    application: str
    revision: str
    resources: tuple[Resource, ...]
    """In id order."""
    digest: str
    """Over every id, state, need, wave and owner; equal digests ask for the same production."""
    warnings: tuple[Warning, ...] = ()
    release: str | None = None
    """The release id whose files the processes run from, where any does."""
    prepare: tuple[Prepare, ...] = ()
    """What is run in the release before it is sealed, in order."""
    excluded: frozenset[str] = frozenset()
    """Declaration files, which are no part of the release."""
    release_source: int = 0
    """Of the sources that give resources, from 0, the one whose files are the release."""
    hooks: tuple[Hook, ...] = ()
    """What its operations run; within the digest, and no part of `resources`."""
    models: tuple[Model, ...] = field(default=(), compare=False)
    """What files of other tools mean in their own words; nothing is planned by it."""

    @classmethod
    def of(
        cls,
        application: str,
        revision: str,
        resources: tuple[Resource, ...],
        warnings: tuple[Warning, ...] = (),
        release: str | None = None,
        prepare: tuple[Prepare, ...] = (),
        excluded: frozenset[str] = frozenset(),
        release_source: int = 0,
        models: tuple[Model, ...] = (),
        hooks: tuple[Hook, ...] = (),
    ) -> Desired:
        ordered = tuple(sorted(resources, key=lambda resource: resource.id))
        lines: list[Json] = [
            [
                *resource.id,
                resource.state.digest,
                [*sorted(map(str, resource.needs))] if resource.needs else [],
                resource.wave,
                str(resource.declared_id),
            ]
            for resource in ordered
        ]
        lines += [["hook", each.key, each.wave, each.resource.state.digest] for each in hooks]
        seal = digest(lines)
        return cls(
            application=application,
            revision=revision,
            resources=ordered,
            digest=seal,
            warnings=warnings,
            release=release,
            prepare=prepare,
            excluded=excluded,
            release_source=release_source,
            models=models,
            hooks=hooks,
        )

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def get(self, id: ResourceId) -> Resource | None:
        return next((resource for resource in self.resources if resource.id == id), None)
