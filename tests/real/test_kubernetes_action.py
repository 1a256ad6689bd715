"""Actions against a real API server: built-in ones, a user's Lua, who owns what they changed, and what is not done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.kubernetes_house import DESTINATION, client_of

from holdfast.engines.kubernetes.acting import MANAGER, Actions, Done
from holdfast.errors import Rejected
from holdfast.host.clock import RealClock
from holdfast.host.lua import Lua
from holdfast.kubernetes.customization import Customizations, read_customizations
from holdfast.kubernetes.object_id import object_id

pytestmark = pytest.mark.real
WEB = object_id(DESTINATION, "apps/Deployment", "default", "web")
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
OWN = """
mergeBuiltinActions: true
discovery.lua: |
  local actions = {}
  local labels = obj.metadata.labels or {}
  actions["label"] = {disabled = labels.mine == "yes", params = {{name = "value", default = "yes"}}}
  actions["copy"] = {displayName = "Keep a copy"}
  actions["loop"] = {}
  actions["escape"] = {}
  return actions
definitions:
- name: label
  action.lua: |
    obj.metadata.labels = obj.metadata.labels or {}
    obj.metadata.labels.mine = actionParams["value"]
    return obj
- name: copy
  action.lua: |
    local copy = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = obj.metadata.name .. "-copy"}}
    copy.metadata.namespace = obj.metadata.namespace
    copy.data = {replicas = tostring(obj.spec.replicas)}
    return {{operation = "create", resource = copy}}
- name: loop
  action.lua: |
    while true do end
- name: escape
  action.lua: |
    obj.metadata.namespace = "kube-system"
    return obj
"""


@pytest.fixture
def web(cluster: Cluster) -> Iterator[Callable[[], dict[str, Any]]]:
    """Make the Deployment; lends what reads it. It is declared by a manager of its own, as `kubectl apply --server-side` does."""
    labels = {"app": "web"}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1"}], "volumes": [{"name": "tmp", "emptyDir": {}}]},
            },
        },
    }
    status, _ = cluster.ask("POST", DEPLOYMENTS, manifest)
    assert status == 201
    yield lambda: dict(cluster.ask("GET", f"{DEPLOYMENTS}/web")[1])
    cluster.ask("DELETE", f"{DEPLOYMENTS}/web")


def acting(cluster: Cluster, act: Callable[[Actions], Awaitable[Any]], said: Customizations | None = None) -> Any:
    async def run() -> Any:
        client, lua = client_of(cluster.kubeconfig), Lua()
        try:
            return await act(Actions(lambda id: client, said=lambda: said or Customizations(), lua=lua, clock=RealClock()))
        finally:
            await lua.aclose()
            await client.aclose()

    return asyncio.run(run())


def ran(cluster: Cluster, name: str, said: Customizations | None = None, **params: str) -> Done:
    done = acting(cluster, lambda actions: actions.run(WEB, name, params), said)
    assert isinstance(done, Done)
    return done


def owned_by_action(found: dict[str, Any]) -> dict[str, Any]:
    (entry,) = [each for each in found["metadata"]["managedFields"] if each["manager"] == MANAGER]
    return dict(entry["fieldsV1"])


def test_a_restart_changes_the_template_alone_and_is_ours_to_see(cluster: Cluster, web: Callable[[], dict[str, Any]]) -> None:
    before = web()
    done = ran(cluster, "restart")
    after = web()
    assert [path[-1] for path in done.changed] == ["kubectl.kubernetes.io/restartedAt"]
    assert after["spec"]["template"]["metadata"]["annotations"].keys() == {"kubectl.kubernetes.io/restartedAt"}
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert owned_by_action(after)["f:spec"].keys() == {"f:template"}


def test_scale_pause_and_resume(cluster: Cluster, web: Callable[[], dict[str, Any]]) -> None:
    assert ran(cluster, "scale", replicas="4").changed == (("spec", "replicas"),)
    ran(cluster, "pause")
    assert (web()["spec"]["replicas"], web()["spec"]["paused"]) == (4, True)
    with pytest.raises(Rejected, match="disabled") as refused:
        ran(cluster, "restart")
    assert refused.value.code == "HF3343"
    ran(cluster, "resume")
    assert web()["spec"].get("paused") in (None, False)
    assert ran(cluster, "scale").changed == (), "the default is what it has"


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("explode", {}, "there is no such action"),
        ("scale", {"replicas": "many"}, "a number from 0 on"),
        ("scale", {"size": "3"}, "has no parameter size"),
    ],
)
def test_what_is_wrong_changes_nothing(
    name: str, params: dict[str, str], words: str, cluster: Cluster, web: Callable[[], dict[str, Any]]
) -> None:
    before = web()
    with pytest.raises(Rejected, match=words):
        acting(cluster, lambda actions: actions.run(WEB, name, params))
    assert web() == before


def test_an_object_that_is_not_there_has_no_actions(cluster: Cluster) -> None:
    with pytest.raises(Rejected, match="it is not there") as refused:
        ran(cluster, "restart")
    assert refused.value.code == "HF3342"


def test_a_users_own_actions_stand_beside_the_built_in_ones(cluster: Cluster, web: Callable[[], dict[str, Any]]) -> None:
    said = read_customizations("cm", {"resource.customizations.actions.apps_Deployment": OWN})
    assert said.errors == ()
    found = acting(cluster, lambda actions: actions.found(WEB), said)
    assert [each.name for each in found] == ["copy", "escape", "label", "loop", "pause", "restart", "resume", "scale"]
    assert ran(cluster, "label", said).changed == (("metadata", "labels", "mine"),)
    after = web()
    assert after["metadata"]["labels"] == {"mine": "yes"}
    assert after["spec"]["template"]["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}], "what was empty is as it was"
    with pytest.raises(Rejected, match="disabled"):
        ran(cluster, "label", said)
    assert ran(cluster, "copy", said).created == ("ConfigMap/default/web-copy",)
    assert cluster.ask("GET", "/api/v1/namespaces/default/configmaps/web-copy")[1]["data"] == {"replicas": "2"}


def test_a_script_that_does_not_end_or_reaches_for_another_object_does_nothing(cluster: Cluster, web: Callable[[], dict[str, Any]]) -> None:
    said = read_customizations("cm", {"resource.customizations.actions.apps_Deployment": OWN})
    before = web()
    with pytest.raises(Rejected, match="processor time"):
        ran(cluster, "loop", said)
    with pytest.raises(Rejected, match="another object"):
        ran(cluster, "escape", said)
    assert web() == before


def test_without_the_switch_a_users_own_actions_replace_the_built_in_ones(cluster: Cluster, web: Callable[[], dict[str, Any]]) -> None:
    own = OWN.replace("mergeBuiltinActions: true\n", "")
    said = read_customizations("cm", {"resource.customizations.actions.apps_Deployment": own})
    found = acting(cluster, lambda actions: actions.found(WEB), said)
    assert [each.name for each in found] == ["copy", "escape", "label", "loop"]


STATUS = """
discovery.lua: |
  return {abort = {}}
definitions:
- name: abort
  action.lua: |
    obj.status = obj.status or {}
    obj.status.abort = true
    obj.spec.paused = true
    return obj
"""


@pytest.mark.parametrize("has_subresource", [True, False])
def test_a_status_is_changed_where_the_kind_keeps_it(has_subresource: bool, cluster: Cluster) -> None:
    kind, plural = ("Rollout", "rollouts") if has_subresource else ("Release", "releases")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema} | (
        {"subresources": {"status": {}}} if has_subresource else {}
    )
    names = {"kind": kind, "plural": plural}
    spec = {"group": "acts.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert cluster.ask("POST", definitions, {"metadata": {"name": f"{plural}.acts.example.com"}, "spec": spec})[0] == 201
    path = f"/apis/acts.example.com/v1/namespaces/default/{plural}"
    thing = {"apiVersion": "acts.example.com/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {}}
    cluster.wait("kube-apiserver", lambda: cluster.ask("POST", path, thing)[0] in (201, 409))
    said = read_customizations("cm", {f"resource.customizations.actions.acts.example.com_{kind}": STATUS})
    id = object_id(DESTINATION, f"acts.example.com/{kind}", "default", "web")
    done = acting(cluster, lambda actions: actions.run(id, "abort", {}), said)
    assert done.changed == (("spec", "paused"), ("status", "abort"))
    found = cluster.ask("GET", f"{path}/web")[1]
    assert (found["spec"], found["status"]) == ({"paused": True}, {"abort": True})


def test_a_job_is_terminated_by_its_status(cluster: Cluster) -> None:
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    template = {"spec": {"containers": [{"name": "app", "image": "web:1"}], "restartPolicy": "Never"}}
    assert cluster.ask("POST", jobs, {"metadata": {"name": "long"}, "spec": {"template": template}})[0] == 201
    begun = {"status": {"startTime": "2026-01-01T00:00:00Z", "active": 1}}
    assert cluster.ask("PATCH", f"{jobs}/long/status", begun, kind="application/merge-patch+json")[0] == 200
    id = object_id(DESTINATION, "batch/Job", "default", "long")
    acting(cluster, lambda actions: actions.run(id, "terminate", {}))
    (condition,) = cluster.ask("GET", f"{jobs}/long")[1]["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("FailureTarget", "True", "ManuallyTerminated")
    with pytest.raises(Rejected, match="disabled"):
        acting(cluster, lambda actions: actions.run(id, "terminate", {}))
