"""A walk with hooks before, between and after its waves (Argo CD's phases); used by walker, which walks the waves.

Once something failed nothing else is begun but the hooks of SyncFail; something newer that takes over ends it where it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Change, Verb
from holdfast.walk.hook import HookRun
from holdfast.walk.walk import Walk

Waves: TypeAlias = tuple[tuple[Change, ...], ...]


async def walk_with_hooks(walk: Walk, hooks: HookRun, do: Callable[[Walk, Waves, HookRun | None], Awaitable[None]]) -> None:
    """Walk the waves of a plan by `do`, which is given the hooks that run between them."""
    await hooks.begin()
    is_removal = hooks.is_removal
    first, last = (HookPhase.PRE_DELETE, HookPhase.POST_DELETE) if is_removal else (HookPhase.PRE_SYNC, HookPhase.POST_SYNC)
    ahead = _missing_needs(walk, hooks.needs(first))
    await do(walk, tuple(tuple(each for each in wave if each.id in ahead) for wave in walk.plan.waves), None)
    if not walk.failed:
        await hooks.run(first)
    await do(walk, tuple(tuple(each for each in wave if each.id not in ahead) for wave in walk.plan.waves), hooks)
    if not (walk.failed or walk.interrupt.is_set):
        await hooks.run(HookPhase.SYNC)
        if not any(id in walk.resources for id in walk.plan.blocked):
            await hooks.run(last)
    is_good = not (walk.failed or hooks.failed)
    if not is_good and not walk.interrupt.is_set and not is_removal:
        await hooks.run(HookPhase.SYNC_FAIL)
    if is_removal and is_good:
        await hooks.clear()
    walk.outcomes += hooks.outcomes
    if not walk.interrupt.is_set:
        await hooks.end(is_good=is_good)


def _missing_needs(walk: Walk, needs: frozenset[ResourceId]) -> frozenset[ResourceId]:
    """Return what hooks of the first phase name, directly or not, and is not there yet: it is made ahead of them."""
    created = {change.id for change in walk.plan if change.verb is Verb.CREATE}
    found: set[ResourceId] = set()
    edge = [*needs]
    while edge:
        id = edge.pop()
        if id in created and id not in found:
            found.add(id)
            edge += walk.resources[id].needs
    return frozenset(found)
