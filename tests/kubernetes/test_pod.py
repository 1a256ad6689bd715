"""Pods: their selectors as text, which containers have something to say, and that no line is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kubernetes.pod import default_container, run_of, selector_of, source_of, started


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        (
            {
                "matchLabels": {"a": "1"},
                "matchExpressions": [
                    {"key": "t", "operator": "In", "values": ["x", "y"]},
                    {"key": "u", "operator": "NotIn", "values": ["z"]},
                    {"key": "v", "operator": "Exists"},
                    {"key": "w", "operator": "DoesNotExist"},
                ],
            },
            "a=1,t in (x,y),u notin (z),v,!w",
        ),
        ({"app": "old"}, "app=old"),
        ({}, None),
        (None, None),
        ({"matchLabels": {}}, None),
    ],
)
def test_a_selector_as_the_server_reads_it(selector: Any, text: str | None) -> None:
    assert selector_of({"spec": {"selector": selector}}) == text


def pod(*names: str, statuses: dict[str, dict[str, Any]] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-0", "namespace": "shop", "annotations": annotations},
        "spec": {"containers": [{"name": name} for name in names]},
        "status": {"containerStatuses": [{"name": name, **status} for name, status in (statuses or {}).items()]},
    }


def test_only_what_has_started_has_something_to_say() -> None:
    statuses: dict[str, dict[str, Any]] = {
        "a": {"state": {"running": {}}, "restartCount": 2},
        "b": {"state": {"waiting": {"reason": "ContainerCreating"}}},
        "c": {"state": {"terminated": {}}},
        "d": {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 1},
    }
    found = pod("a", "b", "c", "d", statuses=statuses)
    assert list(started(found)) == ["a", "c", "d"]
    assert [run_of(found, name) for name in "abcde"] == [(2, True), (0, False), (0, False), (1, False), (0, False)]


def test_a_source_says_no_more_than_is_needed() -> None:
    assert source_of(pod("app"), "app") == "Pod/shop/web-0"
    assert source_of(pod("app", "proxy"), "proxy") == "Pod/shop/web-0:proxy"


def test_the_default_container_is_the_annotated_one_or_the_first() -> None:
    key = "kubectl.kubernetes.io/default-container"
    assert default_container(pod("a", "b")) == "a"
    assert default_container(pod("a", "b", annotations={key: "b"})) == "b"
    assert default_container(pod("a", "b", annotations={key: "gone"})) == "a"
    assert default_container(pod()) is None
