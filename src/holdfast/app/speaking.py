"""Whose logs a name means: an Application's, those of one Process or Container with all its replicas, or of one resource by its id."""

from __future__ import annotations

from collections.abc import Collection

from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean
from holdfast.kubernetes.pod import WITH_PODS
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.plan import Inventory

KINDS: Collection[str] = frozenset({"Process", "Container"})
"""Kinds that write logs themselves; objects of a cluster do through their pods."""


def speaking(inventory: Inventory, name: str) -> tuple[ResourceId, ...]:
    """Return the ids that `name` means, in order; UsageError (HF8023) where there is none."""
    known = {id: owned for id, owned in sorted(inventory.items()) if id.kind in KINDS or (id.destination != HOST and id.kind in WITH_PODS)}
    found = []
    for id, owned in known.items():
        declared = owned.resource.declared_id
        if name in (owned.application, str(id), str(declared), id.name, declared.name, f"{id.kind.rpartition('/')[2]}/{id.name}"):
            found.append(id)
    if found:
        return tuple(found)
    names = sorted({str(id) for id in known} | {owned.application for owned in known.values()})
    guess = did_you_mean(name, names)
    hint = f"did you mean {guess}?" if guess else f"there are {', '.join(names[:5])}" if names else "nothing runs yet"
    reason = "no Application, Process, Container or workload of a cluster has that name"
    raise UsageError("HF8023", f"cannot read the logs of {name}: {reason}", hint=hint)
