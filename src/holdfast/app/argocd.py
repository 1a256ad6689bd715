"""What Argo CD manages in a cluster, for its import: asked once, without a daemon of ours, and changed by nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.app.cluster import IN_CLUSTER, Clusters, clusters
from holdfast.engines.kubernetes.answer import Gone
from holdfast.engines.kubernetes.application_objects import WORKLOADS
from holdfast.engines.kubernetes.client import Client, Object
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.transport import Transport
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import EngineError, Unavailable, UsageError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Config

_KINDS = ("argoproj.io/AppProject", "argoproj.io/Application", "argoproj.io/ApplicationSet")
_COMPONENT = "app.kubernetes.io/component"
_CONTROLLER = "application-controller"
"""Its component in Argo CD's manifests; in those of its Helm chart too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """What runs Argo CD's application controller. `wanted` and `running`: replicas."""

    kind: str
    namespace: str
    name: str
    wanted: int
    running: int

    @property
    def is_stopped(self) -> bool:
        return self.wanted == 0 and self.running == 0

    @property
    def stop(self) -> str:
        """The command that stops it."""
        return f"kubectl -n {self.namespace} scale {self.kind.lower()} {self.name} --replicas=0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What is there. `unknown`: why it cannot be told whether the controller runs; empty where it can."""

    objects: tuple[Object, ...]
    controllers: tuple[Controller, ...]
    unknown: str = ""


def managed(config: Config, environment: Mapping[str, str], namespace: str) -> Managed:
    """Return what Argo CD has in the cluster of the local configuration. UsageError (HF8058): it is not there."""
    return asyncio.run(_managed(clusters(config, environment), environment, namespace))


def reached(config: Config, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return which destinations are clusters: those of the local configuration, and the one that Argo CD itself runs in."""
    return {IN_CLUSTER: IN_CLUSTER, "in-cluster": IN_CLUSTER, **clusters(config, environment).names}


async def _managed(known: Clusters, environment: Mapping[str, str], namespace: str) -> Managed:
    access = known.accesses.get(IN_CLUSTER)
    if access is None:
        hint = "set kubernetes.kubeconfig, or give files with -f: `kubectl get applications,appprojects -A -o yaml`"
        raise UsageError("HF8058", "cannot look for Argo CD: the local configuration names no cluster", hint=hint)
    clock = RealClock()
    wire = HttpWire(Credentials(access, base=known.base, clock=clock, environment=dict(environment)))
    client = Client(Transport(wire, clock=clock, random=RealRandom()))
    try:
        objects = [each for kind in _KINDS for each in await _listed(client, kind, namespace, is_needed=not kind.endswith("Set"))]
        try:
            found = [each for kind in WORKLOADS for each in await _listed(client, kind, namespace)]
        except EngineError as error:
            return Managed(objects=tuple(objects), controllers=(), unknown=error.message)
        return Managed(objects=tuple(objects), controllers=controllers(found))
    finally:
        await client.aclose()


async def _listed(client: Client, kind: str, namespace: str, *, is_needed: bool = True) -> list[Object]:
    resource = await client.kind(kind)
    if resource is None:
        if not is_needed:
            return []
        hint = "is it the right cluster? `holdfast config explain kubernetes.context` shows which one is meant"
        raise UsageError("HF8058", f"cannot look for Argo CD: {client.server} does not serve {kind}", hint=hint)
    page = await client.page(resource, namespace=namespace)
    found = list(page.items)
    while page.next:
        try:
            page = await client.page(resource, namespace=namespace, after=page.next)
        except Gone as error:
            raise Unavailable("HF3308", f"cannot list {kind}: the list took too long, and is gone") from error
        found += page.items
    return found


def controllers(workloads: Iterable[Mapping[str, Any]]) -> tuple[Controller, ...]:
    """Return those workloads that run Argo CD's application controller."""
    return tuple(_controller(each) for each in workloads if _is_controller(each))


def _is_controller(it: Mapping[str, Any]) -> bool:
    metadata = it["metadata"]
    labels = metadata.get("labels") or {}
    return labels.get(_COMPONENT) == _CONTROLLER or str(metadata["name"]).endswith(f"argocd-{_CONTROLLER}")


def _controller(it: Mapping[str, Any]) -> Controller:
    metadata, wanted = it["metadata"], (it.get("spec") or {}).get("replicas")
    return Controller(
        kind=str(it["kind"]),
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        wanted=1 if wanted is None else int(wanted),
        running=int((it.get("status") or {}).get("replicas") or 0),
    )
