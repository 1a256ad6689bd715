"""What the command line and `app` say to each other without a daemon between them. Plain values, and the names of places in STATE.

The two stand on both sides of `api` and may not know it (decision 0004), so their words are here, beneath both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

RUN_FOLDER = "run"
"""Beneath STATE, 0711: sockets."""
API_SOCKET = "api.sock"
"""In the run folder, 0600: where the daemon answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressLine:
    """One step that a person who waits is told of, on stderr."""

    text: str
    application: str | None = None
    severity: str = "info"
    """`info`, `warning` or `error`."""


Progress: TypeAlias = Callable[[ProgressLine], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What `holdfast up` was asked for."""

    files: tuple[str, ...] = ()
    """Application files, absolute or relative to the folder the command runs in; empty: those beside the configuration file."""
    from_cluster: str | None = None
    """Cluster, with `/NAMESPACE` behind it perhaps, whose Application objects are followed."""
    state_dir: str
    once: bool = False
    """Reconcile to Synced and Healthy, then end; the children keep running."""
    timeout_s: float = 60.0
    """Of `once`: how long that may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How `up` ended. Without `once` it ends by a signal, with exit code 0."""

    status: Mapping[str, Any]
    """The data of a `Status` document."""
    exit_code: int
    """Of `once`: 0 all Synced and Healthy, 3 degraded, 1 failed, 75 at the time limit."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know: that the children keep running without a daemon."""
