"""What tests of Applications for a real cluster look at it with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.house import house as lent

WAIT_S = 40.0
LOOK_AGAIN_S = 0.02
ARGO = "/apis/argoproj.io/v1alpha1"
IN_CLUSTER = "https://kubernetes.default.svc"


def until(is_so: Callable[[], Any], what: str, wait_s: float = WAIT_S) -> Any:
    """Wait until the cluster is as wanted, and return what `is_so` found."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if found := is_so():
            return found
        time.sleep(LOOK_AGAIN_S)
    pytest.fail(f"waited {wait_s:g} s in vain: {what}")


@contextmanager
def house_on(cluster: Cluster, name: str) -> Iterator[House]:
    """Lend a house whose destination `https://kubernetes.default.svc` is `cluster`."""
    with lent(name) as house:
        house.environ["HOLDFAST_KUBERNETES_KUBECONFIG"] = str(cluster.kubeconfig)
        yield house


def name_of(request: pytest.FixtureRequest) -> str:
    """Return a name for an Application and a namespace that no other test of the run has."""
    return f"t{abs(hash(request.node.name)) % 10**9}"


def live(cluster: Cluster, path: str) -> dict[str, Any] | None:
    status, body = cluster.ask("GET", path)
    return body if status == 200 else None


def config_map(name: str, greeting: str = "hello", namespace: str = "", more: str = "") -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}{place}{more} }}\ndata: {{ GREETING: {greeting} }}\n"


def namespace(name: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n"
