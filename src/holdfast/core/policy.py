"""Policy: from what an Application says to what its plans may do, and whether an automated operation may start now.

Sync windows are judged in `delivery`, which hands over a verdict. Nothing here looks at resources; the planner does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from holdfast.core.retry import Retrying
from holdfast.core.rollback import Pin, resumes
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Blocked, Plan, Policy, Verb
from holdfast.model.source import short


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an Application and the local configuration say, plain: Argo CD's `syncPolicy` and the prune limit."""

    automated: bool = False
    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False
    prune_share: float = 0.5
    prune_free: int = 5


def policy(
    settings: Settings,
    *,
    complete: bool = True,
    rewound: bool = False,
    approved: str | None = None,
    rolling_back: Collection[ResourceId] | None = None,
    only: Collection[ResourceId] | None = None,
) -> Policy:
    """Return what a plan of this Application may do now."""
    return Policy(
        prune=settings.prune,
        allow_empty=settings.allow_empty,
        prune_share=settings.prune_share,
        prune_free=settings.prune_free,
        complete=complete,
        rewound=rewound,
        approved=approved,
        rolling_back=None if rolling_back is None else frozenset(rolling_back),
        only=None if only is None else frozenset(only),
    )


def removal(approved: str | None = None) -> Policy:
    """Return the policy of taking an Application down (`holdfast down`): a person asked for it, so only protection needs an approval."""
    return Policy(prune=True, allow_empty=True, prune_share=1.0, removing=True, approved=approved)


class Kind(StrEnum):
    """Why an automated operation may start or is held."""

    GO = "go"
    NOT_AUTOMATED = "not-automated"
    SUSPENDED = "suspended"
    PINNED = "pinned"
    WINDOW = "window"
    RETRYING = "retrying"
    EXHAUSTED = "exhausted"


CODES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.NOT_AUTOMATED: "HF2010",
        Kind.SUSPENDED: "HF2011",
        Kind.PINNED: "HF2012",
        Kind.WINDOW: "HF2013",
        Kind.RETRYING: "HF2014",
        Kind.EXHAUSTED: "HF2015",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowVerdict:
    """What sync windows say of automated operations at this moment."""

    allowed: bool = True
    reason: str = ""
    until: Instant | None = None
    """When the verdict may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Go, or hold with a reason, and until when where time alone lifts it. Truthy: go."""

    kind: Kind
    reason: str = ""
    until: Instant | None = None

    def __bool__(self) -> bool:
        return self.kind is Kind.GO

    @property
    def code(self) -> str:
        return CODES.get(self.kind, "")


GO = Decision(kind=Kind.GO)


def decide_automated(
    *,
    now: Instant,
    desired_digest: str,
    is_automated: bool,
    suspended: str | None = None,
    pin: Pin | None = None,
    window: WindowVerdict | None = None,
    retrying: Retrying | None = None,
    is_approved: bool = False,
) -> Decision:
    """Decide whether an operation for `desired_digest` may start by itself at `now`.

    `suspended` says by whom and why. `is_approved`: a person approved the plan of this digest, which stands for `automated` and lifts an
    exhausted or waiting retry, but neither a suspension, a pin nor a window. The first reason to hold, in that order of weight, wins.
    """
    if suspended is not None:
        return Decision(kind=Kind.SUSPENDED, reason=suspended or "suspended")
    if pin is not None and not resumes(pin, desired_digest):
        return Decision(kind=Kind.PINNED, reason=f"pinned at {short(pin.revision)}: {pin.reason}")
    if not is_automated and not is_approved:
        return Decision(kind=Kind.NOT_AUTOMATED, reason="syncs only when a person says so")
    if window is not None and not window.allowed:
        return Decision(kind=Kind.WINDOW, reason=window.reason, until=window.until)
    return GO if is_approved else _retry(retrying, desired_digest, now)


def _retry(retrying: Retrying | None, desired_digest: str, now: Instant) -> Decision:
    if retrying is None or retrying.digest != desired_digest:
        return GO
    if retrying.next_at is None:
        return Decision(kind=Kind.EXHAUSTED, reason=f"failed {retrying.failures} times: waits for a new commit or a person")
    if not retrying.is_due(now):
        return Decision(kind=Kind.RETRYING, reason=f"failed {retrying.failures} times: tries again", until=retrying.next_at)
    return GO


def refusals(plan: Plan) -> dict[ResourceId, Blocked]:
    """Return what policy said no to: exit code 5, whatever else goes on."""
    return {id: blocked for id, blocked in plan.blocked.items() if blocked.refused}


def approvable(plan: Plan) -> bool:
    """Say whether approving the plan's digest would let something more happen."""
    return any(blocked.code in APPROVABLE for blocked in plan.blocked.values())


APPROVABLE = frozenset({"HF2004", "HF2005", "HF2006", "HF2008", "HF2016", "HF2017"})

GIT_IN_DOUBT = frozenset({"HF2004", "HF2005", "HF2007", "HF2016"})
"""Not pruned since Git may not mean it: so much at once, all of it, not rendered completely, or rewound."""


def deletions(plan: Plan) -> tuple[ResourceId, ...]:
    """Return what the plan deletes for good, for the sentence that says how many and what."""
    return tuple(sorted({change.id for change in plan if change.verb is Verb.DELETE}))
