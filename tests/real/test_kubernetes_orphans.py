"""Orphaned resources of an AppProject against a real API server with its real controllers: what nobody has is told, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import config_map, house_on, live, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
PROJECT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: { name: web }
spec:
  sourceRepos: ['*']
  destinations: [{ name: in-cluster, namespace: '*' }]
  namespaceResourceBlacklist: [{ group: batch, kind: Job }]
  orphanedResources: { ignore: [{ kind: ConfigMap, name: 'ignored-*' }] }
"""
APPLICATION = """\
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  project: web
  source: {{ repoURL: {repository}, targetRevision: main, path: {name} }}
  destination: {{ server: https://kubernetes.default.svc, namespace: shop }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
SET = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 1
  serviceName: db
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { containers: [{ name: db, image: "db:1" }] }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: { name: db }\nspec: { selector: { app: db }, ports: [{ port: 80 }] }\n"
HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata: { name: hook, annotations: { argocd.argoproj.io/hook: PreSync } }
data: { a: b }
"""
CORE = "/api/v1/namespaces/shop"
RULES = "/apis/rbac.authorization.k8s.io/v1/cluster"


def made(cluster: Cluster, plural: str, name: str, group: str = "", **more: Any) -> None:
    where = f"/apis/{group}/namespaces/shop" if group else CORE
    status, said = cluster.ask("POST", f"{where}/{plural}", {"metadata": {"name": name}, **more})
    assert status == 201, said


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    return cluster


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "left") as house:
        house.file.write_text(PROJECT + "".join(APPLICATION.format(name=name, repository=house.repository) for name in ("left", "right")))
        house.commit(
            "first", left__set_yaml=SET, left__service_yaml=SERVICE, left__hook_yaml=HOOK, right__own_yaml=config_map("of-the-right")
        )
        house.up()
        until(lambda: live(cluster, f"{CORE}/persistentvolumeclaims/data-db-0"), "the set has its claim")
        until(lambda: live(cluster, f"{CORE}/configmaps/hook"), "the hook ran")
        until(lambda: live(cluster, f"{CORE}/configmaps/kube-root-ca.crt"), "the cluster fills the namespace")
        house.until("both were looked at", lambda: all(it["orphans"] is not None for it in applications(house)))
        yield house


def applications(house: House) -> list[dict[str, Any]]:
    return list(house.client.get("/v1/status")["data"]["applications"])


def orphans(house: House) -> dict[str, Any]:
    """Look, and return what is found."""
    (it,) = house.answer("tree", "left")["data"]["applications"]
    return dict(it["orphans"])


def names(house: House) -> list[str]:
    return [each["id"] for each in orphans(house)["found"]]


def warned(house: House) -> list[str]:
    return [each["message"] for each in house.application()["conditions"] if each["type"] == "OrphanedResourceWarning"]


def test_what_applications_have_and_what_comes_by_itself_is_no_orphan(cluster: Cluster, house: House) -> None:
    assert orphans(house) == {"namespace": "shop", "warn": True, "count": 0, "found": [], "unknown": []}
    assert warned(house) == []


def test_what_nobody_has_is_told_by_name(cluster: Cluster, house: House) -> None:
    made(cluster, "configmaps", "stray", data={"a": "b"})
    made(cluster, "configmaps", "ignored-1")
    made(cluster, "secrets", "lost", stringData={"a": "b"})
    spec = {
        "selector": {"matchLabels": {"app": "x"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}},
    }
    made(cluster, "deployments", "lone", "apps/v1", spec=spec)
    made(
        cluster,
        "jobs",
        "denied",
        "batch/v1",
        spec={"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "x", "image": "x:1"}]}}},
    )
    until(lambda: len(live(cluster, f"{CORE}/pods")["items"]) >= 3, "they have their pods")  # type: ignore[index]
    assert names(house) == ["ConfigMap/shop/stray", "Secret/shop/lost", "apps/Deployment/shop/lone"]
    assert warned(house) == ["no Application has ConfigMap/shop/stray, Secret/shop/lost, apps/Deployment/shop/lone"]
    words = house.run("tree", "left", "--state", str(house.state)).stdout
    assert "└─ apps/Deployment/shop/lone" in words
    assert "OrphanedResourceWarning: no Application has ConfigMap/shop/stray" in house.run("status", "--state", str(house.state)).stdout
    events = house.client.get("/v1/events", after=0, limit=1000)["data"]["events"]
    told = [each["data"]["orphans"] for each in events if each["type"] == "orphans.observed" and each["subject"] == "Application/left"]
    assert told[-1]["count"] == 3
    assert [it["sync"] for it in applications(house) if it["name"] == "right"] == ["Synced"], "a warning is no difference"


def test_what_an_application_takes_is_none_any_more(cluster: Cluster, house: House) -> None:
    commit = house.commit("taken", left__stray_yaml=config_map("stray"))
    house.reach("it is taken", lambda it: it["revision"] == commit and it["sync"] == "Synced")  # the set waits for its volume
    house.until("it is looked at after a sync", lambda: "stray" not in str(house.application()["orphans"]))
    assert names(house) == ["Secret/shop/lost", "apps/Deployment/shop/lone"]
    cluster.ask("DELETE", "/apis/apps/v1/namespaces/shop/deployments/lone")
    assert names(house) == ["Secret/shop/lost"]


def test_without_warn_they_are_told_in_the_tree_alone(cluster: Cluster, house: House) -> None:
    text = house.file.read_text()
    house.file.write_text(text.replace("orphanedResources: {", "orphanedResources: { warn: false,"))
    house.until("the project is read", lambda: warned(house) == [])
    assert names(house) == ["Secret/shop/lost"]
    house.file.write_text("".join(line for line in text.splitlines(True) if "orphanedResources" not in line))
    house.until("nobody asks for it", lambda: all(it["orphans"] is None for it in applications(house)))
    house.file.write_text(text)
    house.until("it is looked at again", lambda: warned(house) == ["no Application has Secret/shop/lost"])


def test_what_may_not_be_listed_is_unknown(cluster: Cluster, house: House) -> None:
    """The user of the daemon loses the right to list Secrets: what was known of them stays, and the missing rule is told."""
    house.end()
    groups = [{"apiGroups": ["*"], "resources": ["configmaps", "services", "statefulsets", "pods", "events"], "verbs": ["*"]}]
    assert cluster.ask("POST", f"{RULES}roles", {"metadata": {"name": "some"}, "rules": groups})[0] == 201
    subject = {"kind": "User", "name": "nobody", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": "some", "apiGroup": "rbac.authorization.k8s.io"}
    assert cluster.ask("POST", f"{RULES}rolebindings", {"metadata": {"name": "some"}, "subjects": [subject], "roleRef": role})[0] == 201
    house.environ["HOLDFAST_KUBERNETES_CONTEXT"] = "nobody"
    house.up()
    house.until("it is told", lambda: any("not known" in each for each in warned(house)))
    found = orphans(house)
    assert [each["id"] for each in found["found"]] == ["Secret/shop/lost"]
    (why,) = [each["reason"] for each in found["unknown"] if each["kind"] == "Secret"]
    assert 'cannot list resource "secrets"' in why
    assert "ConfigMap" not in [each["kind"] for each in found["unknown"]]
