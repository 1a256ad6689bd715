"""What is drift, and what is somebody else's business."""

from __future__ import annotations

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.drift import drift
from holdfast.kubernetes.ignore import fits, ignored
from holdfast.kubernetes.normal import normalize, quantity
from holdfast.model.terms import IgnoreRule

DESIRED: dict[str, Json] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "template": {
            "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}]}
        }
    },
}
OURS: Json = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {".": {}, "f:name": {}, "f:image": {}, "f:resources": {"f:limits": {"f:cpu": {}, "f:memory": {}}}}
                }
            }
        }
    },
}


def live(image: str = "web:1", ours: Json = OURS, **more: Json) -> dict[str, Json]:
    """Return what a server holds: defaults, its own fields, replicas of an autoscaler, an injected sidecar."""
    containers: Json = [
        {"name": "web", "image": image, "imagePullPolicy": "IfNotPresent", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}},
        {"name": "sidecar", "image": "mesh:3"},
    ]
    theirs: Json = {"f:spec": {"f:replicas": {}}}
    managed: Json = [
        {"manager": "holdfast", "operation": "Apply", "fieldsV1": ours},
        {"manager": "autoscaler", "operation": "Update", "fieldsV1": theirs},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"}, "managedFields": managed},
        "spec": {"replicas": 7, "template": {"spec": {"containers": containers, "dnsPolicy": "ClusterFirst"}}, **more},
        "status": {"replicas": 7},
    }


def test_what_others_add_is_no_drift() -> None:
    assert drift(DESIRED, live(), manager="holdfast") == ()


def test_a_changed_field_is() -> None:
    (found,) = drift(DESIRED, live("web:2"), manager="holdfast")
    assert (str(found), found.desired, found.live) == ('.spec.template.spec.containers[name="web"].image', "web:1", "web:2")


def test_a_field_that_somebody_took_says_by_whom() -> None:
    taken = live("web:2", ours={"f:metadata": {"f:labels": {"f:app": {}}}})
    metadata = taken["metadata"]
    assert isinstance(metadata, dict)
    assert isinstance(metadata["managedFields"], list)
    image: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}}}
    metadata["managedFields"].append({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": image})
    (found,) = drift(DESIRED, taken, manager="holdfast")
    assert found.taken_by == "kubectl-edit"


def test_what_we_said_before_and_say_no_more_is_drift() -> None:
    without: dict[str, Json] = {**DESIRED, "metadata": {"name": "web"}}
    (found,) = drift(without, live(), manager="holdfast")
    assert str(found) == ".metadata.labels"


def test_a_deleted_item_of_ours_is_drift() -> None:
    there = live()
    spec = there["spec"]
    assert isinstance(spec, dict)
    spec["template"] = {"spec": {"containers": [{"name": "sidecar", "image": "mesh:3"}]}}
    (found,) = drift(DESIRED, there, manager="holdfast")
    assert found.live is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        (2, "2"),
        ("1e3", "1k"),
        ("1500", "1500"),
        ("1.5Gi", "1536Mi"),
        ("many", "many"),
        ("-1000m", "-1"),
    ],
)
def test_a_quantity_is_written_as_the_server_does(written: Json, kept: Json) -> None:
    assert quantity(written) == kept
    assert quantity(kept) == kept


def test_normalising_twice_is_normalising_once() -> None:
    once = normalize(live())
    assert normalize(once) == once
    secret = normalize({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "x"}, "data": {"b": None}})
    assert secret == {"apiVersion": "v1", "kind": "Secret", "data": {"a": "eA==", "b": ""}}
    assert normalize(secret) == secret


def test_differences_that_are_told_to_be_none() -> None:
    def left(rule: IgnoreRule) -> int:
        rules = (rule,) if fits(rule, DESIRED) else ()
        return len(drift(*ignored(rules, DESIRED, live("web:2")), manager="holdfast"))

    assert left(IgnoreRule(group="apps", kind="Deployment", json_pointers=("/spec/template/spec/containers/0/image",))) == 0
    assert left(IgnoreRule(group="apps", kind="Deployment", json_pointers=("/spec/nothing",))) == 1
    assert left(IgnoreRule(group="apps", kind="StatefulSet", json_pointers=("/spec",))) == 1
    assert left(IgnoreRule(group="*", kind="*", name="w*", managed_fields_managers=("holdfast",))) == 0
    assert left(IgnoreRule(group="*", kind="*", managed_fields_managers=("autoscaler",))) == 1


def test_a_jq_rule_without_jq_is_an_error() -> None:
    rule = IgnoreRule(group="*", kind="*", jq_path_expressions=(".spec",))
    with pytest.raises(ValueError, match="nobody answers jq"):
        ignored((rule,), DESIRED, live())
    sides = ignored((rule,), DESIRED, live(), {".spec": ((("spec",),), (("spec",),))})
    assert all("spec" not in side for side in sides)
