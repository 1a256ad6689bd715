"""What people type for objects of a cluster, from a real repository to a real API server: actions, logs, exec and tree.

kwok stands for the kubelets: logs come from files, commands of pods run on this host.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import LOGGED_IN, Cluster
from tests.real.house import HOLDFAST, House
from tests.real.kubernetes_apps import house_on, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: shop }}
spec:
  destination: {{ namespace: {LOGGED_IN}, server: https://kubernetes.default.svc }}
  source: {{ repoURL: REPOSITORY, targetRevision: main, path: cluster }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
WEB = f"""\
apiVersion: v1
kind: Namespace
metadata: {{ name: {LOGGED_IN} }}
---
apiVersion: v1
kind: Namespace
metadata: {{ name: argocd }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{ name: web }}
spec:
  replicas: 2
  serviceName: web
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec: {{ containers: [ {{ name: app, image: "web:1" }} ] }}
---
apiVersion: v1
kind: ConfigMap
metadata: {{ name: settings }}
data: {{ mode: fast }}
"""
ARGOCD_CM = """\
apiVersion: v1
kind: ConfigMap
metadata: { name: argocd-cm, namespace: argocd }
data:
  resource.customizations.health.ConfigMap: |
    if obj.metadata.name ~= "settings" then return nil end
    return {status = "Healthy", message = "mode is " .. obj.data.mode}
  resource.customizations.actions.ConfigMap: |
    discovery.lua: |
      return {slow = {disabled = obj.data.mode == "slow"}}
    definitions:
      - name: slow
        action.lua: |
          obj.data.mode = "slow"
          return obj
"""
SETS = f"/apis/apps/v1/namespaces/{LOGGED_IN}/statefulsets/web"
PODS = f"/api/v1/namespaces/{LOGGED_IN}/pods"


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "shop") as house:
        house.file.write_text(APPLICATION.replace("REPOSITORY", str(house.repository)))
        folder = house.repository / "cluster"
        folder.mkdir()
        (folder / "web.yaml").write_text(WEB)
        (folder / "argocd-cm.yaml").write_text(ARGOCD_CM)
        house.commit("first")
        house.up()
        until(lambda: all(is_running(cluster, name) for name in ("web-0", "web-1")), "two pods run")
        house.well()
        yield house


def is_running(cluster: Cluster, name: str) -> bool:
    status, pod = cluster.ask("GET", f"{PODS}/{name}")
    return status == 200 and any("running" in each["state"] for each in pod["status"].get("containerStatuses", ()))


def data(house: House, *words: str) -> Any:
    return house.answer(*words)["data"]


def text(house: House, *words: str, expect: int = 0) -> str:
    done = house.run(*words, "--state", str(house.state), expect=expect)
    return done.stdout + done.stderr


def ran(house: House, *words: str, expect: int = 0) -> Any:
    """`holdfast exec`, whose own options stand first."""
    done = house.run("exec", "--state", str(house.state), "--json", *words, expect=expect)
    return json.loads(done.stdout)["data"] if not expect else done.stdout + done.stderr


def test_a_restart_is_an_event_with_who_and_why_and_no_drift(cluster: Cluster, house: House) -> None:
    listed = data(house, "action", "list", "StatefulSet/web")
    assert [each["name"] for each in listed["actions"]] == ["restart", "scale"]
    done = data(house, "action", "run", "web", "restart", "--reason", "a stuck pool")
    assert (done["drift"], done["heals"]) == ([], False)
    assert "kubectl.kubernetes.io/restartedAt" in done["changed"][0]
    (event,) = [each for each in data(house, "events", "shop")["events"] if each["type"] == "action.ran"]
    assert (event["subject"], event["data"]["reason"]) == (f"apps/StatefulSet/{LOGGED_IN}/web", "a stuck pool")
    assert event["data"]["by"]
    house.well()
    annotations = cluster.ask("GET", SETS)[1]["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations, "what Git does not declare stays"


def test_a_change_of_what_git_declares_is_named_as_drift_and_put_back(cluster: Cluster, house: House) -> None:
    done = data(house, "action", "run", "web", "scale", "--param", "replicas=1")
    assert (done["drift"], done["heals"]) == (["spec.replicas"], True)
    until(lambda: cluster.ask("GET", SETS)[1]["spec"]["replicas"] == 2, "the scale is put back")
    said = text(house, "action", "run", "web", "scale", "--param", "replicas=1")
    assert "Git declares spec.replicas: that is drift now, and it is put back" in said
    until(lambda: cluster.ask("GET", SETS)[1]["spec"]["replicas"] == 2, "the scale is put back again")
    house.well()


def test_health_and_actions_come_from_the_argocd_cm_that_git_declares(cluster: Cluster, house: House) -> None:
    def settings() -> dict[str, Any]:
        (found,) = [
            each
            for application in data(house, "status")["applications"]
            for each in application["resources"]
            if each["id"] == f"ConfigMap/{LOGGED_IN}/settings"
        ]
        return dict(found)

    until(lambda: (settings().get("live") or {}).get("message") == "mode is fast", "the script is asked")
    done = data(house, "action", "run", "settings", "slow")
    assert (done["changed"], done["drift"]) == (["data.mode"], ["data.mode"])
    path = f"/api/v1/namespaces/{LOGGED_IN}/configmaps/settings"
    until(lambda: cluster.ask("GET", path)[1]["data"]["mode"] == "fast", "it is put back")
    house.well()


def write(cluster: Cluster, pod: str, text: str) -> None:
    with (cluster.logs / pod).open("a") as file:
        file.write(f"2026-01-02T12:00:00.000000001Z stdout F {text}\n")


def test_logs_name_the_pod_and_follow(cluster: Cluster, house: House) -> None:
    write(cluster, "web-0", "first")
    until(lambda: "web-0 | first" in text(house, "logs", "shop"), "the line of the pod is shown")
    assert data(house, "logs", "StatefulSet/web")["lines"] == [{"source": f"Pod/{LOGGED_IN}/web-0", "text": "first"}]
    assert data(house, "logs", "shop", "--since", "1s")["lines"] == []
    following = subprocess.Popen(
        [*HOLDFAST, "logs", "web", "--follow", "--jsonl", "--state", str(house.state)],
        stdout=subprocess.PIPE,
        env={**os.environ, **house.environ},
    )
    try:
        assert read_line(following)["text"] == "first"
        write(cluster, "web-1", "of the other")
        assert read_line(following) == {"source": f"Pod/{LOGGED_IN}/web-1", "text": "of the other"}
    finally:
        following.kill()
        following.communicate()


def read_line(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())["data"]


def test_exec_runs_in_a_pod_and_ends_as_it_ends(house: House) -> None:
    found = ran(house, "web", "sh", "-c", "echo out; echo err >&2")
    assert (found["code"], found["out"], found["err"]) == (0, "out\n", "err\n")
    assert found["id"].startswith(f"Pod/{LOGGED_IN}/web-")
    assert ran(house, "--pod", "web-1", "StatefulSet/web", "true")["id"] == f"Pod/{LOGGED_IN}/web-1:app"
    assert "container other" in ran(house, "--container", "other", "web", "true", expect=64)
    assert "a pod has no --user" in ran(house, "--user", "root", "web", "true", expect=64)
    assert "no Application or Container has that name" in ran(house, "nobody", "true", expect=64)


def test_the_tree_goes_down_to_the_pods_with_what_was_warned_of(cluster: Cluster, house: House) -> None:
    uid = cluster.ask("GET", f"{PODS}/web-0")[1]["metadata"]["uid"]
    involved = {"apiVersion": "v1", "kind": "Pod", "namespace": LOGGED_IN, "name": "web-0", "uid": uid}
    event = {
        "metadata": {"name": "web-0.1", "namespace": LOGGED_IN},
        "involvedObject": involved,
        "type": "Warning",
        "reason": "BackOff",
        "message": "restarting failed container",
        "count": 3,
    }
    assert cluster.ask("POST", f"/api/v1/namespaces/{LOGGED_IN}/events", event)[0] == 201
    (shop,) = data(house, "tree", "shop")["applications"]
    (web,) = [each for each in shop["resources"] if each["id"].endswith("StatefulSet/logged/web")]
    assert [each["name"] for each in web["beneath"] if each["kind"] == "Pod"] == ["web-0", "web-1"]
    assert web["beneath"][0]["health"] == "Healthy"
    assert [each["reason"] for each in web["beneath"][0]["warnings"]] == ["BackOff"]
    drawn = text(house, "tree", "shop")
    assert "Pod/web-0  Healthy" in drawn
    assert "BackOff: restarting failed container (3 times)" in drawn
