"""What must hold when everything that went wrong is over and nothing is under way: the world is what Git says, and nobody does anything.

Judged by the truth of the world, not by what the daemon believes; then what the daemon shows is held against it too.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.core.memory import Memory
from holdfast.core.view import SYNCED
from holdfast.core.world import tokens
from holdfast.model.ids import ResourceId
from holdfast.model.live import Status
from holdfast.model.operation import Phase
from holdfast.model.resource import Desired, Resource
from holdfast.testing.properties import FREE, SHARE
from holdfast.testing.stage import Stage


def unrest(stage: Stage) -> Iterator[str]:
    """Yield what is not as it must be at rest."""
    yield from stage.crashes
    yield from (f"{id} has a candidate that nobody wants" for id in sorted(stage.world.candidates))
    yield from (f"{id} was replaced and never ended" for id in sorted(stage.world.retired))
    yield from (f"{it.id} still says {it.phase}" for it in stage.disk.walks.values() if it.phase is Phase.RUNNING)
    left: set[str] = set()
    for name in stage.managed:
        yield from _of_application(stage, name, left)
    yield from _inventory(stage)
    yield from _view(stage, left)


def memory_of(stage: Stage, name: str) -> Memory:
    stored = stage.disk.spaces.get("sync", {}).get(name)
    return Memory.from_json(stored) if isinstance(stored, dict) else Memory()


def wanted_of(stage: Stage, name: str) -> Desired | None:
    """Return what an Application must have come to: its pin, else what Git says; None where that does not render."""
    pin = memory_of(stage, name).pin
    found = stage.renders.get((name, pin.revision if pin else stage.heads.get(name, "")))
    return found if isinstance(found, Desired) else None


def _of_application(stage: Stage, name: str, left: set[str]) -> Iterator[str]:
    wanted = wanted_of(stage, name)
    if wanted is None:
        yield f"{name} has no last word"
        return
    if is_bad(stage, name):
        return
    things = stage.world.things
    excused = _excused(stage, wanted)
    if any(wanted.get(id) is not None for id in excused):
        left.add(name)
    for resource in wanted:
        if resource.id in excused:
            continue
        thing = things.get(resource.id)
        if thing is None:
            yield f"{resource.id} is not there"
        elif thing.maker is None and not resource.policy.adopt:
            yield f"{resource.id} is somebody else's"
        elif thing.state != resource.state:
            yield f"{resource.id} is {dict(thing.state.fields)}, not {dict(resource.state.fields)}"
    declared = {resource.id for resource in wanted}
    rest = [owned.resource for id, owned in stage.disk.owned.items() if owned.application == name and id not in declared]
    if rest:
        left.add(name)
        yield from (f"{resource.id} is left over" for resource in _surplus(stage, name, wanted, rest))


def _excused(stage: Stage, wanted: Desired) -> set[ResourceId]:
    """Return what cannot stand, and all that needs it.

    Either what stays there by its own policy holds what it wants, or it needs what another Application could never bring up.
    """
    left = [owned.resource for id, owned in stage.disk.owned.items() if wanted.get(id) is None]
    in_the_way = frozenset[str]().union(*map(tokens, left))
    excused = {resource.id for resource in wanted if tokens(resource) & in_the_way} if in_the_way else set()
    excused |= {id for resource in left for id in resource.policy.restart_with}
    bad = [other for name in stage.managed if name != wanted.application and is_bad(stage, name) and (other := wanted_of(stage, name))]
    excused |= {resource.id for other in bad for resource in other if resource.id not in stage.world.things}
    while more := {resource.id for resource in wanted if resource.needs & excused} - excused:
        excused |= more
    return excused


def _surplus(stage: Stage, name: str, wanted: Desired, rest: list[Resource]) -> Iterator[Resource]:
    """Yield what is left over without a reason: pruning is off, a person must confirm, or something that stays needs it."""
    memory = memory_of(stage, name)
    lost = {resource.declared_id for resource in rest}
    whole = lost | {resource.declared_id for resource in wanted}
    is_refused = len(lost) > FREE and len(lost) > SHARE * len(whole)
    if is_refused or memory.rewound == wanted.digest or not stage.managed[name].settings.prune:
        return
    kept = {resource.id for resource in rest if not resource.policy.prune}
    if memory.pin is not None:
        failed = [it for it in stage.disk.walks.values() if it.application == name and it.desired_digest == memory.pin.failed_digest]
        is_by_hand = any(it.phase is Phase.SUCCEEDED for it in failed)
        created = set() if is_by_hand else {id for it in failed for id in it.created}
        kept |= {it.id for it in rest} - created  # a rollback deletes only what the failed operation created
    while more := {it.id for it in rest if it.id not in kept and _needed_by(stage, it.id, kept)}:
        kept |= more
    yield from (resource for resource in rest if resource.id not in kept)


def _needed_by(stage: Stage, id: ResourceId, kept: set[ResourceId]) -> bool:
    return any(id in stage.disk.owned[other].resource.needs for other in kept)


def _inventory(stage: Stage) -> Iterator[str]:
    ours = {id: thing.state for id, thing in stage.world.things.items() if thing.maker is not None}
    known = {id: owned.resource.state for id, owned in stage.disk.owned.items()}
    declared = {resource.id for name in stage.managed for resource in wanted_of(stage, name) or ()}
    for id in sorted(ours.keys() | known.keys()):
        if id not in known:
            yield f"{id} is ours and the inventory does not know it"
        elif id not in ours and stage.world.things.get(id) is None and stage.disk.owned[id].is_applied:
            yield f"{id} is in the inventory and not there"
        elif id in ours and ours[id] != known[id]:
            yield f"{id} is remembered otherwise than it stands"
        if id in ours and id in known and id in declared and not stage.disk.owned[id].is_applied:
            yield f"{id} stands and is remembered as never applied"


def _view(stage: Stage, left: set[str]) -> Iterator[str]:
    """Hold what people are shown against the truth."""
    for name in stage.managed:
        view = stage.house.journal.view.applications[name]
        is_pinned = memory_of(stage, name).pin is not None
        if (view.pin is not None) != is_pinned:
            yield f"{name} is shown {'pinned' if view.pin else 'free'} and is not"
        if not is_pinned and name not in left and not is_bad(stage, name):
            if view.sync != SYNCED:
                yield f"{name} is shown {view.sync}"
            if view.health.status is not Status.HEALTHY:
                yield f"{name} is shown {view.health.status}: {view.health.message}"
        fought = sorted(str(id) for id, resource in view.resources.items() if resource.contended)
        yield from (f"{id} is still shown as contended" for id in fought)
        if view.is_busy:
            yield f"{name} is shown busy"


def is_bad(stage: Stage, name: str) -> bool:
    """Say whether an Application is left with a last word that cannot be made to stand, since it does not go back."""
    wanted = wanted_of(stage, name)
    return wanted is not None and any(resource.state.fields.get("bad") for resource in wanted)
