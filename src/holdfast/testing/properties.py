"""What must hold at every step of a story. Watches engines and the store from outside and decides by the truth, not by what is said.

| property | when |
|---|---|
| journal before effect, and in the inventory before it is there | at every effect |
| what is not ours is never touched | at every effect |
| needs first, up and down | at every effect |
| what is told as applied stands | at every success |
| one actor at a time for one resource | at every step |
| a heal goes back to what was last applied | at every effect |
| every effect has an event that says why | at every effect |
| no prune while the source fails, was rewound or shrank past the limit | per operation |
| a rollback deletes only what the failed operation created | per operation |
| retries and heals are bounded | per operation |
| a secret stands in nothing that is written | at the end |

What must hold at rest is in `rest`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.core.world import find, tokens
from holdfast.kit.clock import Clock
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase, Step, StepVerb, Trigger
from holdfast.model.plan import Verb
from holdfast.model.ports import Append, PutOperation, Write
from holdfast.model.resource import Declared, Desired
from holdfast.testing.disk import Disk
from holdfast.testing.world import Thing, World

MOST_TRIES = 5
"""Of one step of one operation: four, and an undoing told as the same step."""
MOST_HEALS = 15
"""Of one resource in a minute, failed ones included."""
MOST_FAILURES = 7
"""In a row, of one digest: five retries after the first, and one that a crash made it forget."""
FREE, SHARE = 5, 0.5
SOURCE_GRACE_S = 60.0
"""An operation that was decided before the source failed may still begin; no look takes longer."""
UNDOING = frozenset({StepVerb.DISCARD, StepVerb.STOP})


@dataclass(slots=True, kw_only=True)
class Properties:
    """Implements simulated_engine.Witness; `wrote` is the disk's. `trace` is None where nobody reads it."""

    clock: Clock
    world: World
    disk: Disk
    renders: Mapping[tuple[str, str], Desired | Exception]
    """What each commit of each Application asks for."""
    violations: list[str] = field(default_factory=list)
    trace: list[str] | None = None
    effects: int = 0
    """Steps that an engine did."""
    _in_hand: dict[ResourceId, Step] = field(default_factory=dict)
    _tries: defaultdict[tuple[str, ResourceId, StepVerb, bool], int] = field(default_factory=lambda: defaultdict(int))
    _began: dict[str, float] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    """Operations whose beginning was told."""
    _drifted: set[str] = field(default_factory=set)
    """Texts of the ids whose drift was told."""
    _failing_since: dict[str, float] = field(default_factory=dict)
    _approved: set[str] = field(default_factory=set)
    _failures: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Per application the digest that failed last, and how often in a row."""
    _making_room: set[str] = field(default_factory=set)
    """Operations that take something away early, so that what replaces it finds its place free."""
    _heals: defaultdict[ResourceId, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _created: defaultdict[str, set[ResourceId]] = field(default_factory=lambda: defaultdict(set))
    rewound: dict[str, str] = field(default_factory=dict)
    """Per application the commit that Git was rewound to from something that stood healthy."""
    acted: set[tuple[str, ResourceId]] = field(default_factory=set)
    """Operation and id of every effect."""

    def breach(self, words: str) -> None:
        self.violations.append(f"at {self.clock.monotonic():.3f} s: {words}")
        self.note(f"VIOLATION {words}")

    def note(self, words: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.clock.monotonic():10.4f} {words}")

    # Steps

    def begins(self, step: Step) -> None:
        if (other := self._in_hand.get(step.id)) is not None:
            self.breach(f"{step.operation} asks for {step.verb} {step.id} while {other.operation} does {other.verb}")
        self._in_hand[step.id] = step
        self._tries[key := (step.operation, step.id, step.verb, step.private)] += 1
        tries = self._tries[key]
        if tries > MOST_TRIES and step.verb not in UNDOING:
            self.breach(f"{step.operation} asks {tries} times for {step.verb} {step.id}")

    def ends(self, step: Step) -> None:
        self._in_hand.pop(step.id, None)

    def did(self, step: Step) -> None:
        self.effects += 1
        self.note(f"effect {step.operation} {step.verb} {step.id}")

    def acts(self, step: Step, before: Thing | None, after: Thing | None) -> None:
        operation = self.disk.walks.get(step.operation)
        self.acted.add((step.operation, step.id))
        if operation is None:
            self.breach(f"{step.operation} does {step.verb} {step.id} and is in no journal")
            return
        if operation.phase is not Phase.RUNNING and step.verb not in UNDOING:
            self.breach(f"{step.operation} does {step.verb} {step.id} although it is {operation.phase}")
        if after is not None and step.id not in self.disk.owned:
            self.breach(f"{step.operation} brings up {step.id}, which the inventory does not know")
        is_beside = step.verb is StepVerb.START and step.private
        if before is not None and before.maker is None and not is_beside and not (step.resource and step.resource.policy.adopt):
            self.breach(f"{step.operation} does {step.verb} {step.id}, which is somebody else's")
        self._order(step, before, after)
        self._why(operation, step)

    def _order(self, step: Step, before: Thing | None, after: Thing | None) -> None:
        if before is None and after is not None and step.resource is not None:
            for need in sorted(step.resource.needs):
                if need not in self.world.things and not self._is_away(need, step):
                    self.breach(f"{step.operation} brings up {step.id} before {need}, which it needs")
        makes_room = step.operation in self._making_room
        if before is not None and after is None and step.change.verb is Verb.DELETE and not makes_room:
            for other in self.disk.owned:
                if other in self.world.things and other != step.id and step.id in self._needs(other, step):
                    self.breach(f"{step.operation} takes {step.id} away before {other}, which needs it")

    def _needs(self, id: ResourceId, step: Step) -> frozenset[ResourceId]:
        """Return what stands in need of what: as declared now where it stands so already, else as last applied."""
        operation = self.disk.walks[step.operation]
        desired = self.renders.get((operation.application, operation.revision))
        declared = find(desired, id) if isinstance(desired, Desired) else None
        stands = declared is not None and declared.state == self.world.things[id].state
        return declared.needs if declared is not None and stands else self.disk.owned[id].resource.needs

    def _is_away(self, need: ResourceId, step: Step) -> bool:
        """Say whether somebody else took it away, or another operation: of its own Application, or one that is to bring it up again."""
        by = self.world.removed.get(need, "")
        other, this = self.disk.walks.get(by or ""), self.disk.walks.get(step.operation)
        if by != step.operation and self.world.removed_at.get(need, -1.0) > self._began.get(step.operation, 0.0):
            return True  # an engine that says yes and does it late did so after the look
        return by is None or (other is not None and (other.phase is Phase.RUNNING or this is None or other.application != this.application))

    def _why(self, operation: Operation, step: Step) -> None:
        if operation.trigger is not Trigger.DRIFT:
            if operation.id not in self._told:
                self.breach(f"no event says why {operation.id} does {step.verb} {step.id}")
            return
        owned = self.disk.owned.get(step.id)
        causes = {step.id, *(owned.resource.policy.restart_with if owned is not None else ())}
        if self._drifted.isdisjoint(map(str, causes)):
            self.breach(f"no event says that {step.id} drifted, which {operation.id} heals")
        if step.resource is not None and owned is not None and (step.resource.state != owned.resource.state or not owned.is_applied):
            self.breach(f"{operation.id} heals {step.id} to what was not last applied")

    # Writes

    def wrote(self, writes: Iterable[Write]) -> None:
        for write in writes:
            if isinstance(write, PutOperation):
                self._operation(write.operation)
            elif isinstance(write, Append):
                self._event(write.event)
            self.note(f"write {_words(write)}") if self.trace is not None else None

    def _operation(self, operation: Operation) -> None:
        if operation.phase is Phase.RUNNING:
            self._began[operation.id] = self.clock.monotonic()
            self._created[operation.application].update(operation.created)
            if operation.trigger is Trigger.DRIFT:
                return
        elif operation.trigger is Trigger.COMMIT:
            self._bounded(operation)
        if operation.phase is Phase.SUCCEEDED and operation.trigger is Trigger.COMMIT:
            self._created.pop(operation.application, None)

    def _bounded(self, operation: Operation) -> None:
        digest, count = self._failures.get(operation.application, ("", 0))
        if operation.phase is not Phase.FAILED:
            self._failures.pop(operation.application, None)
            return
        count = count + 1 if digest == operation.desired_digest else 1
        self._failures[operation.application] = (operation.desired_digest, count)
        if count > MOST_FAILURES:
            self.breach(f"{operation.application} fails {count} times in a row at the same content")

    def _event(self, event: Event) -> None:
        application = str(event.data.get("application", ""))
        match event.type:
            case "operation.started":
                self._told.add(event.operation or "")
                self._started(event, application)
            case "change.applied":
                self._applied(event)
            case "resource.drifted":
                self._drifted.add(event.subject)
            case "resource.healed":
                self._drifted.discard(event.subject)
                self._healed(ResourceId.parse(event.subject))
            case "source.failed" | "render.failed":
                self._failing_since.setdefault(application, self.clock.monotonic())
            case "source.recovered" | "revision.rendered":
                self._failing_since.pop(application, None)
            case "plan.approved":
                self._approved.add(str(event.data["digest"]))
            case "application.suspended" | "application.resumed" | "revision.unpinned":
                self._failures.pop(application, None)

    def _applied(self, event: Event) -> None:
        """Success is that the world shows it, unless somebody else changed it meanwhile."""
        operation = self.disk.walks.get(event.operation or "")
        id = ResourceId.parse(event.subject)
        thing = self.world.things.get(id)
        stands = thing.state.digest if thing is not None else None
        began = self._began.get(event.operation or "", 0.0)
        if operation is not None and stands != event.data["after"] and self.world.meddled_at.get(id, -1.0) < began:
            self.breach(f"{operation.id} says that it applied {id}, and it does not stand so")

    def _healed(self, id: ResourceId) -> None:
        now, heals = self.clock.monotonic(), self._heals[id]
        heals.append(now)
        while heals and heals[0] < now - 60.0:
            heals.popleft()
        if len(heals) > MOST_HEALS:
            self.breach(f"{id} is healed {len(heals)} times in a minute")

    def _started(self, event: Event, application: str) -> None:
        operation = self.disk.walks[event.operation or ""]
        deletes: Sequence[str] = event.data["deletes"]  # type: ignore[assignment]
        doomed = [owned for owned in self.disk.owned.values() if owned.application == application and str(owned.resource.id) in deletes]
        if any(tokens(it.resource) or it.resource.policy.restart_with for it in doomed):
            self._making_room.add(operation.id)
        if not deletes or operation.plan_digest in self._approved or operation.trigger is Trigger.MANUAL:
            return
        if operation.trigger is Trigger.ROLLBACK:
            foreign = {owned.resource.id for owned in doomed} - self._created[application]
            if foreign:
                self.breach(f"{operation.id} goes back and deletes {min(foreign)}, which no failed operation created")
            return
        since = self._failing_since.get(application)
        if since is not None and self.clock.monotonic() - since > SOURCE_GRACE_S:
            self.breach(f"{operation.id} prunes {deletes[0]} although the source of {application} fails")
        if self.rewound.get(application) == operation.revision and any(isinstance(it.resource.owner, Declared) for it in doomed):
            self.breach(f"{operation.id} prunes {deletes[0]} although {application} was rewound")
        ours = [owned for owned in self.disk.owned.values() if owned.application == application]
        whole = {owned.resource.declared_id for owned in ours}
        lost = {owned.resource.declared_id for owned in doomed}
        lost -= {owned.resource.declared_id for owned in ours if owned not in doomed}  # scaled down
        if len(lost) > FREE and len(lost) > SHARE * len(whole):
            self.breach(f"{operation.id} prunes {len(lost)} of {len(whole)} without a person")


def _words(write: Write) -> str:
    match write:
        case Append(event):
            return f"event {event.type} {event.subject} {event.operation or ''}".rstrip()
        case PutOperation(operation):
            return f"operation {operation.id} {operation.phase}"
    return type(write).__name__
