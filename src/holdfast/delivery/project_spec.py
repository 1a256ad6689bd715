"""What a person may write about an AppProject: Argo CD's `spec`, all its fields (argoproj.io/v1alpha1).

Field docstrings are the help text, the reference page and the schema's description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from holdfast.kit.canonical import Json
from holdfast.kit.cron import Cron
from holdfast.model.scalars import Check, Duration, NonEmptyStr, Scalar


def _schedule(value: Json) -> str:
    """Return a cron expression; `?` for any day is Quartz's and Argo CD's (robfig/cron)."""
    if not isinstance(value, str):
        raise ValueError
    text = " ".join(part if part != "?" else "*" for part in value.split())
    try:
        Cron.parse(text)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"cannot read cron {text!r}: ")) from None
    return text


def _time_zone(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError
    try:
        Cron.parse("@daily").next_after(0.0, value or "UTC")
    except ValueError:
        raise ValueError("there is no such time zone") from None
    return value or "UTC"


Schedule = Annotated[str, Scalar(expected="a cron expression such as '0 22 * * *'", parse=_schedule)]
TimeZone = Annotated[str, Scalar(expected="a time zone such as Europe/Berlin", parse=_time_zone)]
OpenFor = Annotated[
    Duration, Check(expected="a duration such as 1h, more than 0", reason=lambda seconds: None if seconds > 0 else "it is never open")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWindowSpec:
    """A time in which syncs are allowed, or denied. It is for an Application that one of its globs matches."""

    kind: Literal["allow", "deny"]
    """`deny`: no sync while it is open. `allow`: no sync while none of the allow windows is open. Deny wins."""
    schedule: Schedule
    """When it opens, as a cron expression of five fields."""
    duration: OpenFor
    """How long it stays open."""
    applications: tuple[str, ...] = ()
    """Globs of the names of Applications."""
    namespaces: tuple[str, ...] = ()
    """Globs of the namespaces of their destinations."""
    clusters: tuple[str, ...] = ()
    """Globs of the servers or names of their destinations (`host://local`)."""
    and_operator: bool = False
    """Whether each list that is written must match, instead of one of them."""
    manual_sync: bool = False
    """Whether a person may sync where the window holds automated syncs back."""
    time_zone: TimeZone = "UTC"
    """Time zone of `schedule`."""
    description: str = ""
    """What it is for."""
    sync_overrun: bool = False
    """Whether a sync that has begun goes on when the window says no. Here it always does: half a rollout is worse than a late one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDestination:
    """Where Applications may go: globs; one that begins with `!` forbids what it matches."""

    server: str = ""
    """Glob of `destination.server`."""
    name: str = ""
    """Glob of `destination.name`."""
    namespace: str = ""
    """Glob of `destination.namespace`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKind:
    """Resources of one kind: globs."""

    group: str = ""
    """API group."""
    kind: str = ""
    """Kind."""
    name: str = ""
    """Name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtToken:
    """A token that Argo CD issued."""

    iat: int
    """When it was issued."""
    exp: int = 0
    """When it expires."""
    id: str = ""
    """Its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRole:
    """Who may do what in Argo CD."""

    name: NonEmptyStr
    """Its name."""
    description: str = ""
    """What it is for."""
    policies: tuple[str, ...] = ()
    """Casbin policies."""
    jwt_tokens: tuple[JwtToken, ...] = ()
    """Tokens of the role."""
    groups: tuple[str, ...] = ()
    """OIDC groups of the role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanedResourceKey:
    """Resources that are no orphans."""

    group: str = ""
    """Glob of the API group; empty is the core group."""
    kind: str = ""
    """Glob of the kind; empty is any."""
    name: str = ""
    """Glob of the name; empty is any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanedResources:
    """Objects in the namespaces of its Applications that no Application has. Where it is there, also empty, they are looked for."""

    warn: bool | None = None
    """Whether they are a condition of the Application, which is so unless it is `false`."""
    ignore: tuple[OrphanedResourceKey, ...] = ()
    """Those that are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureKey:
    """A key that commits must be signed with."""

    key_id: str = field(metadata={"key": "keyID"})
    """Its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationServiceAccount:
    """A service account that syncs run as."""

    server: str = ""
    """Glob of the server."""
    namespace: str = ""
    """Glob of the namespace."""
    default_service_account: str = ""
    """The service account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppProjectSpec:
    """What the Applications of a project may do, and when. The project `default` allows everything unless it is declared."""

    source_repos: tuple[str, ...] = ()
    """Globs of the repositories that may be followed; `*` for all, `!` before one that may not. `.` and `./x` are relative to the file."""
    destinations: tuple[ProjectDestination, ...] = ()
    """Where Applications may go."""
    sync_windows: tuple[SyncWindowSpec, ...] = ()
    """When they may be synced."""
    description: str = ""
    """What it is for."""
    roles: tuple[ProjectRole, ...] = ()
    """Who may do what in Argo CD."""
    cluster_resource_whitelist: tuple[GroupKind, ...] | None = None
    """Kinds without a namespace that may be declared."""
    cluster_resource_blacklist: tuple[GroupKind, ...] = ()
    """Kinds without a namespace that may not be declared."""
    namespace_resource_whitelist: tuple[GroupKind, ...] | None = None
    """Kinds with a namespace that may be declared."""
    namespace_resource_blacklist: tuple[GroupKind, ...] = ()
    """Kinds with a namespace that may not be declared."""
    orphaned_resources: OrphanedResources | None = None
    """Whether resources that nobody declares are told of."""
    signature_keys: tuple[SignatureKey, ...] = ()
    """Keys that commits must be signed with. Signatures are not checked yet, so a project that asks for them is refused."""
    source_integrity: Mapping[str, object] | None = None
    """Rules of how commits must be signed. Not checked yet, so a project that has them is refused."""
    source_namespaces: tuple[str, ...] = ()
    """Globs of the namespaces, beside `argocd`, in which Applications within Applications may be declared."""
    permit_only_project_scoped_clusters: bool = False
    """Whether only clusters of the project may be destinations."""
    destination_service_accounts: tuple[DestinationServiceAccount, ...] = ()
    """Service accounts that syncs run as."""
