"""Selection: what `--resource` names, in Argo CD's form and in our own."""

from __future__ import annotations

import pytest

from holdfast.core.selection import patterns, select
from holdfast.errors import UsageError
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.plan import Owned
from holdfast.model.resource import Derived, Desired, Resource
from holdfast.model.state import State

CLUSTER = "https://kubernetes.default.svc"
WEB = ResourceId(CLUSTER, "apps/Deployment", "prod", "web")
STAGE = ResourceId(CLUSTER, "apps/Deployment", "stage", "web")
MAP = ResourceId(CLUSTER, "ConfigMap", "prod", "web")
ROLE = ResourceId(CLUSTER, "rbac.authorization.k8s.io/ClusterRole", "prod", "system:web")
PROCESS = ResourceId(HOST, "Process", "shop", "worker")
OLD = ResourceId(HOST, "Process", "shop", "old")
OTHER = ResourceId(HOST, "Process", "shop", "other")


def resource(id: ResourceId) -> Resource:
    return Resource(id=id, state=State.of({}))


DESIRED = Desired.of("shop", "r1", tuple(map(resource, (WEB, STAGE, MAP, ROLE, PROCESS))))
OWNED = {
    id: Owned(application=application, resource=resource(id), revision="r0", operation="o")
    for id, application in ((OLD, "shop"), (OTHER, "another"))
}
ALL = {WEB, STAGE, MAP, ROLE, PROCESS, OLD}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["apps:Deployment:web"], {WEB, STAGE}),
        (["apps:Deployment:prod/web"], {WEB}),
        ([":ConfigMap:web"], {MAP}),
        (["*:*:prod/web"], {WEB, MAP}),
        (["*:Deployment:*"], {WEB, STAGE}),
        (["rbac.authorization.k8s.io:ClusterRole:system:web"], {ROLE}),
        (["rbac.authorization.k8s.io/ClusterRole/prod/system:web"], {ROLE}),
        (["Process/shop/worker"], {PROCESS}),
        (["Process/shop/old"], {OLD}),
        (["Process/shop/*"], {PROCESS, OLD}),
        (["apps/Deployment/prod/web", ":ConfigMap:web"], {WEB, MAP}),
        (["!Process/shop/worker"], ALL - {PROCESS}),
        (["!apps:Deployment:*", "!Process/shop/old"], {MAP, ROLE, PROCESS}),
        (["*:*:*", "!apps:Deployment:prod/web"], ALL - {WEB}),
        (["!apps:Deployment:prod/web", "apps:Deployment:web"], {STAGE}),
    ],
)
def test_a_selection_means_what_argo_cd_means_by_it(said: list[str], found: set[ResourceId]) -> None:
    assert select(DESIRED, OWNED, patterns(said)) == found


@pytest.mark.parametrize(
    "said",
    ["", "!", "web", "shop/web", "Process//web", "a/b/c/d/e", "apps:Deployment", "apps:Deployment:", "apps::web", "a:B:c/d/e", "a:B:/c"],
)
def test_what_is_of_neither_form_is_refused(said: str) -> None:
    with pytest.raises(UsageError) as refused:
        patterns([said])
    assert (refused.value.code, refused.value.message) == ("HF6010", f"cannot read the resource {said!r}")
    assert refused.value.hint == (
        "write GROUP:KIND:NAMESPACE/NAME, such as apps:Deployment:web, or an id as `holdfast tree` shows it, such as Process/shop/web"
    )


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Process/shop/workr", "did you mean Process/shop/worker?"),
        ("!Process/shop/workr", "did you mean !Process/shop/worker?"),
        ("apps:Deployment:prod/wep", "did you mean apps:Deployment:prod/web?"),
        ("apps:Deployments:web", "did you mean apps:Deployment:web?"),
        ("Process/shop/other", "did you mean Process/shop/worker?"),
        ("!apps:Deployment:prod/wep", "did you mean !apps:Deployment:prod/web?"),
        ("apps/Deployment/prod/wep", "did you mean apps/Deployment/prod/web?"),
        (":ConfigMap:wbe", "did you mean :ConfigMap:web?"),
        ("rbac.authorization.k8s.io:ClusterRole:system:wed", "did you mean rbac.authorization.k8s.io:ClusterRole:system:web?"),
        (
            "rbac.authorization.k8s.io/ClusterRole/prod/system:wed",
            "did you mean rbac.authorization.k8s.io/ClusterRole/prod/system:web?",
        ),
        ("zzz:zzz:zzz", "`holdfast tree shop` lists what there is"),
    ],
)
def test_what_matches_nothing_is_refused_with_what_is_near(said: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        select(DESIRED, OWNED, patterns([said]))
    assert refused.value.code == "HF6010"
    assert refused.value.hint == hint


def test_a_replica_is_meant_by_what_was_declared_and_by_its_own_id() -> None:
    replicas = [Resource(id=PROCESS._replace(name=f"worker.{at}"), state=State.of({}), owner=Derived(parents=(PROCESS,))) for at in (0, 1)]
    desired = Desired.of("shop", "r1", tuple(replicas))
    assert select(desired, {}, patterns(["Process/shop/worker"])) == {each.id for each in replicas}
    assert select(desired, {}, patterns([":Process:worker.1"])) == {replicas[1].id}
