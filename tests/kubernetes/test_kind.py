"""Objects of a cluster as resources: what is read, what is told, and what waits for what."""

from __future__ import annotations

import pytest

from holdfast.errors import Where
from holdfast.kit.canonical import Json
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.model.declaration import Scope
from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Observation, Status
from holdfast.model.resource import Desired, Origin, Resource
from holdfast.model.state import Facts, State

CLUSTER = "https://kubernetes.default.svc"
KIND = KubernetesKind(frozenset({CLUSTER}))
ORIGIN = Origin(path="web.yaml", line=1, revision="c")
SCOPE = Scope(application="web", namespace="shop", destination=CLUSTER, revision="c")


def place(path: tuple[str | int, ...]) -> Where:
    return Where(path="web.yaml", line=1 + len(path), column=1)


def thing(kind: str, name: str, api_version: str = "v1", *, annotations: Json = None, **more: Json) -> dict[str, Json]:
    metadata: dict[str, Json] = {"name": name, **({"annotations": annotations} if annotations is not None else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def resources(*manifests: dict[str, Json]) -> dict[str, Resource]:
    found = [KIND.read(manifest, place, ORIGIN) for manifest in manifests]
    assert [error for each in found for error in each.errors] == []
    declared = tuple(KIND.declare(it, SCOPE, Facts()) for each in found for it in each.declarations)
    return {str(each.id): each for each in KIND.closed(declared, SCOPE)[0]}


def test_a_namespace_is_the_objects_own_the_applications_or_none() -> None:
    own = thing("ConfigMap", "c")
    own["metadata"] = {"name": "c", "namespace": "other"}
    found = resources(own, thing("ConfigMap", "d"), thing("Namespace", "shop"), thing("ClusterRole", "r", "rbac.authorization.k8s.io/v1"))
    assert set(found) == {
        "ConfigMap/other/c",
        "ConfigMap/shop/d",
        "Namespace/-/shop",
        "rbac.authorization.k8s.io/ClusterRole/-/r",
    }
    assert found["ConfigMap/shop/d"].state.fields["metadata"] == {"name": "d", "namespace": "shop"}
    assert found["Namespace/-/shop"].state.fields["metadata"] == {"name": "shop"}


def test_needs_are_what_is_declared_too() -> None:
    pod: Json = {"containers": [{"name": "w", "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "elsewhere"}}]}]}
    spec: Json = {"template": {"spec": pod}}
    names: Json = {"group": "example.com", "names": {"kind": "Thing"}}
    found = resources(
        thing("Namespace", "shop"),
        thing("ConfigMap", "c"),
        thing("Deployment", "w", "apps/v1", spec=spec),
        thing("CustomResourceDefinition", "things.example.com", "apiextensions.k8s.io/v1", spec=names),
        thing("Thing", "t", "example.com/v1"),
    )
    assert sorted(map(str, found["apps/Deployment/shop/w"].needs)) == ["ConfigMap/shop/c", "Namespace/-/shop"]
    definition = "apiextensions.k8s.io/CustomResourceDefinition/-/things.example.com"
    assert sorted(map(str, found["example.com/Thing/shop/t"].needs)) == ["Namespace/-/shop", definition]


def test_a_list_is_its_items() -> None:
    found = resources({"apiVersion": "v1", "kind": "List", "items": [thing("ConfigMap", "a"), thing("ConfigMap", "b")]})
    assert set(found) == {"ConfigMap/shop/a", "ConfigMap/shop/b"}


def test_hooks_are_no_part_of_what_stands() -> None:
    hook = "argocd.argoproj.io/hook"
    unnamed = thing("Job", "", "batch/v1", annotations={hook: "PreSync,PostSync"})
    unnamed["metadata"] = {"generateName": "run-", "annotations": {hook: "PreSync,PostSync"}}
    manifests = (
        thing("ConfigMap", "late", annotations={"argocd.argoproj.io/sync-wave": "5"}),
        thing("Job", "after", "batch/v1", annotations={"helm.sh/hook": "post-install", "helm.sh/hook-weight": "3"}),
        unnamed,
    )
    declared = [it for manifest in manifests for it in KIND.read(manifest, place, ORIGIN).declarations]
    standing, hooks = KIND.closed(tuple(KIND.declare(it, SCOPE, Facts()) for it in declared), SCOPE)
    assert [(each.id.name, each.wave) for each in standing] == [("late", 5)]
    after, pre, post = hooks
    assert (after.resource.id.name, after.phase, after.wave) == ("after", HookPhase.POST_SYNC, 3)
    assert (pre.phase, post.phase, pre.is_generated) == (HookPhase.PRE_SYNC, HookPhase.POST_SYNC, True)
    assert pre.resource.id.name.startswith("run-")
    named = pre.named("run-1")
    assert named.resource.state.fields["metadata"]["name"] == "run-1"  # type: ignore[index,call-overload]
    assert "generateName" not in named.resource.state.fields["metadata"]  # type: ignore[operator]
    assert Desired.of("web", "c", standing).digest != Desired.of("web", "c", standing, hooks=hooks).digest


def test_what_is_no_phase_of_a_sync_is_told() -> None:
    skipped = KIND.read(thing("Job", "never", "batch/v1", annotations={"helm.sh/hook": "test"}), place, ORIGIN)
    assert (skipped.declarations, [each.reason for each in skipped.warnings]) == ((), ["HookNotHonoured"])


def test_a_hook_has_an_hour_or_what_it_says() -> None:
    hook: Json = {"argocd.argoproj.io/hook": "PreSync"}
    assert KIND.progress_deadline_s(State.of(thing("Job", "j", "batch/v1", annotations=hook))) == 3600.0
    spec: Json = {"activeDeadlineSeconds": 30}
    assert KIND.progress_deadline_s(State.of(thing("Job", "j", "batch/v1", annotations=hook, spec=spec))) == 90.0


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("text", "it is no mapping"),
        ({"kind": "ConfigMap", "metadata": {"name": "a"}}, "apiVersion is missing"),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "kind is missing"),
        (thing("ConfigMap", ""), "metadata.name is missing"),
        (thing("ConfigMap", "a", annotations={"b": 1}), "metadata.annotations are not texts"),
        (thing("ConfigMap", "a", annotations={"argocd.argoproj.io/hook": "Never"}), "unknown hook 'Never'"),
    ],
)
def test_what_no_server_would_take_names_its_place(manifest: Json, reason: str) -> None:
    (error,) = KIND.read(manifest, place, ORIGIN).errors
    assert error.code == "HF1651"
    assert reason in error.message
    assert error.where


def test_health_is_what_the_engine_judged() -> None:
    resource = Resource(id=ResourceId(CLUSTER, "Pod", "shop", "p"), state=State.of({}))

    def judged(handle: dict[str, Json] | None) -> Health:
        return KIND.health(resource, Observation(state=resource.state, handle=handle), 0.0)

    assert judged({"health": "Degraded", "message": "crash"}) == Health(Status.DEGRADED, "crash")
    assert judged({"uid": "u"}) == Health(Status.HEALTHY)
    assert judged(None) == Health(Status.HEALTHY)


def test_a_workload_has_the_time_that_it_says() -> None:
    def deadline(manifest: dict[str, Json]) -> float:
        return KIND.progress_deadline_s(State.of(manifest))

    assert deadline(thing("Deployment", "w", "apps/v1", spec={"progressDeadlineSeconds": 90})) == 90.0
    assert deadline(thing("Deployment", "w", "apps/v1")) == 600.0
    assert deadline(thing("ConfigMap", "c")) == 60.0


def test_which_destinations_are_read() -> None:
    assert KIND.reads(CLUSTER)
    assert not KIND.reads("host")
    assert not KubernetesKind(frozenset()).reads(CLUSTER)
    assert KubernetesKind(None).reads(CLUSTER)
    assert not KubernetesKind(None).reads("unix:///run/docker.sock")
