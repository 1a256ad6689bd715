"""What a person may write about an Application: Argo CD's `spec`, all its fields (argoproj.io/v1alpha1).

Field docstrings are the help text, the reference page and the schema's description. Argo CD's defaults are kept. What is read here and
not honoured yet is in `unhonoured.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from holdfast.delivery.source_spec import SourceHydrator, SourceSpec
from holdfast.kit.canonical import Json
from holdfast.kit.duration import format_duration, parse_duration
from holdfast.model.scalars import Check, Name, NonEmptyStr, Scalar


def _delay(value: Json) -> float:
    """Return seconds; a bare number is of seconds (Argo CD `RetryStrategy.NextRetryAt`)."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError
    text = str(value).strip()
    try:
        return parse_duration(f"{text}s" if text.isdecimal() else text)
    except ValueError:
        raise ValueError from None


def _short(seconds: float) -> str | None:
    return None if 0 <= seconds < 1e9 else "it is too long"


Delay = Annotated[
    float,
    Scalar(expected="a duration such as 5s", parse=_delay, show=format_duration, schema={"type": ["string", "integer"]}),
    Check(expected="a duration such as 5s", reason=_short),
]
Factor = Annotated[
    int, Check(expected="a whole number from 1 to 1000", reason=lambda factor: None if 1 <= factor <= 1000 else "", schema={"minimum": 1})
]
Limit = Annotated[int, Check(expected="a whole number", reason=lambda limit: None if abs(limit) < 1 << 31 else "it is too large")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSpec:
    """Where workloads run: `server` or `name`; this host without either."""

    server: str = ""
    """`host://local`: supervised processes of this host; `unix:///var/run/docker.sock`, `tcp://…` or `ssh://user@host`: a Docker host."""
    name: str = ""
    """Name of a cluster, instead of `server`."""
    namespace: Name | None = None
    """Namespace of resources that name none; the Application's name without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedSpec:
    """Syncs without being asked. `automated: {}` switches it on."""

    prune: bool = False
    """Whether what Git no longer says is deleted; without it, it stays as a visible orphan."""
    self_heal: bool = False
    """Whether what drifts from Git is put back at once."""
    allow_empty: bool = False
    """Whether a repository that declares nothing any more may empty the Application."""
    enabled: bool | None = None
    """False switches it off and leaves the other fields in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffSpec:
    """How long retries wait."""

    duration: Delay = 5.0
    """Before the first retry; a bare number is of seconds."""
    factor: Factor = 2
    """What the wait is multiplied by after each retry."""
    max_duration: Delay = 180.0
    """Longest wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySpec:
    """How a failed sync is tried again. Without it: five times."""

    limit: Limit = 0
    """How often; 0: not at all, below 0: without end."""
    backoff: BackoffSpec = BackoffSpec()
    """How long retries wait."""
    refresh: bool = False
    """Whether a retry takes the newest revision. Here it always does: what failed is retried only while Git still asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceMetadata:
    """What is put on a namespace that is created."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Its labels."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Its annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPolicySpec:
    """When and how the Application is synced. Without `automated`: when a person says so."""

    automated: AutomatedSpec | None = None
    """Syncs without being asked."""
    sync_options: tuple[str, ...] = ()
    """Options such as `Prune=confirm`; an unknown one is an error."""
    retry: RetrySpec | None = None
    """How a failed sync is tried again."""
    managed_namespace_metadata: NamespaceMetadata | None = None
    """What is put on a namespace that is created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreDifferences:
    """Fields whose differences do not count."""

    kind: NonEmptyStr
    """Kind of the resources."""
    group: str = ""
    """API group of the resources."""
    name: str = ""
    """Name of the resource."""
    namespace: str = ""
    """Namespace of the resource."""
    json_pointers: tuple[str, ...] = ()
    """Fields, as JSON pointers (RFC 6901)."""
    jq_path_expressions: tuple[str, ...] = ()
    """Fields, as jq paths."""
    managed_fields_managers: tuple[str, ...] = ()
    """Managers whose fields are theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoSpec:
    """One line of information for people."""

    name: str
    """What it is about."""
    value: str
    """The information: a link, an address, a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSpec:
    """What is kept equal to Git: a folder of a repository at a destination."""

    destination: DestinationSpec = DestinationSpec()
    """Where workloads run."""
    source: SourceSpec | None = None
    """Where it comes from."""
    sources: tuple[SourceSpec, ...] = ()
    """Where it comes from, one or several, joined as one; wins over `source`."""
    source_hydrator: SourceHydrator | None = None
    """Where it comes from when Argo CD hydrates manifests; wins over `source` and `sources`."""
    project: str = "default"
    """The AppProject that it belongs to: what it may do, and when."""
    sync_policy: SyncPolicySpec = SyncPolicySpec()
    """When and how it is synced."""
    ignore_differences: tuple[IgnoreDifferences, ...] = ()
    """Differences that do not count."""
    info: tuple[InfoSpec, ...] = ()
    """Information for people."""
    revision_history_limit: int | None = None
    """How many revisions are remembered."""
