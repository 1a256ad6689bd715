"""Strategic merge: which lists are merged, what null and `$patch` do, and what spelling has to do with it."""

from __future__ import annotations

import pytest

from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize.merge import merge
from holdfast.kubernetes.kustomize.schema import Schemas
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import DIALECT, MISSING, Value, drafted, plain

POD = "{apiVersion: v1, kind: Pod, spec: {%s }}"
CUSTOM = "{apiVersion: example.com/v1, kind: Widget, spec: {%s }}"


def value(text: str) -> Value:
    return drafted(read_yaml("a.yaml", text.encode(), DIALECT).documents[0])


def merged(dest: str, patch: str, kind: str = POD) -> Json:
    found = merge(value(kind % dest), value(kind % patch), Schemas())
    result = plain(found)
    assert isinstance(result, dict)
    return result.get("spec")


@pytest.mark.parametrize(
    ("dest", "patch", "result"),
    [
        ("a: 1, b: 2", "b: 3", {"a": 1, "b": 3}),
        ("a: 1, b: 2", "b: null", {"a": 1}),
        ("a: {b: 1, c: 2}", "a: {$patch: replace, d: 3}", {"a": {"d": 3}}),
        ("a: {b: 1}, c: 1", "a: {$patch: delete}", {"c": 1}),
        ("c: 1", "a: {b: null, d: 1}", {"c": 1, "a": {"d": 1}}),
        ("containers: [{name: a, image: x}]", "containers: [{name: a, image: y}]", {"containers": [{"name": "a", "image": "y"}]}),
        (
            "containers: [{name: a}, {name: b}]",
            "containers: [{name: c}, {name: b, image: y}]",
            {"containers": [{"name": "c"}, {"name": "b", "image": "y"}, {"name": "a"}]},
        ),
        ("containers: [{name: a}, {name: b}]", "containers: [{name: a, $patch: delete}]", {"containers": [{"name": "b"}]}),
        ("containers: [{name: a}]", "containers: [{$patch: replace}, {name: b}]", {"containers": [{"name": "b"}]}),
        ("tolerations: [{key: a}]", "tolerations: [{key: b}]", {"tolerations": [{"key": "b"}]}),
        ("a: null, b:", "c: 1", {"a": None, "c": 1}),
    ],
)
def test_a_pod_is_merged_as_the_api_merges_it(dest: str, patch: str, result: Json) -> None:
    assert merged(dest, patch) == result


def test_items_with_two_keys_are_told_apart_by_both() -> None:
    dest = "containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]}]"
    patch = "containers: [{name: a, ports: [{containerPort: 80, protocol: UDP, name: dns}]}]"
    assert merged(dest, patch) == {
        "containers": [
            {"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP", "name": "dns"}]}
        ]
    }


def test_lists_of_unknown_kinds_are_replaced() -> None:
    assert merged("list: [{name: a}]", "list: [{name: b}]", CUSTOM) == {"list": [{"name": "b"}]}


def test_an_object_within_another_is_merged_as_its_own_kind() -> None:
    inner = "inner: {apiVersion: v1, kind: Pod, spec: {containers: [{name: %s}]}}"
    found = merged(inner % "a", inner % "b", CUSTOM)
    assert found == {"inner": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "b"}, {"name": "a"}]}}}


def test_what_stands_in_quotes_stays_text() -> None:
    assert merged("a: 'x', b: x", "a: 5, b: 5", CUSTOM) == {"a": "5", "b": 5}


def test_a_patch_may_delete_the_whole() -> None:
    assert merge(value("{kind: Pod, a: 1}"), value("{$patch: delete}"), Schemas()) is MISSING


@pytest.mark.parametrize(
    ("dest", "patch", "reason"),
    [
        ("a: {b: 1}", "a: [1]", "the patch has a list at spec.a, where the object has a mapping"),
        ("a: [1]", "a: {b: 1}", "the patch has a mapping at spec.a, where the object has a list"),
        ("a: 1", "a: {b: 1}", "the patch has a mapping at spec.a, where the object has a single value"),
        ("a: {b: 1}", "a: {$patch: merge-all}", "unknown patch strategy 'merge-all' at spec.a"),
    ],
)
def test_what_does_not_fit_says_where(dest: str, patch: str, reason: str) -> None:
    with pytest.raises(Trouble) as trouble:
        merged(dest, patch)
    assert trouble.value.reason == reason
