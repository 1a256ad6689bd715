"""What Argo CD or kubectl applied is taken over, on a real API server with its real controllers: nothing restarts, and it is ours alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.cluster_world import resource_of
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, name_of
from tests.real.kubernetes_house import running_engine
from tests.real.test_kubernetes_engine import apply_of

from holdfast.kubernetes.normal import LAST_APPLIED

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
TRACKING = "argocd.argoproj.io/tracking-id"
SCALED = 3
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
def house(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[House]:
    with house_on(cluster, name_of(request)) as house:
        house.file.write_text(APPLICATION.format(name=house.name, repository=house.repository))
        assert cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": house.name}})[0] == 201
        yield house


def deployment(*, sidecar: bool = True, label: bool = True) -> dict[str, Any]:
    """A Deployment whose sidecar has a probe: much of both is a default, which kubectl counts as its own."""
    containers: list[dict[str, Any]] = [{"name": "web", "image": "web:1"}]
    if sidecar:
        probe = {"httpGet": {"path": "/", "port": 80}}
        containers.append({"name": "sidecar", "image": "sidecar:1", "livenessProbe": probe})
    pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    labels = {"team": "shop"} if label else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", **({"labels": labels} if labels else {})},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": pod},
    }


def apply_as(cluster: Cluster, namespace: str, manager: str, way: str) -> None:
    """Put the Deployment there as Argo CD or kubectl does: on the server's side, or on the client's with its note."""
    item = deployment()
    item["metadata"]["annotations"] = {TRACKING: f"{namespace}:apps/Deployment:{namespace}/web"}
    where = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    if way == "Apply":
        status, _ = cluster.ask("PATCH", f"{where}/web?fieldManager={manager}&force=true", item, kind="application/apply-patch+yaml")
    else:
        item["metadata"]["annotations"][LAST_APPLIED] = json.dumps(deployment())
        status, _ = cluster.ask("POST", f"{where}?fieldManager={manager}", item)
    assert status == 201


def web(cluster: Cluster, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.ask("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/web")[1]
    return found


def pods(cluster: Cluster, namespace: str) -> set[str]:
    return {each["metadata"]["uid"] for each in cluster.ask("GET", f"/api/v1/namespaces/{namespace}/pods")[1]["items"]}


def owners(item: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["manager"], each["operation"]) for each in item["metadata"]["managedFields"]}


@pytest.mark.parametrize(
    ("manager", "way"), [("argocd-controller", "Apply"), ("argocd-controller", "Update"), ("kubectl-client-side-apply", "Update")]
)
def test_a_deployment_is_taken_over_as_it_runs(cluster: Cluster, house: House, manager: str, way: str) -> None:
    apply_as(cluster, house.name, manager, way)
    path = f"/apis/apps/v1/namespaces/{house.name}/deployments/web"
    scaled = {"spec": {"replicas": SCALED}}  # as an autoscaler does
    assert cluster.ask("PATCH", f"{path}/scale?fieldManager=autoscaler", scaled, kind="application/merge-patch+json")[0] == 200
    mesh = {"metadata": {"annotations": {"mesh": "in"}}}
    assert cluster.ask("PATCH", f"{path}?fieldManager=mesh", mesh, kind=STRATEGIC)[0] == 200
    house.until("it runs", lambda: web(cluster, house.name).get("status", {}).get("readyReplicas") == SCALED)
    before, ran = web(cluster, house.name), pods(cluster, house.name)
    assert {(manager, way), ("mesh", "Update")} <= owners(before)

    house.commit("as it is", web_json=json.dumps(deployment()))
    house.up()
    house.well()
    after = web(cluster, house.name)
    assert owners(after) == (owners(before) - {(manager, way)}) | {("holdfast", "Apply")}
    kept = ("uid", "generation", "labels")
    assert {key: after["metadata"][key] for key in kept} == {key: before["metadata"][key] for key in kept}
    assert after["spec"] == before["spec"]
    assert pods(cluster, house.name) == ran
    annotations = after["metadata"]["annotations"]
    assert TRACKING in annotations
    assert annotations == before["metadata"]["annotations"]

    house.well(house.commit("less", web_json=json.dumps(deployment(sidecar=False, label=False))))
    less = web(cluster, house.name)
    assert [each["name"] for each in less["spec"]["template"]["spec"]["containers"]] == ["web"]
    assert (less["spec"]["replicas"], less["metadata"].get("labels"), less["metadata"]["uid"]) == (SCALED, None, before["metadata"]["uid"])


def test_it_is_done_once_and_asks_nothing_more(cluster: Cluster, house: House) -> None:
    apply_as(cluster, house.name, "argocd-controller", "Apply")
    item = deployment()
    item["metadata"]["namespace"] = house.name

    async def run() -> None:
        async with running_engine(cluster) as engine:
            wanted = resource_of(item)
            await engine.engine.observe([wanted.id])
            client, before = engine.engine.watches.client_of(wanted.id), dict[int, int]()
            for number in (1, 2):
                before[number] = client.requests
                await engine.engine.apply(apply_of(wanted))
            assert client.requests - before[2] == 1, "an apply, and nothing else"
            assert before[2] - before[1] >= 2, "an apply, and a takeover"

    asyncio.run(run())


def test_one_that_ended_in_the_middle_is_ended_by_the_next_apply(cluster: Cluster, house: House) -> None:
    """Both own it, and meanwhile Git has lost something: it goes all the same."""
    apply_as(cluster, house.name, "argocd-controller", "Apply")
    path = f"/apis/apps/v1/namespaces/{house.name}/deployments/web?fieldManager=holdfast&force=true"
    assert cluster.ask("PATCH", path, deployment(), kind="application/apply-patch+yaml")[0] == 200
    assert {("holdfast", "Apply"), ("argocd-controller", "Apply")} <= owners(web(cluster, house.name))
    item = deployment(sidecar=False)
    item["metadata"]["namespace"] = house.name

    async def run() -> None:
        async with running_engine(cluster) as engine:
            wanted = resource_of(item)
            await engine.engine.observe([wanted.id])
            await engine.engine.apply(apply_of(wanted))

    asyncio.run(run())
    after = web(cluster, house.name)
    assert [each["name"] for each in after["spec"]["template"]["spec"]["containers"]] == ["web"]
    assert "argocd-controller" not in {name for name, _ in owners(after)}
