"""The API server is killed and started anew while a whole daemon works: commits come, people edit and delete by hand, objects are applied.

Nothing that Git declares is deleted or made anew, nothing is there twice, and in the end all is as Git says.
"""

from __future__ import annotations

import http.client
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, live, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
FILE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: shop }}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: objects }}
  destination: {{ name: in-cluster, namespace: shop }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  replicas: 2
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec: {{ containers: [{{ name: web, image: "web:{number}" }}] }}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: flags.example.com }
spec:
  group: example.com
  names: { kind: Flag, plural: flags, singular: flag }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
"""
MAPS = tuple(f"map-{number:02}" for number in range(40))
FLAGS = ("blue", "green", "red")
SEASON = 3
"""For how many commits what is new in one stays."""
KILLS = 3
PAUSE_S = 0.4
"""Between two commits, and between two acts of people."""
CONTROLLERS_S = 120.0
"""How long the cluster's own controllers may take to roll out what came while they were away."""
CORE = "/api/v1/namespaces/shop/configmaps"
CUSTOM = "/apis/example.com/v1/namespaces/shop/flags"
SETS = "/apis/apps/v1/namespaces/shop/replicasets"
MERGE = "application/merge-patch+json"


def config(name: str, value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ value: '{value}' }}\n"


def flag(name: str, value: str) -> str:
    return f"apiVersion: example.com/v1\nkind: Flag\nmetadata: {{ name: {name} }}\nspec: {{ value: '{value}' }}\n"


def season(number: int) -> tuple[str, ...]:
    """Return the maps that the commit `number` has beside `MAPS`."""
    return tuple(f"season-{each}" for each in range(max(1, number - SEASON + 1), number + 1))


def put(house: House, number: int) -> str:
    """Commit: every map and flag has another value, the Deployment another image, one map is new and one is gone."""
    folder = house.repository / "objects"
    folder.mkdir(exist_ok=True)
    texts = [config(name, str(number)) for name in (*MAPS, *season(number))]
    texts += [flag(name, str(number)) for name in FLAGS]
    texts += [NAMESPACE, DEFINITION, DEPLOYMENT.format(number=number)]
    (folder / "all.yaml").write_text("---\n".join(texts))
    return house.commit(f"number {number}")


class Committer(threading.Thread):
    """Commits one change after the other until it is told to end."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.number = 1
        self._house = house
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(PAUSE_S):
            self.number += 1
            put(self._house, self.number)

    def end(self) -> None:
        self._is_over.set()
        self.join()


class People(threading.Thread):
    """Edit one map after the other by hand, and delete every fifth; where the server does not answer they go on with the next."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.edited: set[str] = set()
        self.deleted: set[str] = set()
        self._cluster = cluster
        self._is_over = threading.Event()

    def run(self) -> None:
        for at, name in enumerate(MAPS * 2):
            if self._is_over.wait(PAUSE_S):
                return
            try:
                if at % 5 == 4:
                    self.deleted.add(name)  # also where the answer is lost
                    self._cluster.ask("DELETE", f"{CORE}/{name}")
                elif self._cluster.ask("PATCH", f"{CORE}/{name}", {"data": {"value": "by hand"}}, kind=MERGE)[0] == 200:
                    self.edited.add(name)
            except (OSError, http.client.HTTPException):
                continue

    def end(self) -> None:
        self._is_over.set()
        self.join()


def uids(cluster: Cluster, path: str) -> dict[str, str]:
    found = live(cluster, path)
    assert found is not None
    return {it["metadata"]["name"]: it["metadata"]["uid"] for it in found["items"] if it["metadata"]["name"] != "kube-root-ca.crt"}


def told(house: House, type: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    seq = 0
    while page := house.client.get("/v1/events", after=seq, limit=500)["data"]["events"]:
        seq = page[-1]["seq"]
        found += [each for each in page if each["type"] == type]
    return found


def is_rolled_out(cluster: Cluster, image: str) -> bool:
    found = live(cluster, "/apis/apps/v1/namespaces/shop/deployments/web")
    if found is None or found["spec"]["template"]["spec"]["containers"][0]["image"] != image:
        return False
    status = found.get("status", {})
    is_seen = status.get("observedGeneration") == found["metadata"]["generation"]
    return bool(is_seen and status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == 2)


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "shop") as house:
        house.file.write_text(FILE.format(repository=house.repository))
        put(house, 1)
        house.up()
        yield house


def test_a_server_that_is_killed_under_load_costs_nothing(cluster: Cluster, house: House) -> None:
    house.well()
    maps, flags, seq = uids(cluster, CORE), uids(cluster, CUSTOM), house.newest()
    committer, people = Committer(house), People(cluster)
    committer.start()
    people.start()
    try:
        for number in range(KILLS):
            house.happened("operation.started", after=seq)
            seq = house.happened("change.applied", after=house.newest())["seq"]  # and most of its changes are still to come
            cluster.kill("kube-apiserver", signal.SIGKILL)
            try:
                if number == 0:
                    house.happened("change.failed", after=seq)  # it was tried, and tried again
                before = committer.number
                house.until("commits go on", lambda: committer.number > before + 1)  # noqa: B023
            finally:
                cluster.start_server()
            seq = house.newest()
    finally:
        committer.end()
        people.end()
    number = committer.number
    cluster.restart_controllers()
    until(lambda: is_rolled_out(cluster, f"web:{number}"), "the last image is rolled out", CONTROLLERS_S)
    house.well(house.git("rev-parse", "HEAD"))

    found = live(cluster, CORE)
    assert found is not None
    values = {it["metadata"]["name"]: it["data"]["value"] for it in found["items"] if it["metadata"]["name"] != "kube-root-ca.crt"}
    assert values == dict.fromkeys((*MAPS, *season(number)), str(number))
    assert {it["spec"]["value"] for it in live(cluster, CUSTOM)["items"]} == {str(number)}  # type: ignore[index]

    # What nobody deleted by hand is the very object that it was, and what went is what Git no longer says.
    assert people.edited
    kept = maps.keys() - people.deleted - {"season-1"}
    assert {name: uid for name, uid in uids(cluster, CORE).items() if name in kept} == {name: maps[name] for name in kept}
    assert uids(cluster, CUSTOM) == flags
    pruned = {each["subject"] for each in told(house, "resource.pruned")}
    assert pruned <= {f"ConfigMap/shop/season-{each}" for each in range(1, number - SEASON + 1)}
    gone = {each["subject"] for each in told(house, "resource.drifted") if not each["data"]["fields"]}
    assert gone <= {f"ConfigMap/shop/{name}" for name in people.deleted}

    # One ReplicaSet for one image, and the pods of one.
    images = [it["spec"]["template"]["spec"]["containers"][0]["image"] for it in live(cluster, SETS)["items"]]  # type: ignore[index]
    assert sorted(set(images)) == sorted(images)
    assert len([it for it in live(cluster, "/api/v1/namespaces/shop/pods")["items"] if not it["metadata"].get("deletionTimestamp")]) == 2  # type: ignore[index]
    assert told(house, "daemon.crashed") == []


def test_a_server_that_starts_does_not_know_its_definitions_yet_and_what_git_forgot_goes_all_the_same(
    cluster: Cluster, house: House
) -> None:
    """Both start at once: a kind that is not served yet is unknown, so that its objects are neither forgotten nor said to be gone."""
    house.well()
    flags = uids(cluster, CUSTOM)
    path = house.repository / "objects" / "all.yaml"
    gone = FLAGS[0]
    number = live(cluster, f"{CUSTOM}/{gone}")["spec"]["value"]  # type: ignore[index]
    path.write_text(path.read_text().replace(f"---\n{flag(gone, number)}", ""))
    house.end()
    cluster.kill("kube-apiserver", signal.SIGKILL)
    commit = house.commit(f"without {gone}")
    house.up()
    cluster.start_server()
    cluster.restart_controllers()  # the garbage collector takes part in a deletion
    until(lambda: live(cluster, f"{CUSTOM}/{gone}") is None, f"{gone} is pruned", CONTROLLERS_S)
    house.well(commit)
    assert uids(cluster, CUSTOM) == {name: flags[name] for name in FLAGS[1:]}
    drifted = {each["subject"] for each in told(house, "resource.drifted") if not each["data"]["fields"]}
    assert not [each for each in drifted if "Flag" in each]
