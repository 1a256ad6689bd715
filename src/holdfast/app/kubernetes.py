"""The Kubernetes engine and its kinds, for the composition root: what no other engine applies is a cluster's."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from importlib import resources
from typing import TypeVar

from holdfast.app.cluster import Clusters
from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.engines.kubernetes.transport import Transport
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.kit.clock import Clock, Random
from holdfast.kubernetes.health import HealthRules
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records
from holdfast.model.resource import Resource

T = TypeVar("T")


class WithOther(Mapping[str, T]):
    """A table by kind that answers for every kind: `other` for those that it does not name."""

    def __init__(self, known: Mapping[str, T], other: T) -> None:
        self._known = known
        self._other = other

    def __getitem__(self, key: str) -> T:
        return self._known.get(key, self._other)

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        yield from self._known
        yield "*"

    def __len__(self) -> int:
        return len(self._known) + 1


def kubernetes_engine(
    reached: Clusters,
    *,
    known: Collection[str],
    records: Records,
    clock: Clock,
    random: Random,
    crashed: Callable[[str, BaseException], None],
    described: Callable[[ResourceId], Iterable[Resource]] = lambda id: (),
) -> KubernetesEngine:
    """Return the engine of all clusters that are reached; nothing is connected yet. `known`: the kinds of the other engines."""
    clients = {}
    for name, access in reached.accesses.items():
        credentials = Credentials(access, base=reached.base, clock=clock, environment=dict(os.environ))
        clients[name] = Client(Transport(HttpWire(credentials), clock=clock, random=random))
    return KubernetesEngine(
        clients,
        known=known,
        rules=shipped_rules(),
        records=records,
        clock=clock,
        random=random,
        crashed=crashed,
        described=described,
    )


def shipped_rules() -> HealthRules:
    """Return the rules of health that are shipped with the program."""
    folder = resources.files("holdfast.kubernetes") / "health"

    def read(name: str) -> bytes | None:
        file = folder / f"{name}.yaml"
        return file.read_bytes() if file.is_file() else None

    wide = sorted(entry.name.removesuffix(".yaml")[2:] for entry in folder.iterdir() if entry.name.startswith("_."))
    return HealthRules(read=read, wide=tuple(wide))
