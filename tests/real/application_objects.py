"""Applications that live as objects in a real cluster: their definitions, with the schema of Argo CD's status, and looks at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.kubernetes_apps import ARGO, IN_CLUSTER, until

API = "argoproj.io/v1alpha1"
NAMESPACE = "argocd"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CONTROLLERS = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
MERGE = "application/merge-patch+json"
FINALIZER = "resources-finalizer.argocd.argoproj.io"


def said(*required: str, **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required)}


def many(each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": each}


ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
TEXT, FLAG, TIME, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "string", "format": "date-time"}, {"type": "integer"}
HEALTH = said(status=TEXT, message=TEXT, lastTransitionTime=TIME)
NAMED = {"group": TEXT, "kind": TEXT, "name": TEXT, "namespace": TEXT, "version": TEXT}
SOURCE = said("repoURL", repoURL=TEXT, path=TEXT, targetRevision=TEXT)
RESULT = said(*NAMED, **NAMED, status=TEXT, message=TEXT, hookPhase=TEXT, hookType=TEXT, syncPhase=TEXT)
STATUS = said(
    conditions=many(said("message", "type", message=TEXT, type=TEXT, lastTransitionTime=TIME)),
    health=HEALTH,
    history=many(said("deployedAt", "id", id=NUMBER, revision=TEXT, deployedAt=TIME, deployStartedAt=TIME, initiatedBy=ANY, source=SOURCE)),
    operationState=said(
        "operation",
        "phase",
        "startedAt",
        operation=ANY,
        phase=TEXT,
        message=TEXT,
        startedAt=TIME,
        finishedAt=TIME,
        retryCount=NUMBER,
        syncResult=said("revision", revision=TEXT, source=SOURCE, resources=many(RESULT)),
    ),
    reconciledAt=TIME,
    resourceHealthSource=TEXT,
    resources=many(said(**NAMED, status=TEXT, health=HEALTH, hook=FLAG, requiresPruning=FLAG, syncWave=NUMBER)),
    sourceType=TEXT,
    summary=said(images=many(TEXT), externalURLs=many(TEXT)),
    sync=said(
        "status", status=TEXT, revision=TEXT, comparedTo=said("destination", source=SOURCE, destination=ANY, ignoreDifferences=many(ANY))
    ),
)
"""The fields of Argo CD's definition that are written here, with those that it requires (manifests/crds/application-crd.yaml)."""


def definition(kind: str, plural: str, *, has_status: bool = False) -> dict[str, Any]:
    """Return the definition; Argo CD's has no status of its own."""
    schema = said("metadata", "spec", spec=ANY, status=STATUS if kind == "Application" else ANY, operation=ANY)
    version: dict[str, Any] = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    if has_status:
        version["subresources"] = {"status": {}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def install(cluster: Cluster, *, has_status: bool = False) -> None:
    """Have the cluster serve Applications and AppProjects, and the namespace in which they lie."""
    for kind, plural in (("Application", "applications"), ("AppProject", "appprojects")):
        assert cluster.ask("POST", DEFINITIONS, definition(kind, plural, has_status=has_status))[0] == 201
        cluster.wait("kube-apiserver", lambda plural=plural: cluster.ask("GET", f"{ARGO}/{plural}")[0] == 200)
    for name in (NAMESPACE, "shop"):
        assert cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] in (201, 409)


def application(name: str, repository: str, *, path: str = "", cascade: bool = False, **spec: Any) -> dict[str, Any]:
    """Return an Application that syncs by itself."""
    return {
        "apiVersion": API,
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE, **({"finalizers": [FINALIZER]} if cascade else {})},
        "spec": {
            "project": "default",
            "source": {"repoURL": repository, "targetRevision": "main", "path": path or name},
            "destination": {"server": IN_CLUSTER, "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            **spec,
        },
    }


def at(name: str = "", plural: str = "applications") -> str:
    return f"{ARGO}/namespaces/{NAMESPACE}/{plural}{f'/{name}' if name else ''}"


def create(cluster: Cluster, item: dict[str, Any], plural: str = "applications") -> None:
    status, answer = cluster.ask("POST", at(plural=plural), item)
    assert status == 201, answer


def change(cluster: Cluster, name: str, patch: dict[str, Any], plural: str = "applications") -> None:
    status, answer = cluster.ask("PATCH", at(name, plural), patch, kind=MERGE)
    assert status == 200, answer


def item(cluster: Cluster, name: str) -> dict[str, Any] | None:
    status, found = cluster.ask("GET", at(name))
    return found if status == 200 else None


def says(cluster: Cluster, name: str, what: str, is_so: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Wait until an object's status is as wanted, and return it."""

    def look() -> dict[str, Any] | None:
        status = (item(cluster, name) or {}).get("status") or {}
        return status if status and is_so(status) else None

    try:
        found: dict[str, Any] = until(look, what)
    except pytest.fail.Exception as error:
        raise AssertionError(f"{error}: {(item(cluster, name) or {}).get('status')}") from error
    return found


def is_well(status: dict[str, Any], revision: str) -> bool:
    return bool(
        status.get("sync", {}).get("status") == "Synced"
        and status["sync"].get("revision") == revision
        and status.get("health", {}).get("status") == "Healthy"
        and status.get("operationState", {}).get("phase") == "Succeeded"
    )
