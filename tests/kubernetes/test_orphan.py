"""Orphans: what nobody has is told, what the cluster or another object brought is not, and what was not listed is no word of it."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kubernetes.discovery import ApiResource, Discovery
from holdfast.kubernetes.object_id import object_id
from holdfast.kubernetes.orphan import kinds, orphans
from holdfast.model.terms import OrphanPattern

HERE = "https://kubernetes.default.svc"


def named(name: str, namespace: str = "shop", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}}


def found(kind: str, *items: dict[str, Any], known: tuple[str, ...] = (), ignored: tuple[OrphanPattern, ...] = ()) -> list[str]:
    """Return the names of orphans among objects of a kind, beside a StatefulSet `db`."""
    ids = [object_id(HERE, kind, "shop", name) for name in known]
    listed = {
        kind: items,
        "apps/StatefulSet": [named("db", ownerReferences=[{"uid": "1"}]), *(items if kind == "apps/StatefulSet" else ())],
    }
    return [id.name for id in orphans(HERE, listed, ids, ignored) if id.kind == kind]


def test_what_nobody_has_is_an_orphan() -> None:
    assert found("ConfigMap", named("ours"), named("b"), named("a"), known=("ours",)) == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("Pod", named("owned", ownerReferences=[{"uid": "1"}])),
        ("ServiceAccount", named("default")),
        ("ConfigMap", named("kube-root-ca.crt")),
        ("Service", named("kubernetes", "default")),
        ("Secret", named("token", annotations={"kubernetes.io/service-account.name": "default"})),
        ("PersistentVolumeClaim", named("data-db-0")),
    ],
)
def test_what_is_there_by_itself_is_none(kind: str, item: dict[str, Any]) -> None:
    assert found(kind, item) == []


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("ServiceAccount", named("robot")),
        ("Service", named("kubernetes")),
        ("Secret", named("default")),
        ("ConfigMap", named("default")),
        ("PersistentVolumeClaim", named("data-db-x")),
        ("PersistentVolumeClaim", named("data-other-0")),
        ("apps/StatefulSet", named("lone")),
    ],
)
def test_what_only_looks_like_it_is_one(kind: str, item: dict[str, Any]) -> None:
    assert found(kind, item) == [item["metadata"]["name"]]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        (OrphanPattern(), []),
        (OrphanPattern(kind="ConfigMap", name="*.example.com"), ["plain"]),
        (OrphanPattern(kind="Secret"), ["a.example.com", "plain"]),
        (OrphanPattern(group="apps"), ["a.example.com", "plain"]),
        (OrphanPattern(group="*", kind="Config*"), []),
    ],
)
def test_what_the_project_ignores_is_none(pattern: OrphanPattern, left: list[str]) -> None:
    assert found("ConfigMap", named("a.example.com"), named("plain"), ignored=(pattern,)) == left


def test_the_kinds_that_are_listed() -> None:
    def kind(group: str, kind: str, *, verbs: str = "list get", is_namespaced: bool = True) -> tuple[str, tuple[ApiResource, ...]]:
        def version(name: str) -> ApiResource:
            plural = f"{kind.lower()}s"
            return ApiResource(
                group=group, version=name, kind=kind, plural=plural, is_namespaced=is_namespaced, verbs=frozenset(verbs.split())
            )

        return f"{group}/{kind}" if group else kind, (version("v1"), version("v1beta1"))

    served = [
        kind("", "Secret"),
        kind("", "ConfigMap"),
        kind("", "Event"),
        kind("", "Namespace", is_namespaced=False),
        kind("", "Binding", verbs="create"),
        kind("apps", "Deployment"),
        kind("discovery.k8s.io", "EndpointSlice"),
        kind("coordination.k8s.io", "Lease"),
    ]
    listed = kinds(Discovery(dict(served)), lambda group, kind: (group, kind) != ("", "Secret"))
    assert [(each.name, each.version) for each in listed] == [("ConfigMap", "v1"), ("apps/Deployment", "v1")]
