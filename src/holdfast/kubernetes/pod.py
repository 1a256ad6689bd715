"""Pods of an object: how they are chosen, which of their containers have something to say, and how their lines are called.

Pure; asked by the engine's logs, exec and tree. Law: a source is one container of one pod, and its name says no more than is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]
WITH_PODS = frozenset(
    "Pod ReplicationController apps/Deployment apps/StatefulSet apps/DaemonSet apps/ReplicaSet batch/Job batch/CronJob "
    "argoproj.io/Rollout".split()
)
"""Kinds whose pods are looked for."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
OF_JOB = "batch.kubernetes.io/controller-uid"


def selector_of(live: Object) -> str | None:
    """Return the label selector of an object's pods as text; None where it has none (a Pod, a CronJob)."""
    selector = (live.get("spec") or {}).get("selector")
    if not isinstance(selector, Mapping):
        return None
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or None
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or ():
        key, values = each.get("key"), ",".join(each.get("values") or ())
        match each.get("operator"):
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(str(key))
            case "DoesNotExist":
                parts.append(f"!{key}")
    return ",".join(parts) or None


def started(pod: Object) -> Iterator[str]:
    """Yield the containers of a pod that have started at least once, in the order in which they start."""
    status = pod.get("status") or {}
    for of in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(of) or ():
            state = each.get("state") or {}
            if "running" in state or "terminated" in state or each.get("restartCount"):
                yield str(each["name"])


def run_of(pod: Object, container: str) -> tuple[int, bool]:
    """Return which run of a container this is, and whether it runs now."""
    status = pod.get("status") or {}
    for of in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(of) or ():
            if each.get("name") == container:
                return int(each.get("restartCount") or 0), "running" in (each.get("state") or {})
    return 0, False


def source_of(pod: Object, container: str) -> str:
    """Return what lines of a container are called: `Pod/shop/web-0`, with `:container` where the pod has several."""
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    names = [each["name"] for of in ("initContainers", "containers", "ephemeralContainers") for each in spec.get(of) or ()]
    name = f"Pod/{metadata.get('namespace')}/{metadata['name']}"
    return name if len(names) <= 1 else f"{name}:{container}"


def default_container(pod: Object) -> str | None:
    """Return the container that is meant where none is named: the annotated one, else the first."""
    containers = [str(each["name"]) for each in (pod.get("spec") or {}).get("containers") or ()]
    said = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    return said if said in containers else containers[0] if containers else None


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def is_owned(item: Object, uid: str) -> bool:
    """Say whether an object is owned by the one of `uid`."""
    return any(each.get("uid") == uid for each in item["metadata"].get("ownerReferences") or ())
