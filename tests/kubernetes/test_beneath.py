"""What stands beneath an object: by owners, with what each says of itself, and the warnings of the cluster."""

from __future__ import annotations

from typing import Any

from holdfast.kubernetes.beneath import MOST_WARNINGS, trees
from holdfast.model.live import Health, Status


def item(version: str, kind: str, name: str, owner: str = "", **more: Any) -> dict[str, Any]:
    owners = [{"uid": f"uid-{owner}"}] if owner else []
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "uid": f"uid-{name}", "ownerReferences": owners}, **more}


def warning(name: str, reason: str, at: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"creationTimestamp": at}, "involvedObject": {"uid": f"uid-{name}"}, "reason": reason, "message": "because", **more}


def judge(live: Any) -> Health | None:
    return Health(Status.DEGRADED, "it crashes") if live["metadata"]["name"] == "web-1-a" else None


UNREADY = {"conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "M", "x": 1}]}
ITEMS = [
    item("apps/v1", "ReplicaSet", "web-1", "web", spec={"replicas": 1}),
    item("apps/v1", "ReplicaSet", "web-0", "web", spec={"replicas": 0}),
    item("apps/v1", "ReplicaSet", "web-old", "web", spec={"replicas": 0}),
    item(
        "v1",
        "Pod",
        "web-1-a",
        "web-1",
        status={"conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "M", "x": 1}]},
    ),
    item("v1", "Pod", "web-0-a", "web-0"),
    item("v1", "Pod", "stray", "nobody"),
]


def test_it_is_a_tree_by_owners_down_to_the_pods() -> None:
    root = item("apps/v1", "Deployment", "web", status={"conditions": [{"type": "Available", "status": "True"}]})
    found: Any = trees({"uid-web": root}, ITEMS, (), judge)["uid-web"]
    assert found["conditions"] == [{"type": "Available", "status": "True", "reason": "", "message": ""}]
    assert [(each["kind"], each["name"]) for each in found["beneath"]] == [("apps/ReplicaSet", "web-0"), ("apps/ReplicaSet", "web-1")], (
        "one of an earlier revision without pods is not shown"
    )
    (pod,) = found["beneath"][1]["beneath"]
    assert (pod["kind"], pod["name"], pod["health"], pod["message"]) == ("Pod", "web-1-a", "Degraded", "it crashes")
    assert pod["conditions"] == [{"type": "Ready", "status": "False", "reason": "R", "message": "M"}]


def test_what_is_not_known_of_a_root_does_not_hide_what_is_beneath() -> None:
    found: Any = trees({"uid-web": None, "uid-other": None}, ITEMS, (), judge)
    assert len(found["uid-web"]["beneath"]) == 2
    assert found["uid-other"] == {"conditions": [], "warnings": [], "beneath": []}


def test_the_newest_warnings_of_each_object_are_told() -> None:
    events = [warning("web", f"R{number}", f"2026-01-01T00:00:0{number}Z") for number in range(MOST_WARNINGS + 2)]
    events += [warning("web-1-a", "BackOff", "2026-01-01T00:00:00Z", count=7, lastTimestamp="2026-02-01T00:00:00Z")]
    found: Any = trees({"uid-web": None}, ITEMS, events, judge)["uid-web"]
    assert [each["reason"] for each in found["warnings"]] == ["R6", "R5", "R4", "R3", "R2"]
    (told,) = found["beneath"][1]["beneath"][0]["warnings"]
    assert told == {"reason": "BackOff", "message": "because", "count": 7, "at": "2026-02-01T00:00:00Z"}


def test_owners_in_a_circle_end() -> None:
    circle = [item("v1", "Pod", "a", "b"), item("v1", "Pod", "b", "a")]
    found: Any = trees({"uid-a": None}, circle, (), judge)["uid-a"]
    depth = 0
    while found["beneath"]:
        (found,) = found["beneath"]
        depth += 1
    assert depth == 10
