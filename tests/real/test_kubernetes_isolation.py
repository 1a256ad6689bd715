"""Applications beside each other in a real cluster: a move transfers, what holds data is not renamed unasked, one object has one owner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import config_map, house_on, live, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
FILE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: {name} }}
  destination: {{ name: in-cluster, namespace: shop }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
SET = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {{ name: {name} }}
spec:
  replicas: 1
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec: {{ containers: [{{ name: db, image: "db:1" }}] }}
"""


def maps(name: str) -> str:
    return f"/api/v1/namespaces/shop/configmaps/{name}"


def sets(name: str) -> str:
    return f"/apis/apps/v1/namespaces/shop/statefulsets/{name}"


def told(house: House, name: str) -> dict[str, Any]:
    return dict(house.client.get("/v1/status", application=name)["data"]["applications"][0])


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    return cluster


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "left") as house:
        house.file.write_text("---\n".join(FILE.format(name=name, repository=house.repository) for name in ("left", "right")))
        house.commit(
            "first",
            left__own_yaml=config_map("left"),
            left__moved_yaml=config_map("moved"),
            left__set_yaml=SET.format(name="db"),
            right__own_yaml=config_map("right"),
        )
        house.up()
        yield house


def test_a_move_transfers_what_is_there(cluster: Cluster, house: House) -> None:
    house.well()
    before = live(cluster, maps("moved"))
    house.well(house.commit("moved", left__moved_yaml=None, right__moved_yaml=config_map("moved", "changed")))
    until(lambda: live(cluster, maps("moved"))["data"] == {"GREETING": "changed"}, "the new owner's word counts")  # type: ignore[index]
    assert live(cluster, maps("moved"))["metadata"]["uid"] == before["metadata"]["uid"]  # type: ignore[index]
    house.happened("resource.moved", "ConfigMap/shop/moved")
    house.until("it is of the right one", lambda: any("moved" in it["id"] for it in told(house, "right")["resources"]))
    assert not [it for it in told(house, "left")["resources"] if "moved" in it["id"]]
    cluster.ask("DELETE", maps("moved"))
    until(lambda: live(cluster, maps("moved")), "its new owner heals it")


def test_a_branch_is_planned_against_the_cluster_and_secrets_are_masked(cluster: Cluster, house: House) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {{ name: key }}\nstringData: {{ word: {word} }}\n"
    house.well(house.commit("a secret", left__secret_yaml=secret.format(word="rumpelstiltskin")))
    house.git("checkout", "--quiet", "-b", "feature")
    house.commit("otherwise", left__secret_yaml=secret.format(word="snowwhite"), left__own_yaml=config_map("left", "branch"))
    house.git("checkout", "--quiet", "main")
    words = house.run("plan", "left", "--revision", "feature", "--markdown", "--state", str(house.state), expect=2).stdout
    assert "| ~ update | `Secret/shop/key` |" in words
    assert '+ data.GREETING: "branch"' in words
    (plan,) = house.answer("plan", "left", "--revision", "feature", expect=2)["data"]["applications"]
    assert {each["id"]: each["verb"] for each in plan["changes"]} == {"ConfigMap/shop/left": "update", "Secret/shop/key": "update"}
    for text in (words, json.dumps(plan)):
        for word in ("rumpelstiltskin", "snowwhite", "cnVtcGVs", "c25vd3do"):  # nor in base64
            assert word not in text
    assert live(cluster, maps("left"))["data"] == {"GREETING": "hello"}  # type: ignore[index]


def test_two_applications_on_one_object_are_told_in_both(cluster: Cluster, house: House) -> None:
    house.commit("twice", right__again_yaml=config_map("left", "of the right"))
    house.until("the newcomer is refused", lambda: "is owned by Application left" in told(house, "right")["message"])
    assert "ConfigMap/shop/left is declared by Application right too" in json.dumps(told(house, "left")["conditions"])
    assert live(cluster, maps("left"))["data"] == {"GREETING": "hello"}  # type: ignore[index]
    house.commit("once", right__again_yaml=None)
    house.until("nobody complains", lambda: told(house, "right")["sync"] == "Synced" and "too" not in json.dumps(told(house, "left")))


def test_what_holds_data_is_renamed_by_a_person_alone(cluster: Cluster, house: House) -> None:
    before = live(cluster, sets("db"))
    assert before is not None
    house.commit("renamed", left__set_yaml=SET.format(name="database"), left__own_yaml=config_map("left", "goes on"))
    until(lambda: live(cluster, maps("left"))["data"] == {"GREETING": "goes on"}, "everything else goes on")  # type: ignore[index]
    house.reach("it is refused", lambda it: "HF2017" in json.dumps(it["conditions"]))
    assert live(cluster, sets("db"))["metadata"]["uid"] == before["metadata"]["uid"]  # type: ignore[index]
    assert live(cluster, sets("database")) is None
    (plan,) = house.answer("plan", "left", expect=5)["data"]["applications"]
    digest = plan["digest"]
    house.run("sync", "left", "--approve", digest, "--state", str(house.state))
    until(lambda: live(cluster, sets("db")) is None and live(cluster, sets("database")), "a person said so")
    house.well()
