"""Application: what to keep equal to Git, where, how and when, as values for the controllers.

Made by `reader`; `app` builds `Sourced` and `Managed` from it. Nothing here reads text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from holdfast.core.policy import Settings, WindowVerdict
from holdfast.core.retry import RetryPolicy
from holdfast.declare.source import Source
from holdfast.delivery.permission import Permission
from holdfast.delivery.project import Project
from holdfast.delivery.sync_window import SyncWindow, verdict
from holdfast.errors import Where
from holdfast.kit.clock import Instant
from holdfast.model.resource import Origin, Warning
from holdfast.model.terms import OrphanTerms, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """For whom files are read."""

    folders: Mapping[str, str | None] = field(default_factory=dict)
    """Path of a file, as it is given with its bytes → the absolute folder that it lies in, against which local repositories are read; None,
    or not there: the file was found in Git, and may name no local repository."""
    revision: str = ""
    """Commit of files that were found in Git."""
    is_child: bool = False
    """Whether it is of the content of another Application, where it is a resource too."""
    is_render: bool = False
    """Whether nothing will be applied: then a destination that no engine reaches is a warning."""
    clusters: Mapping[str, str] = field(default_factory=dict)
    """Clusters that are reached: a `destination.server` or `destination.name` → what resources there have as their destination."""
    projects: Mapping[str, Project] = field(default_factory=dict)
    """AppProjects that are declared elsewhere; those of the files themselves come on top."""
    local: frozenset[str] = frozenset()
    """Folders of this host that an operator named as repositories: what was found in Git may name these too."""
    prune_share: float = 0.5
    prune_free: int = 5
    """The prune limit of the local configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One Application. Equal values ask for the same."""

    name: str
    project: str
    sources: tuple[Source, ...]
    """Where it comes from, in order; at least one gives resources."""
    namespace: str
    destination: str
    """`host`; where `Context.is_render` let another pass, its server or name as it was written."""
    terms: Terms = field(default_factory=Terms)
    """How its resources are applied and compared."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    annotation_places: Mapping[str, Where] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    origin: Origin
    settings: Settings = field(default_factory=Settings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rollback: str | None = None
    """`off` where the annotation `holdfast.dev/rollback` says so, and for a cluster unless it says `on`."""
    windows: tuple[SyncWindow, ...] = ()
    """Of its project, those that concern it."""
    permission: Permission | None = None
    """What its project lets its objects be; None: everything."""
    orphans: OrphanTerms | None = None
    """What its project asks for of orphans in its namespace; None: nothing."""
    cascade: bool = False
    """Whether what it has goes when its file goes (the finalizer `resources-finalizer.argocd.argoproj.io`)."""
    info: tuple[tuple[str, str], ...] = ()
    """Information for people: name and value."""
    warnings: tuple[Warning, ...] = ()
    """Of its own file and of its project's."""

    @property
    def repository(self) -> str:
        """The first source's."""
        return self.sources[0].repository

    @property
    def target_revision(self) -> str:
        return self.sources[0].target_revision

    @property
    def path(self) -> str:
        return self.sources[0].path

    @property
    def local_repositories(self) -> frozenset[str]:
        """Folders of this host among its repositories."""
        return frozenset(each.repository for each in self.sources if each.is_local)

    def window(self, now: Instant, manual: bool) -> WindowVerdict:
        """Return what the sync windows say at `now`, for a person's sync (`manual`) or an automated one."""
        return verdict(self.windows, now, manual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """What a set of files says, whole."""

    applications: tuple[Application, ...] = ()
    """In the order of the files."""
    projects: Mapping[str, Project] = field(default_factory=dict)
    """Those that the files declare."""
    warnings: tuple[Warning, ...] = ()
    """Of projects that no Application uses."""

    @property
    def local_repositories(self) -> frozenset[str]:
        """Folders that an operator named as repositories: what `GitPolicy.allow_local` may let pass."""
        return frozenset().union(*(each.local_repositories for each in self.applications))

    def __iter__(self) -> Iterator[Application]:
        return iter(self.applications)
