"""An AppProject in full against a real API server: what it does not permit is refused by name and place, and nothing of it is applied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import config_map, house_on, live, until

pytestmark = pytest.mark.real
FILE = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{ name: web }}
spec:
  sourceRepos: ['*']
  destinations: [{{ name: in-cluster, namespace: shop }}]
  clusterResourceWhitelist: [{{ group: scheduling.k8s.io, kind: PriorityClass, name: shop }}]
  namespaceResourceBlacklist: [{{ group: '', kind: Secret }}]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: shop }}
spec:
  project: web
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  destination: {{ server: https://kubernetes.default.svc, namespace: shop }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
CLASS = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: shop }\nvalue: 5\n"
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: flags.example.com }
spec:
  group: example.com
  names: { kind: Flag, plural: flags, singular: flag }
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
"""
FLAG = "apiVersion: example.com/v1\nkind: Flag\nmetadata: { name: night }\nspec: { color: red }\n"
OWN = "/api/v1/namespaces/shop/configmaps/web"


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    return cluster


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "shop") as house:
        house.file.write_text(FILE.format(repository=house.repository))
        house.commit("first", class_yaml=CLASS, web_yaml=config_map("web"))
        house.up()
        yield house


def test_what_the_project_permits_comes_up(cluster: Cluster, house: House) -> None:
    house.well()
    assert live(cluster, OWN) is not None


def test_what_it_does_not_permit_refuses_the_whole_revision(cluster: Cluster, house: House) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { a: b }\n"
    house.commit(
        "forbidden",
        web_yaml=config_map("web", "changed"),
        secret_yaml=secret,
        role_yaml="apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: all }\nrules: []\n",
        astray_yaml=config_map("stray", namespace="default"),
    )
    told = house.happened("render.failed")
    words = str(told["data"])
    for where, what in (
        ("secret.yaml", "project web does not permit Secret of group core"),
        ("role.yaml", "project web does not permit ClusterRole of group rbac.authorization.k8s.io"),
        ("astray.yaml", "project web does not permit namespace default"),
        ("application.yaml", "add it to spec.destinations"),
    ):
        assert where in words
        assert what in words
    house.reach("it is OutOfSync", lambda it: it["sync"] == "OutOfSync")
    assert live(cluster, OWN)["data"] == {"GREETING": "hello"}  # type: ignore[index]
    assert live(cluster, "/api/v1/namespaces/shop/secrets/key") is None
    assert live(cluster, "/api/v1/namespaces/default/configmaps/stray") is None


def test_a_project_that_permits_more_lets_it_through(cluster: Cluster, house: House) -> None:
    commit = house.commit("mended", secret_yaml=None, role_yaml=None)
    text = house.file.read_text().replace("namespace: shop }]", "namespace: shop }, { name: in-cluster, namespace: default }]")
    house.file.write_text(text)
    house.well(commit)
    assert live(cluster, "/api/v1/namespaces/default/configmaps/stray") is not None


def test_a_kind_without_a_namespace_is_known_by_its_definition_and_cannot_pass_for_another(cluster: Cluster, house: House) -> None:
    text = house.file.read_text().replace(
        "[{ group: scheduling.k8s.io, kind: PriorityClass, name: shop }]",
        "[{ group: scheduling.k8s.io, kind: PriorityClass, name: shop }, { group: apiextensions.k8s.io, kind: '*' }]",
    )
    house.file.write_text(text)
    seq = house.newest()
    house.commit("a definition and an object of it", flags_yaml=DEFINITION, flag_yaml=FLAG)
    told = house.happened("render.failed", after=seq)
    assert "project web does not permit Flag of group example.com" in str(told["data"])
    house.file.write_text(house.file.read_text().replace("kind: '*' }]", "kind: '*' }, { group: example.com, kind: Flag }]"))
    house.well()
    assert live(cluster, "/apis/example.com/v1/flags/night") is not None
    commit = house.commit("the definition belongs to others now", flags_yaml=None, web_yaml=config_map("web", "again"))
    # The definition would be pruned, and with it the object: a kind that is told of by the cluster alone stays where it is.
    until(lambda: live(cluster, OWN)["data"] == {"GREETING": "again"}, commit)  # type: ignore[index]
    ids = {each["id"] for each in house.application()["resources"]}
    assert "example.com/Flag/-/night" in ids
