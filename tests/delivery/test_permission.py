"""Permission: which objects a project lets an Application have, and where; as Argo CD's `IsGroupKindNamePermitted` has it."""

from __future__ import annotations

import pytest
from tests.delivery.test_project import project

from holdfast.delivery.application import Application, Context
from holdfast.delivery.permission import CLUSTER
from holdfast.delivery.project_spec import AppProjectSpec, GroupKind, ProjectDestination
from holdfast.delivery.reader import read_applications
from holdfast.errors import DeclarationError
from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Desired, Hook, Origin, Resource
from holdfast.model.state import State

SERVER = "https://kubernetes.default.svc"
EVERYTHING = GroupKind(group="*", kind="*")
ANYWHERE = (ProjectDestination(server="*", namespace="*"),)


def refused(spec: AppProjectSpec, *ids: tuple[str, str, str], destination: str = SERVER) -> list[str]:
    resources = tuple(
        Resource(id=ResourceId(destination, *id), state=State.of({}), origin=Origin(path="web.yaml", line=1 + at, revision="c"))
        for at, id in enumerate(ids)
    )
    found = project(spec).permission(destination, "").refusals(Desired.of("web", "c", resources))
    return [f"{error.code} {error.where[0]} {error.message}" for error in found]


DEPLOYMENT, NAMESPACE, SECRET = ("apps/Deployment", "shop", "web"), ("Namespace", CLUSTER, "shop"), ("Secret", "shop", "key")


@pytest.mark.parametrize(
    ("lists", "answer"),
    [
        ({}, ["Namespace"]),
        ({"cluster_resource_whitelist": (EVERYTHING,)}, []),
        ({"cluster_resource_whitelist": (GroupKind(group="", kind="Namespace"),)}, []),
        ({"cluster_resource_whitelist": (GroupKind(group="", kind="Namespace", name="shop*"),)}, []),
        ({"cluster_resource_whitelist": (GroupKind(group="", kind="Namespace", name="blog"),)}, ["Namespace"]),
        ({"cluster_resource_whitelist": (EVERYTHING,), "cluster_resource_blacklist": (GroupKind(kind="Name*"),)}, ["Namespace"]),
        ({"cluster_resource_whitelist": (EVERYTHING,), "namespace_resource_whitelist": ()}, ["Deployment", "Secret"]),
        (
            {"cluster_resource_whitelist": (EVERYTHING,), "namespace_resource_whitelist": (GroupKind(group="apps", kind="*"),)},
            ["Secret"],
        ),
        (
            {"cluster_resource_whitelist": (EVERYTHING,), "namespace_resource_blacklist": (GroupKind(group="", kind="Secret"),)},
            ["Secret"],
        ),
    ],
)
def test_kinds(lists: dict[str, tuple[GroupKind, ...]], answer: list[str]) -> None:
    found = refused(AppProjectSpec(destinations=ANYWHERE, **lists), DEPLOYMENT, NAMESPACE, SECRET)  # type: ignore[arg-type]
    assert sorted(each.split("permit ")[1].split()[0] for each in found) == answer
    assert all(each.startswith("HF1108 web.yaml:") for each in found)


def test_an_object_in_another_namespace_must_be_permitted_there() -> None:
    spec = AppProjectSpec(destinations=(ProjectDestination(server=SERVER, namespace="shop"),))
    (found,) = refused(spec, DEPLOYMENT, ("ConfigMap", "kube-system", "c"))
    assert found == (
        f"HF1109 web.yaml:2 cannot declare ConfigMap/kube-system/c: project web does not permit namespace kube-system at {SERVER}"
    )


def test_a_hook_is_held_to_the_project_too() -> None:
    job = Resource(id=ResourceId(SERVER, "batch/Job", "shop", "migrate"), state=State.of({}))
    spec = AppProjectSpec(destinations=ANYWHERE, namespace_resource_blacklist=(GroupKind(group="batch", kind="*"),))
    desired = Desired.of("web", "c", (), hooks=(Hook(resource=job, phase=HookPhase.PRE_SYNC),))
    assert [error.code for error in project(spec).permission(SERVER, "").refusals(desired)] == ["HF1108"]


def test_kinds_of_a_host_are_of_the_group_of_this_house() -> None:
    spec = AppProjectSpec(destinations=ANYWHERE, namespace_resource_whitelist=(GroupKind(group="holdfast.dev", kind="Process"),))
    found = refused(spec, ("Process", "shop", "web"), ("File", "shop", "motd"), destination="host")
    assert [each.split(":")[1] for each in found] == ["2 cannot declare File/shop/motd"]


FILES = """apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: web}
spec:
  sourceRepos: ['*']
  destinations: [{DESTINATION, namespace: shop}]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  project: web
  source: {repoURL: https://git.example/shop}
  destination: {REACHED, namespace: shop}
"""


def built(destination: str, reached: str) -> Application:
    context = Context(clusters={SERVER: SERVER, "in-cluster": SERVER})
    text = FILES.replace("DESTINATION", destination).replace("REACHED", reached)
    (application,) = read_applications([("apps.yaml", text.encode())], context)
    return application


@pytest.mark.parametrize("reached", [f"server: '{SERVER}'", "name: in-cluster"])
@pytest.mark.parametrize("destination", [f"server: '{SERVER}'", "name: in-cluster"])
def test_the_own_cluster_has_two_names(destination: str, reached: str) -> None:
    application = built(destination, reached)
    assert application.destination == SERVER
    assert application.permission is not None
    assert application == built(destination, reached)


def test_another_cluster_is_not_the_own_one() -> None:
    with pytest.raises(DeclarationError) as refusal:
        built("name: edge", "name: in-cluster")
    assert refusal.value.code == "HF1105"
