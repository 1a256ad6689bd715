"""`ignoreDifferences` in an Application that runs, on a real API server: no drift, no heal, and kept by an apply where asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, name_of

pytestmark = pytest.mark.real
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  ignoreDifferences: {rules}
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: {options}
"""


@pytest.fixture
def house(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[House]:
    with house_on(cluster, name_of(request)) as house:
        yield house


def say(house: House, *rules: dict[str, Any], options: tuple[str, ...] = ()) -> None:
    words = ["CreateNamespace=true", *options]
    text = APPLICATION.format(name=house.name, repository=house.repository, rules=json.dumps(rules), options=json.dumps(words))
    house.file.write_text(text)


def config(name: str, **data: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def data_of(cluster: Cluster, house: House, name: str) -> dict[str, str]:
    found: dict[str, str] = cluster.ask("GET", f"/api/v1/namespaces/{house.name}/configmaps/{name}")[1]["data"]
    return found


def edit(cluster: Cluster, house: House, name: str, manager: str = "somebody", **data: str) -> None:
    path = f"/api/v1/namespaces/{house.name}/configmaps/{name}?fieldManager={manager}"
    status, _ = cluster.ask("PATCH", path, {"data": data}, kind="application/merge-patch+json")
    assert status == 200


def healed_beside(cluster: Cluster, house: House, name: str, **kept: str) -> None:
    """Prove that nothing was put back: a later edit of what is not ignored was healed, and these values are still there."""
    edit(cluster, house, name, other="by hand")
    house.until("what counts is healed", lambda: data_of(cluster, house, name)["other"] == "git")
    assert {key: data_of(cluster, house, name)[key] for key in kept} == kept


def test_a_field_by_pointer_is_no_drift_and_an_apply_writes_it(cluster: Cluster, house: House) -> None:
    say(house, {"kind": "ConfigMap", "name": "a", "jsonPointers": ["/data/free"]})
    house.commit("first", a_yaml=config("a", free="git", other="git"), b_yaml=config("b", free="git", other="git"))
    house.up()
    house.well()
    edit(cluster, house, "a", free="theirs")
    edit(cluster, house, "b", free="theirs")
    house.until("the one without a rule is healed", lambda: data_of(cluster, house, "b")["free"] == "git")
    assert data_of(cluster, house, "a")["free"] == "theirs"
    assert house.resource(f"ConfigMap/{house.name}/a")["sync"] == "Synced"
    house.well(house.commit("second", a_yaml=config("a", free="git", other="new")))
    assert data_of(cluster, house, "a") == {"free": "git", "other": "new"}


def test_respected_fields_are_kept_by_an_apply_and_by_a_heal(cluster: Cluster, house: House) -> None:
    say(house, {"kind": "ConfigMap", "jsonPointers": ["/data/free"]}, options=("RespectIgnoreDifferences=true",))
    house.commit("first", a_yaml=config("a", free="git", other="git"))
    house.up()
    house.well()
    assert data_of(cluster, house, "a")["free"] == "git"
    edit(cluster, house, "a", free="theirs")
    healed_beside(cluster, house, "a", free="theirs")
    house.well(house.commit("second", a_yaml=config("a", free="git", other="new")))
    assert data_of(cluster, house, "a") == {"free": "theirs", "other": "new"}


def test_what_a_manager_wrote_is_its_own_after_a_restart_too(cluster: Cluster, house: House) -> None:
    rule = {"kind": "ConfigMap", "managedFieldsManagers": ["scaler"]}
    say(house, rule, options=("RespectIgnoreDifferences=true",))
    house.commit("first", a_yaml=config("a", count="1", other="git"))
    house.up()
    house.well()
    edit(cluster, house, "a", manager="scaler", count="5")
    healed_beside(cluster, house, "a", count="5")
    house.end()
    house.up()
    house.well()
    assert data_of(cluster, house, "a")["count"] == "5"
    house.well(house.commit("second", a_yaml=config("a", count="1", other="new")))
    assert data_of(cluster, house, "a") == {"count": "5", "other": "new"}


def service(*ports: int) -> str:
    named = [{"name": name, "port": port, "targetPort": port} for name, port in zip(("web", "admin"), ports, strict=True)]
    metadata = {"name": "a", "labels": {"ports": "-".join(map(str, ports))}}
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": "a"}, "ports": named}})


def targets(cluster: Cluster, house: House) -> dict[str, int]:
    ports = cluster.ask("GET", f"/api/v1/namespaces/{house.name}/services/a")[1]["spec"]["ports"]
    return {each["name"]: each["targetPort"] for each in ports}


def retarget(cluster: Cluster, house: House, **ports: int) -> None:
    """Change the target of ports, by an apply of somebody's that forces."""
    named = [{"port": {"web": 80, "admin": 81}[name], "targetPort": port} for name, port in ports.items()]
    path = f"/api/v1/namespaces/{house.name}/services/a?fieldManager=somebody"
    status, answer = cluster.ask("PATCH", path, {"spec": {"ports": named}}, kind="application/strategic-merge-patch+json")
    assert status == 200, answer


WEB = '.spec.ports[] | select(.name == "web") | .targetPort'


def test_what_jq_names_is_no_drift_and_an_apply_keeps_it_where_respected(cluster: Cluster, house: House) -> None:
    say(house, {"kind": "Service", "jqPathExpressions": [WEB, ".spec.nowhere[] | .x"]}, options=("RespectIgnoreDifferences=true",))
    house.commit("first", a_yaml=service(80, 81))
    house.up()
    house.well()
    assert house.resource(f"Service/{house.name}/a")["sync"] == "Synced"
    retarget(cluster, house, web=8080)
    retarget(cluster, house, admin=8081)
    house.until("the other port is healed", lambda: targets(cluster, house)["admin"] == 81)
    assert targets(cluster, house) == {"web": 8080, "admin": 81}
    house.until("it is in order", lambda: house.resource(f"Service/{house.name}/a")["sync"] == "Synced")
    changed = service(80, 81).replace('"targetPort": 81', '"targetPort": 82')
    house.well(house.commit("second", a_yaml=changed))
    assert targets(cluster, house) == {"web": 8080, "admin": 82}


def test_an_endless_expression_is_told_of_and_others_go_on(cluster: Cluster, house: House) -> None:
    say(house, {"kind": "ConfigMap", "name": "a", "jqPathExpressions": ["def f: f; f"]})
    house.commit("first", a_yaml=config("a", free="git", other="git"), b_yaml=config("b", free="git", other="git"))
    house.up()
    house.well()
    edit(cluster, house, "a", free="theirs")
    house.until("it is told of", lambda: house.resource(f"ConfigMap/{house.name}/a")["sync"] == "Unknown")
    told = json.dumps(house.resource(f"ConfigMap/{house.name}/a"))
    assert "ignoreDifferences cannot be followed (HF3322): jqPathExpressions 'def f: f; f': it used more than 1 s of processor time" in told
    edit(cluster, house, "b", free="theirs")
    house.until("the other is healed", lambda: data_of(cluster, house, "b")["free"] == "git")
    assert data_of(cluster, house, "a")["free"] == "theirs"
    assert house.resource(f"ConfigMap/{house.name}/a")["sync"] == "Unknown"
