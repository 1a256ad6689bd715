"""Actions: which an object has, what each makes of it, what users' scripts may answer, and what of it Git declares."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kubernetes.action import (
    Effect,
    built_in,
    declared,
    leaves,
    merge_patch,
    read_discovery,
    read_effects,
    run_built_in,
    shown_path,
    with_empty_mappings,
)

NOW = 1_700_000_000.0


def thing(version: str, kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "shop", "uid": "u1"}, "spec": spec}


def enabled(live: dict[str, Any]) -> list[str]:
    return [each.name for each in built_in(live) if not each.is_disabled]


@pytest.mark.parametrize(
    ("live", "names"),
    [
        (thing("apps/v1", "Deployment", replicas=2), ["restart", "pause", "scale"]),
        (thing("apps/v1", "Deployment", paused=True), ["resume", "scale"]),
        (thing("apps/v1", "StatefulSet"), ["restart", "scale"]),
        (thing("apps/v1", "DaemonSet"), ["restart"]),
        (thing("batch/v1", "CronJob"), ["create-job", "suspend"]),
        (thing("batch/v1", "CronJob", suspend=True), ["create-job", "resume"]),
        (thing("batch/v1", "Job"), ["suspend"]),
        ({**thing("batch/v1", "Job"), "status": {"active": 1}}, ["suspend", "terminate"]),
        ({**thing("batch/v1", "Job"), "status": {"conditions": [{"type": "Complete", "status": "True"}]}}, []),
        (thing("v1", "Service"), []),
        (thing("example.com/v1", "Deployment"), []),
    ],
)
def test_what_may_be_done_to_an_object_as_it_is(live: dict[str, Any], names: list[str]) -> None:
    assert enabled(live) == names


@pytest.mark.parametrize(
    ("live", "name", "params", "patch"),
    [
        (thing("apps/v1", "Deployment", replicas=2), "scale", {"replicas": "5"}, {"spec": {"replicas": 5}}),
        (thing("apps/v1", "Deployment", replicas=2), "scale", {"replicas": "2"}, {}),
        (thing("apps/v1", "Deployment"), "pause", {}, {"spec": {"paused": True}}),
        (thing("apps/v1", "Deployment", paused=True), "resume", {}, {"spec": {"paused": False}}),
        (thing("batch/v1", "CronJob"), "suspend", {}, {"spec": {"suspend": True}}),
        (
            thing("apps/v1", "StatefulSet", template={"metadata": {"annotations": {"a": "b"}}}),
            "restart",
            {},
            {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2023-11-14T22:13:20Z"}}}}},
        ),
    ],
)
def test_a_built_in_action_changes_one_thing(live: dict[str, Any], name: str, params: dict[str, str], patch: dict[str, Any]) -> None:
    (effect,) = run_built_in(live, name, params, NOW)
    assert effect.operation == "patch"
    assert merge_patch(live, effect.resource) == patch


@pytest.mark.parametrize("text", ["", "-1", "many", "1.5", "٣"])
def test_a_scale_wants_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="a number from 0 on"):
        run_built_in(thing("apps/v1", "Deployment"), "scale", {"replicas": text}, NOW)


def test_a_job_is_made_of_a_cron_job() -> None:
    live = thing("batch/v1", "CronJob", jobTemplate={"metadata": {"labels": {"a": "b"}}, "spec": {"backoffLimit": 1}})
    (effect,) = run_built_in(live, "create-job", {}, NOW)
    assert effect.operation == "create"
    assert effect.resource["metadata"]["name"] == "web-20231114221320"
    assert effect.resource["metadata"]["ownerReferences"] == [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "web", "uid": "u1"}]
    assert effect.resource["metadata"]["labels"] == {"a": "b"}
    assert effect.resource["spec"] == {"backoffLimit": 1}


def test_a_discovery_answers_a_table_of_actions() -> None:
    params: Any = [{"name": "replicas", "default": "3"}, {"name": "step"}]
    scale, stop = read_discovery({"scale": {"params": params}, "stop": {"disabled": True, "displayName": "Stop it"}})
    assert scale.to_json() == {"name": "scale", "title": "scale", "disabled": False, "params": {"replicas": "3", "step": None}}
    assert stop.to_json() == {"name": "stop", "title": "Stop it", "disabled": True, "params": {}}
    assert read_discovery([]) == ()
    with pytest.raises(ValueError, match="no table"):
        read_discovery("restart")


def test_a_script_may_change_its_object_and_make_others_and_nothing_else() -> None:
    live = thing("example.com/v1", "Thing", on=True)
    changed = {**live, "spec": {"on": False}}
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert read_effects(changed, live) == (Effect(operation="patch", resource=changed),)
    both: Any = [{"operation": "create", "resource": other}, {"operation": "patch", "resource": changed}]
    assert [each.operation for each in read_effects(both, live)] == ["create", "patch"]
    wrong: list[Any] = [
        other,
        [],
        "x",
        None,
        [{"operation": "delete", "resource": live}],
        [{"operation": "patch", "resource": other}],
        [{"operation": "create", "resource": {"kind": "ConfigMap"}}],
        {**live, "metadata": {**live["metadata"], "namespace": "kube-system"}},
    ]
    for answer in wrong:
        with pytest.raises(ValueError, match=r"action\.lua answered"):
            read_effects(answer, live)


def test_an_empty_mapping_comes_back_as_one() -> None:
    before = {"a": {}, "b": [], "c": [{"d": {}}], "e": {"f": {}}}
    assert with_empty_mappings({"a": [], "b": [], "c": [{"d": []}], "e": {"f": [], "g": []}}, before) == {**before, "e": {"f": {}, "g": []}}


def test_a_patch_says_what_differs() -> None:
    before = {"a": 1, "b": {"c": [1, 2], "d": None}, "e": True, "gone": 1}
    after = {"a": 1, "b": {"c": [1], "x/y": 2}, "e": 1}
    patch = merge_patch(before, after)
    assert patch == {"gone": None, "b": {"c": [1], "x/y": 2}, "e": 1}
    assert {shown_path(path) for path in leaves(patch)} == {"gone", "b.c", 'b["x/y"]', "e"}


def test_what_git_declares_of_it_is_known() -> None:
    fields = {"spec": {"replicas": 3, "list": [1]}}
    assert declared(("spec", "replicas"), fields)
    assert declared(("spec", "list", "0"), fields)
    assert not declared(("spec", "paused"), fields)
    assert not declared(("metadata", "annotations", "a"), fields)
