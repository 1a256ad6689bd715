"""Applications that live as objects in a cluster, on a real API server: followed, synced, their operation done and their status written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.real.application_objects import (
    CONTROLLERS,
    DEFINITIONS,
    MERGE,
    application,
    at,
    change,
    create,
    definition,
    install,
    is_well,
    item,
    says,
)
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import ARGO, config_map, house_on, live, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
FILE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: own }}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: own }}
  destination: {{ server: https://kubernetes.default.svc, namespace: shop }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [ { name: app, image: "web:1" } ] }
"""


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    """A daemon that follows a cluster's objects, beside a file that names the repository."""
    install(cluster)
    with house_on(cluster, "own") as house:
        house.options = ("--from-cluster", "in-cluster")
        house.file.write_text(FILE.format(repository=house.repository))
        house.commit("own", own__own_yaml=config_map("own"), web__map_yaml=config_map("web"), web__web_yaml=DEPLOYMENT)
        house.up()
        house.well()
        yield house


def head(house: House) -> str:
    return house.git("rev-parse", "HEAD")


def map_of(cluster: Cluster, name: str) -> Any:
    found = live(cluster, f"/api/v1/namespaces/shop/configmaps/{name}")
    return found and found["data"]["GREETING"]


def web(cluster: Cluster, house: House) -> dict[str, Any]:
    """Have the Application `web`, well; return its status."""
    if item(cluster, "web") is None:
        create(cluster, application("web", str(house.repository), cascade=True))
    return says(cluster, "web", "web is well", lambda status: is_well(status, head(house)))


def test_an_object_is_synced_and_says_so(cluster: Cluster, house: House) -> None:
    status = web(cluster, house)
    assert map_of(cluster, "web") == "hello"
    compared = status["sync"]["comparedTo"]
    assert (compared["source"]["path"], compared["destination"]["namespace"]) == ("web", "shop")
    shown = [(each.get("group"), each["version"], each["kind"], each["status"], each["health"]["status"]) for each in status["resources"]]
    assert shown == [(None, "v1", "ConfigMap", "Synced", "Healthy"), ("apps", "v1", "Deployment", "Synced", "Healthy")]
    assert {(each["namespace"], each["name"]) for each in status["resources"]} == {("shop", "web")}
    state = status["operationState"]
    assert state["operation"]["initiatedBy"] == {"automated": True}
    assert state["syncResult"]["revision"] == head(house)
    assert {each["name"]: each["status"] for each in state["syncResult"]["resources"]} == {"web": "Synced"}
    assert [(each["id"], each["revision"]) for each in status["history"]] == [(0, head(house))]
    assert (status["sourceType"], status["summary"]["images"]) == ("Directory", ["web:1"])
    assert "conditions" not in status


def test_a_commit_is_a_new_revision_and_a_new_line_of_history(cluster: Cluster, house: House) -> None:
    before = web(cluster, house)
    commit = house.commit("another greeting", web__map_yaml=config_map("web", "good-day"))
    status = says(cluster, "web", "the commit is told", lambda status: is_well(status, commit))
    assert map_of(cluster, "web") == "good-day"
    assert [each["revision"] for each in status["history"]] == [*(each["revision"] for each in before["history"]), commit]
    assert [each["id"] for each in status["history"]] == list(range(len(status["history"])))
    assert status["history"][:-1] == before["history"]


def test_nothing_is_written_at_rest(cluster: Cluster, house: House) -> None:
    """By the server's own count, while Git is asked again and an object of another Application is healed."""
    web(cluster, house)
    version, before, healed = version_of(cluster, "web"), writes(cluster), house.newest()
    for _ in range(3):
        house.client.post("/v1/refresh", application="web")
    assert cluster.ask("DELETE", "/api/v1/namespaces/shop/configmaps/own")[0] == 200
    house.happened("resource.healed", "ConfigMap/shop/own", healed)
    assert writes(cluster) == before
    assert version_of(cluster, "web") == version


def version_of(cluster: Cluster, name: str) -> str:
    found = item(cluster, name)
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


def writes(cluster: Cluster) -> float:
    """Return how often Application objects were written, as the server counts."""
    counts = cluster.requests_of("applications")
    return sum(count for verb, count in counts.items() if verb not in ("GET", "LIST", "WATCH"))


def test_an_operation_is_taken_up_once_and_its_end_is_told(cluster: Cluster, house: House) -> None:
    web(cluster, house)
    operation = {"sync": {"syncOptions": ["Validate=false"], "prune": True}, "initiatedBy": {"username": "eve"}, "info": [{"name": "why"}]}
    change(cluster, "web", {"operation": operation})
    status = says(cluster, "web", "it has ended", lambda status: status["operationState"].get("operation") == operation and ended(status))
    assert status["operationState"]["phase"] == "Succeeded"
    assert "not honoured: sync option Validate=false" in status["operationState"]["message"]
    assert "operation" not in (item(cluster, "web") or {})


def ended(status: dict[str, Any]) -> bool:
    return status["operationState"]["phase"] in ("Succeeded", "Failed", "Error") and "finishedAt" in status["operationState"]


def test_an_operation_syncs_what_does_not_sync_by_itself(cluster: Cluster, house: House) -> None:
    commit = house.commit("by hand", hand__map_yaml=config_map("hand"), hand__more_yaml=config_map("more"))
    create(cluster, application("hand", str(house.repository), syncPolicy={}))
    status = says(cluster, "hand", "it is known", lambda status: status["sync"].get("revision") == commit)
    assert (status["sync"]["status"], "operationState" in status) == ("OutOfSync", False)
    assert map_of(cluster, "hand") is None
    dry = {"sync": {"dryRun": True}}
    change(cluster, "hand", {"operation": dry})
    status = says(cluster, "hand", "the dry run has ended", lambda status: "operationState" in status and ended(status))
    assert status["operationState"]["message"] == "dry run: create ConfigMap/shop/hand, create ConfigMap/shop/more"
    assert map_of(cluster, "hand") is None
    some = {"sync": {"resources": [{"kind": "ConfigMap", "name": "hand", "namespace": "shop"}]}}
    change(cluster, "hand", {"operation": some})
    status = says(cluster, "hand", "a part is synced", lambda status: status["operationState"]["operation"] == some and ended(status))
    assert (map_of(cluster, "hand"), map_of(cluster, "more")) == ("hello", None)
    assert "history" not in status
    whole = {"sync": {"revision": commit}, "initiatedBy": {"username": "eve"}}
    change(cluster, "hand", {"operation": whole})
    status = says(
        cluster, "hand", "all is synced", lambda status: status["operationState"]["operation"] == whole and is_well(status, commit)
    )
    assert map_of(cluster, "more") == "hello"
    assert [each["revision"] for each in status["history"]] == [commit]
    change(cluster, "hand", {"operation": {"sync": {"manifests": ["kind: ConfigMap"]}}})
    status = says(cluster, "hand", "it is refused", lambda status: status["operationState"]["phase"] == "Failed")
    assert "manifests" in status["operationState"]["message"]


def test_a_revision_before_is_gone_back_to_and_held(cluster: Cluster, house: House) -> None:
    first = web(cluster, house)["sync"]["revision"]
    before = map_of(cluster, "web")
    second = house.commit("worse", web__map_yaml=config_map("web", "worse"))
    says(cluster, "web", "the second", lambda status: is_well(status, second))
    change(cluster, "web", {"operation": {"sync": {"revision": first}}})
    status = says(
        cluster, "web", "it is pinned", lambda status: [each["type"] for each in status.get("conditions", [])] == ["PinnedWarning"]
    )
    assert map_of(cluster, "web") == before
    assert status["sync"]["status"] == "OutOfSync"
    third = house.commit("better", web__map_yaml=config_map("web", "better"))
    assert "conditions" not in says(cluster, "web", "the third", lambda status: is_well(status, third))


def test_a_refresh_is_done_and_taken_away(cluster: Cluster, house: House) -> None:
    before = web(cluster, house)["reconciledAt"]
    until(lambda: newer(cluster, before), "a second passes by the server's own clock")
    change(cluster, "web", {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})
    says(cluster, "web", "it was looked at", lambda status: status["reconciledAt"] > before)
    until(lambda: not ((item(cluster, "web") or {})["metadata"].get("annotations")), "the annotation is gone")


def newer(cluster: Cluster, at: str) -> bool:
    """Say whether the server dates things later than `at`."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "now"}}
    cluster.ask("DELETE", "/api/v1/namespaces/default/configmaps/now")
    return bool(cluster.ask("POST", "/api/v1/namespaces/default/configmaps", body)[1]["metadata"]["creationTimestamp"] > at)


def test_an_object_that_does_not_read_changes_nothing_and_says_why(cluster: Cluster, house: House) -> None:
    revision = web(cluster, house)["sync"]["revision"]
    change(cluster, "web", {"spec": {"project": "nobody"}})
    status = says(cluster, "web", "it says why", lambda status: "conditions" in status)
    assert [each["type"] for each in status["conditions"]] == ["InvalidSpecError"]
    assert "there is no AppProject nobody" in status["conditions"][0]["message"]
    assert is_well(status, revision)
    commit = house.commit("the last good one is followed", web__map_yaml=config_map("web", "still"))
    until(lambda: map_of(cluster, "web") == "still", "the last good one follows Git")
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "nobody", "namespace": "argocd"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "shop"}]},
    }
    create(cluster, project, "appprojects")
    status = says(cluster, "web", "the project is there", lambda status: "conditions" not in status and is_well(status, commit))
    change(cluster, "nobody", {"spec": {"destinations": [{"server": "*", "namespace": "elsewhere"}]}}, "appprojects")
    status = says(cluster, "web", "the project forbids it", lambda status: "conditions" in status)
    assert "does not allow destination" in status["conditions"][0]["message"]
    assert map_of(cluster, "web") == "still"
    change(cluster, "web", {"spec": {"project": "default"}})
    says(cluster, "web", "it reads again", lambda status: "conditions" not in status)


def test_what_git_cannot_say_is_a_comparison_error(cluster: Cluster, house: House) -> None:
    web(cluster, house)
    house.commit("broken", web__map_yaml="kind: [")
    status = says(cluster, "web", "it says why", lambda status: "conditions" in status)
    assert [each["type"] for each in status["conditions"]] == ["ComparisonError"]
    assert "web/map.yaml:2:1" in status["conditions"][0]["message"]
    commit = house.commit("mended", web__map_yaml=config_map("web"))
    says(cluster, "web", "it is mended", lambda status: "conditions" not in status and is_well(status, commit))


def test_an_object_may_not_run_something_on_the_host(cluster: Cluster, house: House) -> None:
    create(cluster, application("sly", str(house.repository), path="own", destination={"server": "host://local", "namespace": "shop"}))
    status = says(cluster, "sly", "it says why", lambda status: "conditions" in status)
    assert "no operator says it" in status["conditions"][0]["message"]
    assert (status["sync"]["status"], status["health"]["status"]) == ("Unknown", "Unknown")
    assert cluster.ask("DELETE", at("sly"))[0] == 200


def test_a_file_outweighs_an_object_of_its_name(cluster: Cluster, house: House) -> None:
    create(cluster, application("own", str(house.repository), path="web", cascade=True))
    status = says(cluster, "own", "it says why", lambda status: "conditions" in status)
    assert "a file of an operator declares Application own" in status["conditions"][0]["message"]
    assert cluster.ask("DELETE", at("own"))[0] == 200
    until(lambda: item(cluster, "own") is None, "the object is gone")
    own = house.commit("it goes on", own__own_yaml=config_map("own", "further"))
    house.well(own)
    assert map_of(cluster, "own") == "further"


def test_what_somebody_else_writes_into_the_status_is_mended(cluster: Cluster, house: House) -> None:
    health = web(cluster, house)["health"]
    change(cluster, "web", {"status": {"health": {"status": "Degraded"}, "resources": None}})
    mended = says(cluster, "web", "it is mended", lambda status: is_well(status, head(house)) and len(status.get("resources", ())) > 1)
    assert mended["health"]["status"] == health["status"]


def test_a_deletion_with_the_finalizer_takes_all_along_and_one_without_nothing(cluster: Cluster, house: House) -> None:
    house.commit("two that go", gone__map_yaml=config_map("gone"), left__map_yaml=config_map("left"))
    for name, cascade in (("gone", True), ("left", False)):
        create(cluster, application(name, str(house.repository), cascade=cascade))
    for name in ("gone", "left"):
        says(cluster, name, "it is there", lambda status: is_well(status, head(house)))
        assert cluster.ask("DELETE", at(name))[0] == 200
    until(lambda: item(cluster, "gone") is None and map_of(cluster, "gone") is None, "it is gone with all that it had")
    until(lambda: not any(each["name"] == "gone" for each in house.client.get("/v1/status")["data"]["applications"]), "nobody knows it")
    until(lambda: shown(house, "left") == "Orphaned", "the other is an orphan")
    assert map_of(cluster, "left") == "hello"


def shown(house: House, name: str) -> str | None:
    found = house.client.get("/v1/status", application=name)["data"]["applications"][0]
    return next((each["type"] for each in found["conditions"] if each["type"] == "Orphaned"), None)


def test_what_happened_meanwhile_is_taken_up_and_a_dropped_option_takes_nothing_along(cluster: Cluster, house: House) -> None:
    before = web(cluster, house)
    version = version_of(cluster, "web")
    house.end()
    house.options = ()
    house.up()
    house.well()
    house.end()
    assert (map_of(cluster, "web"), version_of(cluster, "web")) == ("hello", version)
    commit = house.commit("while nobody looked", web__map_yaml=config_map("web", "later"))
    house.options = ("--from-cluster", "in-cluster/argocd")
    house.up()
    status = says(cluster, "web", "it is followed again", lambda status: is_well(status, commit))
    assert map_of(cluster, "web") == "later"
    assert status["history"][: len(before["history"]) - 1] == before["history"][1:] or status["history"][:-1] == before["history"]


def test_while_argo_cds_controller_runs_nothing_is_done(cluster: Cluster, house: House) -> None:
    web(cluster, house)
    newest = house.newest()
    assert cluster.ask("POST", CONTROLLERS, controller())[0] == 201
    held = house.happened("objects.held", after=newest)
    assert "kubectl -n argocd scale statefulset argocd-application-controller --replicas=0" in held["data"]["error"]["hint"]
    version = version_of(cluster, "web")
    house.commit("not now", web__map_yaml=config_map("web", "not-now"), own__own_yaml=config_map("own", "now"))
    until(lambda: map_of(cluster, "own") == "now", "the file's Application goes on")
    assert (map_of(cluster, "web"), version_of(cluster, "web")) == ("later", version)
    name = f"{CONTROLLERS}/argocd-application-controller"
    assert cluster.ask("PATCH", name, {"spec": {"replicas": 0}}, kind=MERGE)[0] == 200
    says(cluster, "web", "it goes on", lambda status: is_well(status, head(house)))
    assert map_of(cluster, "web") == "not-now"


def controller() -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "argocd-application-controller"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "controller", "image": "argocd:v3"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "argocd-application-controller", "labels": {"app.kubernetes.io/component": "application-controller"}},
        "spec": {"replicas": 1, "serviceName": "controller", "selector": {"matchLabels": labels}, "template": pod},
    }


def test_children_are_objects_of_their_own(cluster: Cluster, house: House) -> None:
    child = application("leaf", str(house.repository), cascade=True)
    child["metadata"]["namespace"] = "argocd"
    house.commit("a tree", tree__leaf_json=json.dumps(child), leaf__map_yaml=config_map("leaf"))
    tree = application("tree", str(house.repository), cascade=True)
    tree["spec"]["destination"]["namespace"] = "argocd"
    create(cluster, tree)
    says(cluster, "leaf", "the child is followed as an object", lambda status: is_well(status, head(house)))
    status = says(cluster, "tree", "its health is its parent's", lambda status: is_well(status, head(house)))
    assert [(each["kind"], each["name"], each["health"]["status"]) for each in status["resources"]] == [("Application", "leaf", "Healthy")]
    commit = house.commit("no leaf", tree__leaf_json=None, tree__map_yaml=config_map("bare"))
    until(lambda: item(cluster, "leaf") is None and map_of(cluster, "leaf") is None, "the child has gone with all that it had")
    says(cluster, "tree", "the parent is well", lambda status: is_well(status, commit))


def test_once_and_without_a_file(cluster: Cluster, house: House, tmp_path: Path) -> None:
    """It ends well where all is well, fails where an object does not read, and is refused where Argo CD runs."""
    assert cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "once"}})[0] == 201

    def once(place: str, expect: int) -> str:
        done = house.run("up", "--from-cluster", place, "--once", "--state", str(tmp_path / "state"), expect=expect)
        return done.stderr

    assert "follows in-cluster/once: 0 Applications" in once("in-cluster/once", 0)
    it = application("bad", "https://git.invalid/shop")
    it["metadata"]["namespace"] = "once"
    it["spec"]["project"] = "nobody"
    assert cluster.ask("POST", f"{ARGO}/namespaces/once/applications", it)[0] == 201
    assert "there is no AppProject nobody" in once("in-cluster/once", 1)
    assert cluster.ask("POST", CONTROLLERS.replace("/argocd/", "/once/"), controller())[0] == 201
    assert "kubectl -n once scale" in once("in-cluster/once", 5)
    assert "reaches no such cluster" in once("elsewhere", 64)


def test_a_definition_with_a_status_of_its_own(cluster: Cluster, house: House) -> None:
    web(cluster, house)
    house.end()
    version = definition("Application", "applications", has_status=True)["spec"]["versions"]
    assert cluster.ask("PATCH", f"{DEFINITIONS}/applications.argoproj.io", {"spec": {"versions": version}}, kind=MERGE)[0] == 200
    cluster.wait("kube-apiserver", lambda: cluster.ask("GET", at("web") + "/status")[0] == 200)
    commit = house.commit("with a status of its own", web__map_yaml=config_map("web", "own-status"))
    house.up()
    says(cluster, "web", "it is told", lambda status: is_well(status, commit))
    change(cluster, "web", {"operation": {"sync": {}}})
    says(cluster, "web", "it has ended", lambda status: status["operationState"]["operation"] == {"sync": {}} and ended(status))


def test_a_server_that_does_not_answer_changes_nothing(cluster: Cluster, house: House) -> None:
    web(cluster, house)
    before, newest = map_of(cluster, "web"), house.newest()
    house.end()
    cluster.kill("kube-apiserver")
    house.up()
    assert house.happened("objects.held", after=newest)["data"]["error"]["code"] == "HF3300"
    names = {each["name"] for each in house.client.get("/v1/status")["data"]["applications"]}
    assert {"own", "web"} <= names
    cluster.start_server()
    house.happened("objects.followed", after=newest)
    house.commit("for the next look", own__own_yaml=config_map("own", "again"))
    says(cluster, "web", "it goes on as it was", lambda status: is_well(status, head(house)))
    assert map_of(cluster, "web") == before
