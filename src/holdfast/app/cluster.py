"""Clusters: which ones the local configuration reaches, by what people write for them.

`https://kubernetes.default.svc` is the cluster of this installation: the one that it runs in, else the chosen context of the kubeconfig.
Every other context is a destination by its name, and by its server. Nothing is connected before the first Application is for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.engines.kubernetes.credential import in_cluster
from holdfast.errors import UsageError
from holdfast.host.config import Config
from holdfast.kit.suggest import did_you_mean
from holdfast.kubernetes.kubeconfig import Access, contexts, read_kubeconfig

IN_CLUSTER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"
"""What Argo CD calls it."""
NAMESPACE = "argocd"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """What is reached: destination → access; and what people may write for it → destination."""

    accesses: Mapping[str, Access]
    names: Mapping[str, str]
    base: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A namespace of a cluster whose Application objects are followed."""

    destination: str
    shown: str
    """The cluster as people call it."""
    namespace: str

    def __str__(self) -> str:
        return f"{self.shown}/{self.namespace}"


def place(reached: Clusters, text: str) -> Place:
    """Return what `up --from-cluster` says: a cluster, with `/NAMESPACE` behind it perhaps. UsageError (HF8061): there is none."""
    name, namespace = text, NAMESPACE
    if name not in reached.names:
        name, _, behind = text.rpartition("/") if "/" in text else (text, "", "")
        namespace = behind or NAMESPACE
    destination = reached.names.get(name or IN_CLUSTER_NAME)
    if destination is None:
        near = did_you_mean(name, reached.names)
        if near:
            hint = f"did you mean {near}?"
        elif reached.names:
            hint = f"these are reached: {', '.join(sorted(reached.names))}"
        else:
            hint = "set kubernetes.kubeconfig in the local configuration"
        raise UsageError(
            "HF8061", f"cannot follow the Applications of {text!r}: the local configuration reaches no such cluster", hint=hint
        )
    if not _NAMESPACE.fullmatch(namespace):
        raise UsageError(
            "HF8061", f"cannot follow the Applications of {text!r}: {namespace!r} is no namespace", hint="write CLUSTER/NAMESPACE"
        )
    shown = IN_CLUSTER_NAME if destination == IN_CLUSTER else destination
    return Place(destination=destination, shown=shown, namespace=namespace)


def clusters(config: Config, environment: Mapping[str, str]) -> Clusters:
    """Return the clusters of the local configuration. Raises UsageError (HF8070) where its kubeconfig cannot be used."""
    if (own := in_cluster(environment)) is not None:
        return Clusters(accesses={IN_CLUSTER: own}, names={IN_CLUSTER: IN_CLUSTER, IN_CLUSTER_NAME: IN_CLUSTER}, base=Path("/"))
    path = config.get("kubernetes.kubeconfig")
    if not path:
        return Clusters(accesses={}, names={}, base=Path("/"))
    chosen = config.get("kubernetes.context")
    try:
        data = Path(path).read_bytes()
        accesses = {IN_CLUSTER: read_kubeconfig(path, data, chosen)}
        for name in contexts(path, data):
            accesses[name] = read_kubeconfig(path, data, name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            "HF8070",
            f"cannot use {path!r} for kubernetes.kubeconfig: {reason}",
            hint="`holdfast config explain kubernetes.kubeconfig` shows where it is set",
        ) from error
    # A context that means the chosen one is no second cluster: two names of one would fight over what stands there.
    same = [name for name, access in accesses.items() if name != IN_CLUSTER and access.server == accesses[IN_CLUSTER].server]
    names = {IN_CLUSTER: IN_CLUSTER, accesses[IN_CLUSTER].server: IN_CLUSTER, **dict.fromkeys(same, IN_CLUSTER)}
    for name, access in accesses.items():
        if name not in names:
            names[name] = name
            names.setdefault(access.server, name)
    names.setdefault(IN_CLUSTER_NAME, IN_CLUSTER)
    return Clusters(accesses={name: accesses[name] for name in set(names.values())}, names=names, base=Path(path).parent)
