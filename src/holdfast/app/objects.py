"""What people ask of objects of a cluster: their actions, and what stands beneath them. Implements `api.service.ObjectService`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from holdfast.api.service import Data
from holdfast.engines.kubernetes.acting import Actions
from holdfast.engines.kubernetes.beneath import look_beneath
from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.errors import EngineError, UsageError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.suggest import did_you_mean
from holdfast.kubernetes.action import declared, shown_path
from holdfast.kubernetes.action_event import ran
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory
from holdfast.model.ports import Journal


class HouseObjects:
    """`heals` says of an Application whether drift is put back."""

    def __init__(
        self,
        actions: Actions,
        *,
        inventory: Callable[[], Inventory],
        heals: Callable[[str], bool],
        cluster: KubernetesEngine,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._actions = actions
        self._inventory = inventory
        self._heals = heals
        self._cluster = cluster
        self._journal = journal
        self._clock = clock

    async def actions(self, name: str) -> Data:
        id = self._find(name)
        found = await self._actions.found(id)
        owned = self._inventory()[id]
        return {**_who(id, owned.application), "actions": [each.to_json() for each in found]}

    async def act(self, name: str, action: str, params: Mapping[str, str], person: str, reason: str) -> Data:
        id = self._find(name)
        owned = self._inventory()[id]
        done = await self._actions.run(id, action, params)
        drift = [shown_path(path) for path in done.changed if declared(path, owned.resource.state.fields)]
        changed = [shown_path(path) for path in done.changed]
        event = ran(
            at=self._clock.now(),
            application=owned.application,
            id=id,
            action=action,
            by=person,
            reason=reason,
            params=params,
            changed=changed,
            created=done.created,
            drift=drift,
        )
        await self._journal.emit(event)
        heals = bool(drift) and owned.resource.policy.heal and self._heals(owned.application)
        told = {"action": action, "params": dict(params), "changed": changed, "created": list(done.created), "drift": drift}
        return {**_who(id, owned.application), **told, "heals": heals}

    async def beneath(self, ids: Collection[ResourceId]) -> tuple[dict[ResourceId, dict[str, Json]], tuple[str, ...]]:
        """Return what stands beneath objects of a cluster, and what is told of clusters that did not answer."""
        found: dict[ResourceId, dict[str, Json]] = {}
        warnings: list[str] = []
        for destination in sorted({id.destination for id in ids}):
            here = {id: seen for id in ids if id.destination == destination and (seen := self._cluster.live(id)) is not None}
            try:
                if here:
                    found |= await look_beneath(self._cluster.watches.client_of(next(iter(here))), here, self._cluster.judge)
            except EngineError as error:
                warnings.append(f"what stands beneath is not shown: {error.message}")
        return found, tuple(warnings)

    def has(self, id: ResourceId) -> bool:
        return self._cluster.watches.has(id)

    def _find(self, name: str) -> ResourceId:
        return object_named(name, [id for id in self._inventory() if self._cluster.watches.has(id)])


def object_named(name: str, known: Collection[ResourceId]) -> ResourceId:
    """Return the object that a name means: its id, `Kind/name`, or its name. UsageError (HF8073) for none, or several."""
    exact = [id for id in known if name == str(id)]
    kind, _, own = name.rpartition("/")
    found = exact or [id for id in known if id.name == own and kind.casefold() in ("", _kind(id), id.kind.casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        hint = f"write one of {', '.join(sorted(map(str, found)))}"
        raise UsageError("HF8073", f"cannot tell which object {name} is: there are {len(found)}", hint=hint)
    names = sorted({*map(str, known), *(id.name for id in known)})
    guess = did_you_mean(name, names)
    have = f"there are {', '.join(sorted(map(str, known))[:5])}" if known else "no Application of a cluster has any yet"
    raise UsageError(
        "HF8073", f"cannot find {name}: no object of a cluster has that name", hint=f"did you mean {guess}?" if guess else have
    )


def _kind(id: ResourceId) -> str:
    return id.kind.rpartition("/")[2].casefold()


def _who(id: ResourceId, application: str) -> dict[str, str]:
    return {"application": application, "id": str(id), "destination": id.destination}
