"""Takeover: which entries leave the record of owners, and which stay."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kubernetes.takeover import is_shared, takeover

IMAGE: dict[str, Any] = {"f:spec": {"f:image": {}}}
OTHER: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def live(*entries: tuple[str, str, str, dict[str, Any]]) -> dict[str, Any]:
    fields = [
        {"manager": manager, "operation": operation, "subresource": sub, "apiVersion": "v1", "fieldsV1": owned}
        for manager, operation, sub, owned in entries
    ]
    return {"metadata": {"name": "web", "resourceVersion": "7", "managedFields": fields}, "spec": {"image": "web:1", "replicas": 2}}


OURS = ("holdfast", "Apply", "", IMAGE)


def test_entries_of_predecessors_leave_from_the_last_to_the_first() -> None:
    item = live(
        ("argocd-controller", "Apply", "", IMAGE), OURS, ("mesh", "Update", "", IMAGE), ("kubectl-client-side-apply", "Update", "", IMAGE)
    )
    assert is_shared(item, "holdfast")
    assert takeover(item, "holdfast") == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/metadata/managedFields/3"},
        {"op": "remove", "path": "/metadata/managedFields/0"},
    ]


@pytest.mark.parametrize(
    "entries",
    [
        (OURS,),
        (("argocd-controller", "Apply", "", IMAGE),),
        (OURS, ("argocd-controller", "Apply", "", OTHER)),
        (OURS, ("argocd-controller", "Update", "status", IMAGE)),
        (OURS, ("kubectl", "Apply", "", IMAGE)),
        (("holdfast", "Update", "", IMAGE), ("argocd-controller", "Apply", "", IMAGE)),
    ],
    ids=["ours alone", "not ours", "nothing in common", "of a subresource", "somebody else", "not applied by us"],
)
def test_anything_else_stays(entries: tuple[tuple[str, str, str, dict[str, Any]], ...]) -> None:
    assert not is_shared(live(*entries), "holdfast")
    assert takeover(live(*entries), "holdfast") == []


def test_an_object_without_a_record_has_nothing_to_take() -> None:
    assert takeover({"metadata": {"name": "web", "resourceVersion": "7"}}, "holdfast") == []
