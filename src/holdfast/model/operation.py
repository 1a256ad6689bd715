"""Operation: one walk through a plan, journalled before its first effect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Change
from holdfast.model.resource import Resource


class Trigger(StrEnum):
    COMMIT = "commit"
    DRIFT = "drift"
    MANUAL = "manual"
    ROLLBACK = "rollback"
    EXPIRY = "expiry"
    RESUME = "resume"


class Phase(StrEnum):
    """Argo CD's words for an operation."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"
    """The daemon stopped in the middle, or a newer revision took over; its work was planned again from what is live."""


class Applied(StrEnum):
    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a change failed, for people and for the event."""

    code: str
    message: str
    hint: str | None = None
    log: tuple[str, ...] = ()
    """The last lines that the failing unit wrote."""
    dead: bool = False
    """Whether a candidate died (a rollback need not wait for a deadline)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one change. Success means that observing again showed the desired state and health, never an exit code."""

    id: ResourceId
    status: Applied
    attempts: int
    started_at: Instant
    finished_at: Instant
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    application: str
    trigger: Trigger
    revision: str
    desired_digest: str
    plan_digest: str
    phase: Phase
    started_at: Instant
    finished_at: Instant | None = None
    message: str = ""
    outcomes: tuple[Outcome, ...] = ()
    created: tuple[ResourceId, ...] = ()
    """What its plan set out to create: what a rollback of it may delete again."""
    is_selective: bool = False
    """Whether it was about some resources alone: then its end says nothing of the revision of the whole."""


class StepVerb(StrEnum):
    """What an engine is asked to do. A change without a rollout is one `apply` or one `delete`."""

    APPLY = "apply"
    """Make it so, in place; or create it where it is not there."""
    DELETE = "delete"
    START = "start"
    """Start a candidate beside what serves (`private`: on a private socket, never on the shared one)."""
    GATE = "gate"
    """Wait until the candidate is ready; raise at once where it dies, else at the deadline."""
    SWITCH = "switch"
    """The candidate becomes what serves."""
    DRAIN = "drain"
    """Let what served before finish its work."""
    STOP = "stop"
    """End what served before; ahead of `start` it ends what serves."""
    DISCARD = "discard"
    """End the candidate; what serves goes on. Where the switch came about although nobody heard, end what served before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act on one resource, told to the engine of its kind. Repeating a step of the same operation must do no harm."""

    operation: str
    verb: StepVerb
    change: Change
    resource: Resource | None
    """As desired; None where it is to go (then `change.before` says what was there)."""
    private: bool = False
    deadline_s: float = 60.0

    @property
    def id(self) -> ResourceId:
        return self.change.id

    @property
    def waits(self) -> bool:
        """Whether the step mostly waits, so that its lane gives the slot back meanwhile."""
        return self.verb in (StepVerb.GATE, StepVerb.DRAIN, StepVerb.STOP, StepVerb.DELETE, StepVerb.DISCARD)


class RolloutStyle(StrEnum):
    """How a change of one resource goes through; its kind decides."""

    IN_PLACE = "in-place"
    START_FIRST = "start-first"
    START_FIRST_PRIVATE = "start-first-private"
    """First on a private socket, gated, then on the shared one."""
    STOP_FIRST = "stop-first"
