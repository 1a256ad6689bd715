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


def test_the_daemons_tree_is_drawn(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), rendered("shop"), observed("shop"))
    assert "Process/shop/web" in holdfast("tree", "shop").out
    assert holdfast("tree", "--json").document["kind"] == "Tree"
    assert holdfast("tree", "blog", "--json").data["code"] == "HF7004"
