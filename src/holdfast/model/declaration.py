"""What a room offers to `declare`: kinds (what a person may write and what it becomes) and formats (how other tools' files are read).

Reading is pure: a format that needs something more answers with `Ask` values; whoever drives the rendering answers them and reads again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Observation
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Hook, Model, Origin, Prepare, Resource, Warning
from holdfast.model.state import Facts, State
from holdfast.model.terms import Terms

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """For whom something is rendered: what kinds and formats may know of the Application."""

    application: str
    namespace: str
    """Of resources that name none: the Application's destination.namespace, else its name."""
    destination: str
    """Where workloads run: `host`, …"""
    revision: str
    root: str = ""
    """The Application's path in its repository, so that places name the file as Git does."""
    release: str | None = None
    """Release id of the files that processes run from; None in a first pass, and where nothing is exported."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """The Application's own (`holdfast.dev/prepare`, `holdfast.dev/progress-deadline` …)."""
    annotation_origin: Origin | None = None
    kustomize: Mapping[str, Json] = field(default_factory=dict)
    """What the Application adds to a kustomization, as it is written."""
    helm: Mapping[str, Json] = field(default_factory=dict)
    """How the Application has a chart rendered, as it is written."""
    terms: Terms = Terms()  # noqa: RUF009 - frozen
    """How the Application's resources are applied and compared."""
    allowed: frozenset[str] = frozenset()
    """What the local configuration widens (`javascript`, `root` …). Never from Git."""

    def shown(self, path: str) -> str:
        """Return a path relative to the Application's as it stands in the repository."""
        return f"{self.root}/{path}" if self.root else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One object that a person wrote, decoded but not yet derived."""

    kind: str
    """With its group where that is not holdfast.dev."""
    name: str
    namespace: str | None
    spec: Any
    """An instance of the kind's spec type."""
    origin: Origin
    place: Callable[[tuple[str | int, ...]], Where]
    """From a path in the document, such as ("spec", "needs", 0), to its place in the file."""
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    labels: Mapping[str, str] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Something a format or kind needs before it can go on.

    `blob`: another file; `folder`: what lies at a path, a file or a folder, as its paths, one a line, or None where nothing does;
    `tree`: what lies below a folder, as `mode id size path` with zero bytes between, or None where nothing does;
    `javascript`: the JSON that this file exports; `helm`: the JSON of what the chart gives whose Chart.yaml this is; `today`: the day, as
    2026-01-31, in UTC.
    """

    what: str
    path: str
    """Relative to the Application's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a format made of its files: either asks, or everything else. All errors are in one answer."""

    declarations: tuple[Declaration, ...] = ()
    consumed: frozenset[str] = frozenset()
    """Paths that are declaration files: no part of a release."""
    asks: tuple[Ask, ...] = ()
    warnings: tuple[Warning, ...] = ()
    applications: Mapping[str, Warning] = field(default_factory=dict)
    """Name of each Application whose own file this is: a warning, but no news to that Application."""
    errors: tuple[DeclarationError, ...] = ()
    models: tuple[Model, ...] = ()


class Format(Protocol):
    """How one family of files is read. Two workload formats in one path are an error that `holdfast.dev/format` resolves."""

    name: str
    workload: bool

    def matches(self, path: str) -> bool:
        """Say whether the file at `path` (relative to the Application's path) is this format's."""
        ...

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        """Read one file. An answer of None means: there is no such file. Never raises for bad input."""
        ...


@runtime_checkable
class Whole(Protocol):
    """A format whose file alone says what a path declares (a kustomization): other files are nothing unless it names them, and it may name
    files anywhere in the repository, by paths that begin with `../`."""

    whole: bool
    is_remembered: bool
    """Whether what it read is what it reads again as long as the blobs that it asked for are the same."""


class Kind(Protocol):
    """One kind of resource. Bare verbs, all pure."""

    name: str
    """As in `ResourceId.kind`."""
    api_version: str
    spec_type: type[Any]

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        """Return the resource that `declaration` asks for, at `ResourceId(destination, name, namespace, name)`, with unresolved `needs`.

        Waves, sync options and name checks are done by `declare.derive`, the same for every kind.
        """
        ...

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        """Return what it needs, as written (`db`, `File/app-config`, `Process/other/db`), with the path of each in the document."""
        ...

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        """Return what `resource` expands into; empty where it has an engine of its own and stands as it is."""
        ...

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]: ...

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health: ...

    def style(self, before: State, after: State) -> RolloutStyle:
        """Say how a change from `before` to `after` goes through."""
        ...

    def progress_deadline_s(self, state: State) -> float:
        """Return how long a change may take to become healthy."""
        ...


@runtime_checkable
class Serving(Protocol):
    """A kind whose resources may do their work while they are not well, such as a certificate that is late but valid.

    What was applied is done then, though it is shown as it is: whatever needs it goes on, and nothing is rolled back for it.
    """

    def serves(self, resource: Resource, observation: Observation, now: Instant) -> bool: ...


class Foreign(Kind, Protocol):
    """A kind that stands for every kind of somebody else's system: the objects of a cluster, which have schemas of their own there."""

    def reads(self, destination: str) -> bool:
        """Say whether what a file for `destination` holds is such objects."""
        ...

    def read(self, value: Json, place: Callable[[tuple[str | int, ...]], Where], origin: Origin) -> Reading:
        """Return the declarations of one document; `place` is from a path in it. Never raises for bad input."""
        ...

    def closed(self, resources: tuple[Resource, ...], scope: Scope) -> tuple[tuple[Resource, ...], tuple[Hook, ...]]:
        """Return an Application's resources with the needs that its foreign ones have of each other and what it asks for itself, and its
        hooks, which are none of them."""
        ...


@runtime_checkable
class Released(Protocol):
    """A kind whose resources run from the release (Process): with one of it declared, the Application has a release id in its scope."""

    def prepare(self, declaration: Declaration) -> Prepare | None:
        """Return what this declaration wants run in the release before it is sealed."""
        ...


@runtime_checkable
class Asking(Protocol):
    """A kind whose declarations may need other files of the tree (`contentFrom` of a File)."""

    def asks(self, declaration: Declaration) -> tuple[Ask, ...]:
        """Return what it needs; of one that answers were filled in, what these turned out to need too."""
        ...

    def answered(self, declaration: Declaration, answers: Mapping[Ask, bytes | None]) -> Declaration | DeclarationError:
        """Return the declaration with what was asked for filled in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A declaration of an Application as others of it see it."""

    id: ResourceId
    declaration: Declaration


@runtime_checkable
class Joining(Protocol):
    """A kind whose resources depend on whom they need, or on who needs them: known once all of an Application are together."""

    def joined(
        self, own: Peer, leaves: tuple[Resource, ...], needs: tuple[Peer, ...], dependants: tuple[Peer, ...]
    ) -> tuple[Resource, ...]:
        """Return the leaves of a declaration as they stand among `needs` and `dependants`, and what they bring along. Their ids stay."""
        ...
