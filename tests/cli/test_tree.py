"""The tree: a resource stands beneath the one that it was derived from."""

from __future__ import annotations

from typing import Any

from tests.cli.daemon import Daemon, Runner, declared, observed, rendered

from holdfast.cli.ink import Ink
from holdfast.cli.tree import FINE, ROUGH, tree_lines


def resource(id: str, declared: str | None = None, **more: Any) -> dict[str, Any]:
    fresh: dict[str, Any] = {
        "id": id,
        "declared": declared or id,
        "sync": "Synced",
        "health": "Healthy",
        "proofs": [],
        "needs": [],
        "message": "",
        "origin": None,
    }
    return fresh | more


SHOP = {
    "name": "shop",
    "sync": "Synced",
    "health": "Healthy",
    "revision": "a" * 40,
    "resources": [
        resource("File/shop/config", origin="files.yaml:1"),
        resource("Process/shop/web.0", "Process/shop/web"),
        resource("Process/shop/web.1", "Process/shop/web", health="Degraded", message="exit code 3"),
        resource("Process/shop/worker", needs=["File/shop/config"]),
    ],
}


def test_replicas_stand_beneath_what_was_declared() -> None:
    assert list(tree_lines({"applications": [SHOP]}, Ink(False), FINE)) == [
        "shop  Synced  Healthy  aaaaaaaaaa",
        "├─ File/shop/config  Synced  Healthy  files.yaml:1",
        "├─ Process/shop/web",
        "│  ├─ Process/shop/web.0  Synced  Healthy",
        "│  └─ Process/shop/web.1  Synced  Degraded  exit code 3",
        "└─ Process/shop/worker  Synced  Healthy  needs File/shop/config",
    ]
    assert list(tree_lines({"applications": [SHOP]}, Ink(False), ROUGH))[-1].startswith("`- Process/shop/worker")


def test_what_no_application_has_comes_last() -> None:
    found = [{"id": f"ConfigMap/shop/{name}", "destination": "k"} for name in "ab"]
    unknown = [{"kind": "Secret", "reason": "forbidden"}]
    orphans = {"namespace": "shop", "warn": False, "count": 3, "found": found, "unknown": unknown}
    lines = list(tree_lines({"applications": [{**SHOP, "orphans": orphans}]}, Ink(False), FINE))
    assert lines[-5:] == [
        "orphaned  no Application has it in namespace shop",
        "├─ ConfigMap/shop/a",
        "├─ ConfigMap/shop/b",
        "├─ and 1 more",
        "└─ Secret: unknown, forbidden",
    ]
    none = {**orphans, "count": 0, "found": [], "unknown": []}
    assert "orphaned" not in "".join(tree_lines({"applications": [{**SHOP, "orphans": none}]}, Ink(False), FINE))


def test_the_daemons_tree_is_drawn(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), rendered("shop"), observed("shop"))
    assert "Process/shop/web" in holdfast("tree", "shop").out
    assert holdfast("tree", "--json").document["kind"] == "Tree"
    assert holdfast("tree", "blog", "--json").data["code"] == "HF7004"


def test_an_object_of_a_cluster_shows_what_stands_beneath_it() -> None:
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "app is not ready"}
    warning = {"reason": "BackOff", "message": "restarting failed container", "count": 7, "at": "2026-01-01T00:00:00Z"}
    pod = {"kind": "Pod", "name": "web-1-a", "health": "Degraded", "message": "it crashes", "conditions": [unready], "warnings": [warning]}
    other = {"kind": "Pod", "name": "web-1-b", "health": "Healthy", "message": "", "conditions": [], "warnings": [], "beneath": []}
    rs = {"kind": "apps/ReplicaSet", "name": "web-1", "health": None, "message": "", "beneath": [pod | {"beneath": []}, other]}
    available = {"type": "Available", "status": "True", "reason": "", "message": ""}
    late = {"type": "Progressing", "status": "False", "reason": "Late", "message": ""}
    web = resource("apps/Deployment/shop/web", conditions=[available, late], warnings=[], beneath=[rs])
    lines = list(tree_lines({"applications": [SHOP | {"resources": [web, resource("Service/shop/web")]}]}, Ink(False), FINE))
    assert lines[1:] == [
        "├─ Service/shop/web  Synced  Healthy",
        "└─ apps/Deployment/shop/web  Synced  Healthy",
        "   │  Progressing=False  Late",
        "   └─ apps/ReplicaSet/web-1",
        "      ├─ Pod/web-1-a  Degraded  it crashes",
        "      │     Ready=False  ContainersNotReady: app is not ready",
        "      │     BackOff: restarting failed container (7 times)",
        "      └─ Pod/web-1-b  Healthy",
    ]
