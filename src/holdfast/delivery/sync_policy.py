"""Sync policy: `spec.syncPolicy` → the settings and the retry policy that core decides by.

Law: an option is honoured, moot on a host, or warned of; an unknown one is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.core.policy import Settings
from holdfast.core.retry import RetryPolicy
from holdfast.declare.annotation import IN_VAIN_IN_CLUSTER, MOOT_ON_HOST, parse_sync_option
from holdfast.delivery.application_spec import RetrySpec, SyncPolicySpec

_HONOURED = frozenset(
    {
        ("ApplyOutOfSyncOnly", "true"),
        ("Delete", "true"),
        ("Delete", "false"),
        ("FailOnSharedResource", "true"),
        ("Force", "false"),
        ("Prune", "true"),
        ("Prune", "false"),
        ("Prune", "confirm"),
        ("PruneLast", "false"),
        ("Replace", "false"),
        ("RespectIgnoreDifferences", "false"),
    }
)
"""Done here, or what happens in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `syncOptions` ask for."""

    prune: str = "true"
    """`true`, `false`, or `confirm`: a person approves every plan that deletes."""
    keeps_resources: bool = False
    """Whether what the Application has stays when the Application goes (`Delete=false`)."""
    in_vain: tuple[tuple[int, str], ...] = ()
    """Options that are not honoured on a host: index and text."""
    in_vain_in_cluster: tuple[tuple[int, str, str], ...] = ()
    """Those that are not honoured for a cluster: index, text, and why."""
    by_name: Mapping[str, str] = field(default_factory=dict)
    """All that are right."""
    errors: tuple[tuple[int, str], ...] = ()
    """Options that are wrong: index and reason."""


def read_options(texts: tuple[str, ...]) -> Options:
    """Return what `texts` ask for; of an option that stands twice the later one counts."""
    found: dict[str, str] = {}
    in_vain: list[tuple[int, str]] = []
    in_cluster: list[tuple[int, str, str]] = []
    errors: list[tuple[int, str]] = []
    for at, text in enumerate(texts):
        try:
            name, value = parse_sync_option(text)
        except ValueError as error:
            errors.append((at, str(error)))
            continue
        found[name] = value
        if (name, value) not in _HONOURED and name not in MOOT_ON_HOST:
            in_vain.append((at, f"{name}={value}"))
        if (why := IN_VAIN_IN_CLUSTER.get((name, value))) is not None:
            in_cluster.append((at, f"{name}={value}", why))
    return Options(
        prune=found.get("Prune", "true"),
        keeps_resources=found.get("Delete") == "false",
        in_vain=tuple(in_vain),
        in_vain_in_cluster=tuple(in_cluster),
        by_name=found,
        errors=tuple(errors),
    )


def settings(spec: SyncPolicySpec, options: Options, *, prune_share: float, prune_free: int) -> Settings:
    """Return what plans of the Application may do. `enabled: false` leaves what a person's own sync does as it is written."""
    automated = spec.automated
    if automated is None:
        return Settings(prune_share=prune_share, prune_free=prune_free)
    is_on = automated.enabled is not False
    asks = options.prune == "confirm"
    return Settings(
        automated=is_on,
        prune=automated.prune and options.prune != "false",
        self_heal=automated.self_heal and is_on,
        allow_empty=automated.allow_empty,
        prune_share=0.0 if asks else prune_share,
        prune_free=0 if asks else prune_free,
    )


def retry_policy(spec: RetrySpec | None) -> RetryPolicy:
    """Return how a failed sync is retried; without a spec as Argo CD does for automated syncs: five times."""
    if spec is None:
        return RetryPolicy()
    return RetryPolicy(
        limit=spec.limit,
        duration_s=spec.backoff.duration,
        factor=float(spec.backoff.factor),
        max_duration_s=spec.backoff.max_duration,
    )
