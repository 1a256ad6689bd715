"""The Kubernetes engine and its kinds, for the composition root: what no other engine applies is a cluster's."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

from holdfast.app.cluster import IN_CLUSTER, Clusters
from holdfast.engines.kubernetes.cel import compiler
from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.custom import CustomHealth
from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.engines.kubernetes.transport import Transport
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import UsageError, Where
from holdfast.host.config import Config
from holdfast.host.lua import Lua
from holdfast.kit.clock import Clock, Random
from holdfast.kubernetes.customization import NAME, NAMESPACE, Customizations, read_customizations, read_file
from holdfast.kubernetes.health import HealthRules
from holdfast.kubernetes.health_rule import read_rules
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records
from holdfast.model.resource import Resource

T = TypeVar("T")
ARGOCD_CM = ResourceId(IN_CLUSTER, "ConfigMap", NAMESPACE, NAME)
"""Where Argo CD has it; Applications may declare it there too."""


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
    rules: HealthRules,
    records: Records,
    clock: Clock,
    random: Random,
    crashed: Callable[[str, BaseException], None],
    described: Callable[[ResourceId], Iterable[Resource]] = lambda id: (),
    customs: Customs | None = None,
) -> KubernetesEngine:
    """Return the engine of all clusters that are reached; nothing is connected yet. `known`: the kinds of the other engines."""
    clients = {}
    for name, access in reached.accesses.items():
        credentials = Credentials(access, base=reached.base, clock=clock, environment=dict(os.environ))
        clients[name] = Client(Transport(HttpWire(credentials), clock=clock, random=random))
    return KubernetesEngine(
        clients,
        known=known,
        rules=rules,
        records=records,
        clock=clock,
        random=random,
        crashed=crashed,
        described=described,
        custom=CustomHealth(customs.said, customs.lua) if customs is not None else None,
    )


class Customs:
    """What users say of kinds: `kubernetes.customizations` of the local configuration over the `argocd-cm` that an Application applied."""

    def __init__(self, config: Config, applied: Callable[[ResourceId], Resource | None]) -> None:
        """Raises UsageError (HF8071) where the file of the configuration cannot be used."""
        self.lua = Lua()
        self._applied = applied
        self._file = _customizations(config.get("kubernetes.customizations"))
        self._digest = ""
        self._whole = self._file

    def said(self) -> Customizations:
        resource = self._applied(ARGOCD_CM)
        digest = resource.state.digest if resource is not None else ""
        if digest != self._digest:
            self._digest = digest
            fields = resource.state.fields if resource is not None else {}
            self._whole = self._file.over(read_customizations(str(ARGOCD_CM), fields.get("data")))
        return self._whole


def _customizations(path: str) -> Customizations:
    if not path:
        return Customizations()
    try:
        found = read_file(path, Path(path).read_bytes())
    except OSError as error:
        raise _unusable(error.strerror or str(error)) from error
    if found.errors:
        raise _unusable("; ".join(error.message for error in found.errors))
    return found


def _unusable(reason: str) -> UsageError:
    hint = "`holdfast config explain kubernetes.customizations` shows where it is set"
    return UsageError("HF8071", f"cannot use kubernetes.customizations: {reason}", hint=hint)


def rules_of(config: Config) -> HealthRules:
    """Return the rules of health: those of the folder `kubernetes.rules`, and those shipped with the program.

    Raises UsageError (HF8072) where a file of the folder cannot be read.
    """
    shipped = resources.files("holdfast.kubernetes") / "health"
    folder = config.get("kubernetes.rules")
    own = Path(folder)
    cel = compiler()

    def read(name: str) -> bytes | None:
        file = shipped / f"{name}.yaml"
        return file.read_bytes() if file.is_file() else None

    try:
        files = {path.stem: path.read_bytes() for path in sorted(own.iterdir()) if path.suffix == ".yaml"} if folder else {}
    except OSError as error:
        raise _bad_rules(error.strerror or str(error), ()) from error
    for name, data in files.items():
        if isinstance(found := read_rules(str(own / f"{name}.yaml"), data, cel), tuple):
            raise _bad_rules("; ".join(error.message for error in found), found[0].where)
    names = {*files, *(entry.name.removesuffix(".yaml") for entry in shipped.iterdir())}
    wide = sorted((name[2:] for name in names if name.startswith("_.")), key=lambda suffix: (-len(suffix), suffix))
    return HealthRules(read=read, own=files.get, cel=cel, wide=tuple(wide))


def _bad_rules(reason: str, where: Sequence[Where]) -> UsageError:
    hint = "`holdfast config explain kubernetes.rules` shows where it is set"
    return UsageError("HF8072", f"cannot use kubernetes.rules: {reason}", where=where, hint=hint)
