"""App of apps against a real API server: children from Git are served, judged, ordered and let go as Argo CD does it, and widen nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import config_map, house_on, live, until

pytestmark = pytest.mark.real
PARENT = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}, namespace: argocd }}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: {path} }}
  destination: {{ server: https://kubernetes.default.svc, namespace: argocd }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
FINALIZER = "finalizers: [resources-finalizer.argocd.argoproj.io]"
BALANCED = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: front }
spec: { defaultBackend: { service: { name: web, port: { number: 80 } } } }
"""


def child(house: House, name: str, *, wave: int = 0, metadata: str = FINALIZER, to: str = "shop", project: str = "", more: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  namespace: argocd
  annotations: {{ argocd.argoproj.io/sync-wave: "{wave}" }}
  {metadata}
spec:
  {f"project: {project}" if project else ""}
  source: {{ repoURL: {house.repository}, targetRevision: main, path: {name} }}
  destination: {{ name: in-cluster, namespace: {to} }}
  syncPolicy: {{ automated: {{ prune: true }} }}
{more}"""


def maps(name: str, where: str = "shop") -> str:
    return f"/api/v1/namespaces/{where}/configmaps/{name}"


def all_of(house: House) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in house.client.get("/v1/status")["data"]["applications"]}


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    for name in ("shop", "blog"):
        cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return cluster


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "platform") as house:
        house.file.write_text(PARENT.format(name="platform", repository=house.repository, path="apps"))
        house.commit(
            "two children",
            apps__first_yaml=child(house, "first"),
            apps__second_yaml=child(house, "second", wave=1, metadata=""),
            first__web_yaml=config_map("first"),
            first__front_yaml=BALANCED,
            second__web_yaml=config_map("second"),
        )
        house.up()
        yield house


def balance(cluster: Cluster, address: str | None) -> None:
    """Do the work of a load balancer."""
    status, _ = cluster.ask(
        "PATCH",
        "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/front/status",
        {"status": {"loadBalancer": {"ingress": [{"ip": address}] if address else None}}},
        kind="application/merge-patch+json",
    )
    assert status == 200


def waits(house: House, what: str, is_so: Callable[[], Any]) -> Any:
    house.until(what, lambda: bool(is_so()))
    return is_so()


def test_a_child_is_healthy_before_the_next_wave_and_its_health_is_its_parents(cluster: Cluster, house: House) -> None:
    until(lambda: live(cluster, "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/front"), "what the first child waits for")
    assert all_of(house)["platform"]["operation"]["phase"] == "Running"
    assert "second" not in all_of(house)
    assert live(cluster, maps("second")) is None
    balance(cluster, "192.0.2.1")
    house.well()
    assert live(cluster, maps("second")) is not None
    assert {name: it["health"] for name, it in all_of(house).items()} == {"platform": "Healthy", "first": "Healthy", "second": "Healthy"}
    balance(cluster, None)
    house.reach("a child's health is its parent's", lambda it: it["health"] == "Progressing" and it["sync"] == "Synced")
    assert house.resource("argoproj.io/Application/argocd/first")["health"] == "Progressing"
    balance(cluster, "192.0.2.1")
    house.well()


def test_a_bad_child_stays_as_it_was_last_good_and_holds_up_no_other(cluster: Cluster, house: House) -> None:
    house.commit(
        "one is bad, one is new",
        apps__first_yaml=child(house, "first", more="  sorce: {}\n"),
        apps__third_yaml=child(house, "third", to="blog"),
        third__web_yaml=config_map("third"),
    )
    until(lambda: live(cluster, maps("third", "blog")), "the third child comes up")
    failed = house.happened("change.failed", "argoproj.io/Application/argocd/first")
    assert "apps/first.yaml" in str(failed["data"])
    assert "sorce" in str(failed["data"])
    house.commit("the last good one is served", first__web_yaml=config_map("first", "still"))
    until(lambda: live(cluster, maps("first"))["data"] == {"GREETING": "still"}, "the last good one follows Git")  # type: ignore[index]
    house.well(house.commit("mended", apps__first_yaml=child(house, "first")))


def test_a_child_cannot_run_on_the_host(house: House) -> None:
    text = child(house, "sly").replace("name: in-cluster", 'server: "host://local"')
    house.commit("sly", apps__sly_yaml=text, sly__run_yaml=config_map("never"))
    failed = house.happened("change.failed", "argoproj.io/Application/argocd/sly")
    assert "HF1156" in str(failed["data"])
    assert "apps/sly.yaml" in str(failed["data"])
    assert "sly" not in all_of(house)
    house.well(house.commit("gone", apps__sly_yaml=None, sly__run_yaml=None))


def test_a_project_of_git_binds_its_children(cluster: Cluster, house: House) -> None:
    project = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: { name: team, namespace: argocd }
spec:
  sourceRepos: ['*']
  destinations: [{ name: in-cluster, namespace: blog }]
"""
    house.commit(
        "a project",
        apps__team_yaml=project,
        apps__bound_yaml=child(house, "bound", project="team"),
        bound__web_yaml=config_map("bound"),
    )
    failed = house.happened("change.failed", "argoproj.io/Application/argocd/bound")
    assert "project team does not allow destination" in str(failed["data"])
    house.well(house.commit("where it may", apps__bound_yaml=child(house, "bound", project="team", to="blog")))
    assert live(cluster, maps("bound", "blog")) is not None
    seq = house.newest()
    house.commit("another namespace by an object", bound__astray_yaml=config_map("astray", namespace="shop"))
    assert "HF1109" in str(house.happened("render.failed", after=seq)["data"])
    assert live(cluster, maps("astray")) is None
    house.well(house.commit("mended again", bound__astray_yaml=None))


def test_two_parents_and_a_cycle_are_refused_by_name(house: House) -> None:
    other = house.folder / "other.yaml"
    house.file.write_text(house.file.read_text() + "---\n" + PARENT.format(name="other", repository=house.repository, path="others"))
    house.commit(
        "a second parent, and a child that holds its parent",
        others__third_yaml=child(house, "third"),
        others__mine_yaml=child(house, "mine", to="blog"),
        third__platform_yaml=child(house, "platform"),
        mine__web_yaml=config_map("mine"),
    )
    assert not other.exists()
    waits(house, "the second parent's own child", lambda: all_of(house).get("mine", {}).get("health") == "Healthy")
    refused = waits(house, "the refusal", lambda: all_of(house)["other"]["message"])
    assert "is owned by Application platform" in refused
    held = waits(house, "the cycle is told of", lambda: [r for r in all_of(house)["third"]["resources"] if "/platform" in r["id"]])
    assert "a file of an operator declares it" in held[0]["message"]
    assert all_of(house)["platform"]["sync"] == "Synced"
    house.commit("apart", others__third_yaml=None, third__platform_yaml=None)
    house.well()


def test_children_are_served_again_after_a_restart_and_nothing_of_them_is_touched(cluster: Cluster, house: House) -> None:
    before = {name: live(cluster, maps(name))["metadata"]["resourceVersion"] for name in ("first", "second")}  # type: ignore[index]
    house.end()
    house.up()
    house.well()
    assert {"first", "second", "third", "mine"} <= all_of(house).keys()
    assert {name: live(cluster, maps(name))["metadata"]["resourceVersion"] for name in ("first", "second")} == before  # type: ignore[index]


def test_a_child_that_git_forgets_goes_as_its_finalizer_says(cluster: Cluster, house: House) -> None:
    house.well(house.commit("without two", apps__first_yaml=None, apps__second_yaml=None))
    until(lambda: live(cluster, maps("first")) is None, "the finalizer takes along what the first had")
    assert live(cluster, maps("second")) is not None
    assert "first" not in {name for name, it in all_of(house).items() if it["resources"]}


def test_a_file_that_moves_into_git_is_taken_over_and_nothing_is_deleted(cluster: Cluster, house: House) -> None:
    uid = live(cluster, maps("mine", "blog"))["metadata"]["uid"]  # type: ignore[index]
    parts = house.file.read_text().split("---\n")
    moved = parts[1].replace(
        "metadata: { name: other, namespace: argocd }", f"metadata:\n  name: other\n  namespace: argocd\n  {FINALIZER}"
    )
    house.file.write_text(parts[0] + "---\n" + moved)
    house.commit("the other parent is in Git too", apps__other_yaml=moved)
    waits(house, "it is told of", lambda: [r for r in house.application()["resources"] if "/other" in r["id"]])
    house.file.write_text(parts[0])
    house.well()
    assert "other" in all_of(house)
    assert live(cluster, maps("mine", "blog"))["metadata"]["uid"] == uid  # type: ignore[index]
