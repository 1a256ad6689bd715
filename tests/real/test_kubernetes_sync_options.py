"""Sync options in an Application that runs, on a real API server with its real controllers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, name_of

from holdfast.walk.walker import REMOVAL_DEADLINE_S

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: {options}
    managedNamespaceMetadata: {metadata}
"""
OPTIONS = "argocd.argoproj.io/sync-options"


@pytest.fixture
def house(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[House]:
    """An Application with a namespace of its own, which it has made where it is not there."""
    with house_on(cluster, name_of(request)) as house:
        say(house, ["CreateNamespace=true"])
        yield house


def say(house: House, options: list[str], metadata: dict[str, Any] | None = None) -> None:
    text = APPLICATION.format(
        name=house.name, repository=house.repository, options=json.dumps(options), metadata=json.dumps(metadata or {})
    )
    house.file.write_text(text)


def config(name: str, options: str = "", **data: str) -> str:
    metadata: dict[str, Any] = {"name": name, **({"annotations": {OPTIONS: options}} if options else {})}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def deployment(label: str, options: str = "") -> str:
    metadata: dict[str, Any] = {"name": "web", **({"annotations": {OPTIONS: options}} if options else {})}
    labels = {"app": label}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})


def there(cluster: Cluster, house: House, name: str, kind: str = "configmaps", group: str = "api/v1") -> dict[str, Any] | None:
    status, body = cluster.ask("GET", f"/{group}/namespaces/{house.name}/{kind}/{name}")
    return body if status == 200 else None


def put(house: House, subject: str, **files: str | None) -> str:
    return house.commit(subject, **{f"{name}_yaml": text for name, text in files.items()})


def until(house: House, what: str, is_so: Callable[[], Any]) -> None:
    house.until(what, lambda: bool(is_so()))


def events(house: House, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.client.get("/v1/events", after=after, limit=500)["data"]["events"]
    return found


def test_the_namespace_is_made_and_made_again(cluster: Cluster, house: House) -> None:
    put(house, "first", a=config("a", of="git"))
    house.up()
    house.well()
    assert there(cluster, house, "a") is not None
    cluster.ask("DELETE", f"/api/v1/namespaces/{house.name}")
    until(house, "it is all back", lambda: (it := there(cluster, house, "a")) and "deletionTimestamp" not in it["metadata"])
    house.well()
    house.file.unlink()


def test_the_namespace_is_given_labels_and_stays(cluster: Cluster, house: House) -> None:
    say(house, ["CreateNamespace=true"], {"labels": {"team": "web"}, "annotations": {"by": "git"}})
    put(house, "first", a=config("a", of="git"))
    house.up()
    house.well()

    def namespace() -> dict[str, Any]:
        found: dict[str, Any] = cluster.ask("GET", f"/api/v1/namespaces/{house.name}")[1]["metadata"]
        return found

    assert (namespace()["labels"]["team"], namespace()["annotations"]["by"]) == ("web", "git")
    cluster.ask("PATCH", f"/api/v1/namespaces/{house.name}", {"metadata": {"labels": {"team": "x"}}}, kind="application/merge-patch+json")
    until(house, "the label is healed", lambda: namespace()["labels"]["team"] == "web")
    house.run("down", house.name, "--state", str(house.state))
    assert there(cluster, house, "a") is None
    assert "deletionTimestamp" not in namespace()


def test_without_the_option_a_missing_namespace_is_told(cluster: Cluster, house: House) -> None:
    say(house, [])
    put(house, "first", a=config("a", of="git"))
    house.up()
    failed = house.happened("change.failed")
    assert "its namespace is not there" in str(failed["data"])
    assert "CreateNamespace=true" in str(failed["data"])


def test_an_immutable_field_names_itself_its_place_and_the_way_out(cluster: Cluster, house: House) -> None:
    put(house, "first", web=deployment("one"))
    house.up()
    house.well()
    put(house, "another selector", web=deployment("two"))
    failed = str(house.happened("change.failed")["data"])
    assert "HF3320" in failed
    assert "spec.selector" in failed
    assert "web.yaml:1" in failed
    assert "Force=true" in failed
    before = there(cluster, house, "web", "deployments", "apis/apps/v1")
    assert before is not None
    house.well(put(house, "by force", web=deployment("two", "Force=true")))
    after = there(cluster, house, "web", "deployments", "apis/apps/v1")
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["selector"]["matchLabels"] == {"app": "two"}


def test_a_protected_object_is_not_made_anew(cluster: Cluster, house: House) -> None:
    put(house, "first", web=deployment("one", "Prune=confirm"))
    house.up()
    house.well()
    before = there(cluster, house, "web", "deployments", "apis/apps/v1")
    put(house, "by force", web=deployment("two", "Force=true,Prune=confirm"))
    assert "protected" in str(house.happened("change.failed")["data"])
    assert there(cluster, house, "web", "deployments", "apis/apps/v1")["metadata"]["uid"] == before["metadata"]["uid"]  # type: ignore[index]


def test_what_is_replaced_keeps_nothing_of_others(cluster: Cluster, house: House) -> None:
    put(house, "first", a=config("a", "Replace=true", one="1", two="2"), b=config("b", one="1"))
    house.up()
    house.well()
    for name in ("a", "b"):
        path = f"/api/v1/namespaces/{house.name}/configmaps/{name}"
        cluster.ask("PATCH", path, {"data": {"theirs": "x"}}, kind="application/merge-patch+json")
    house.well(put(house, "second", a=config("a", "Replace=true", one="2"), b=config("b", one="2")))
    a, b = there(cluster, house, "a"), there(cluster, house, "b")
    assert a is not None
    assert b is not None
    assert (a["data"], b["data"]) == ({"one": "2"}, {"one": "2", "theirs": "x"})
    ours = [each["operation"] for each in a["metadata"]["managedFields"] if each["manager"] == "holdfast"]
    assert ours == ["Apply"]


def test_what_is_pruned_last_waits_until_all_else_came_about(cluster: Cluster, house: House) -> None:
    put(house, "first", old=config("old", "PruneLast=true", of="git"), other=config("other", of="git"), web=deployment("one"))
    house.up()
    house.well()
    put(house, "a bad one", old=None, other=None, web=deployment("two"))  # its selector cannot be changed
    house.happened("operation.failed")
    assert there(cluster, house, "other") is None
    assert there(cluster, house, "old") is not None
    house.well(put(house, "mended", web=deployment("one")))
    assert there(cluster, house, "old") is None


def test_what_is_kept_and_what_asks_when_the_application_goes(cluster: Cluster, house: House) -> None:
    kept = config("kept", "Delete=false", of="git")
    put(house, "first", kept=kept, asks=config("asks", "Delete=confirm", of="git"), plain=config("plain", of="git"))
    house.up()
    house.well()
    refused = house.run("down", house.name, "--state", str(house.state), expect=5)
    assert "asks" in refused.stderr
    assert there(cluster, house, "plain") is not None
    digest = refused.stderr.split("--approve ")[1].split()[0]
    house.run("down", house.name, "--approve", digest, "--state", str(house.state))
    assert [there(cluster, house, name) is not None for name in ("kept", "asks", "plain")] == [True, False, False]
    house.run("resume", house.name, "--state", str(house.state))
    house.well()
    house.well(put(house, "kept goes by Git", kept=None))
    assert there(cluster, house, "kept") is None


def test_children_are_left_where_it_says_orphan(cluster: Cluster, house: House) -> None:
    put(house, "first", web=deployment("one", "PrunePropagationPolicy=orphan"), a=config("a", of="git"))
    house.up()
    house.well()
    house.well(put(house, "second", web=None))
    assert there(cluster, house, "web", "deployments", "apis/apps/v1") is None
    _, sets = cluster.ask("GET", f"/apis/apps/v1/namespaces/{house.name}/replicasets")
    assert [each["metadata"].get("ownerReferences") for each in sets["items"]] == [None]


@pytest.mark.slow
def test_a_stuck_deletion_names_its_finalizer(cluster: Cluster, house: House) -> None:
    stuck = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stuck", "finalizers": ["example.com/wait"]}}
    put(house, "first", stuck=json.dumps(stuck), a=config("a", of="git"))
    house.up()
    house.well()
    began = house.newest()
    put(house, "second", stuck=None)
    path = f"/api/v1/namespaces/{house.name}/configmaps/stuck"
    until(house, "it is asked to go", lambda: "deletionTimestamp" in cluster.ask("GET", path)[1]["metadata"])
    deadline = time.monotonic() + REMOVAL_DEADLINE_S + 30.0
    while not (failed := [each for each in events(house, began) if each["type"] == "change.failed"]):
        assert time.monotonic() < deadline
        time.sleep(1.0)
    assert "its finalizers example.com/wait are not done" in str(failed[0]["data"])
    cluster.ask("PATCH", path, {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")


def test_what_is_extraneous_may_stay(cluster: Cluster, house: House) -> None:
    annotations = {OPTIONS: "Prune=false", "argocd.argoproj.io/compare-options": "IgnoreExtraneous"}
    extra = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra", "annotations": annotations}}
    put(house, "first", extra=json.dumps(extra), a=config("a", of="git"))
    house.up()
    house.well()
    house.well(put(house, "second", extra=None, a=config("a", of="git again")))
    assert there(cluster, house, "extra") is not None
