"""Actions: what people may do to one object beside what Git says: those of Argo CD that need no script, and the answers of users' Lua.

An action ends in effects: the object changed, or another object made. What is changed is sent as a merge patch (RFC 7386). Source of names
and forms: argo-cd `resource_customizations/*/actions`, docs/operator-manual/resource_actions.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kubernetes.object_id import kind_name

Object: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]
OVER = frozenset({"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"})
"""Conditions of a Job that has ended, or is about to."""
TERMINATED: Mapping[str, str] = {"type": "FailureTarget", "status": "True", "reason": "ManuallyTerminated", "message": "a person ended it"}
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One that may be done now, unless it is disabled. `params`: name → default, None where it must be given."""

    name: str
    title: str = ""
    is_disabled: bool = False
    params: Mapping[str, str | None]

    def to_json(self) -> dict[str, Json]:
        return {"name": self.name, "title": self.title or self.name, "disabled": self.is_disabled, "params": dict(self.params)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """`patch` with the object as it should be, or `create` with a new one."""

    operation: str
    resource: Object


def built_in(live: Mapping[str, Any]) -> tuple[Action, ...]:
    """Return the actions of a live object's kind, as Argo CD has them."""
    spec = live.get("spec") or {}
    replicas = {"replicas": str(spec["replicas"]) if "replicas" in spec else None}
    found: dict[str, Action] = {}

    def add(name: str, *, is_disabled: bool = False, params: Mapping[str, str | None] | None = None) -> None:
        found[name] = Action(name=name, is_disabled=is_disabled, params=params or {})

    match kind_name(live):
        case "apps/Deployment":
            paused = spec.get("paused") is True
            add("restart", is_disabled=paused)
            add("pause", is_disabled=paused)
            add("resume", is_disabled=not paused)
            add("scale", params=replicas)
        case "apps/StatefulSet":
            add("restart")
            add("scale", params=replicas)
        case "apps/DaemonSet":
            add("restart")
        case "batch/CronJob":
            add("create-job")
            add("suspend", is_disabled=spec.get("suspend") is True)
            add("resume", is_disabled=spec.get("suspend") is not True)
        case "batch/Job":
            add("suspend", is_disabled=spec.get("suspend") is True or _is_over(live))
            add("resume", is_disabled=spec.get("suspend") is not True or _is_over(live))
            add("terminate", is_disabled=_is_over(live) or not live.get("status"))
    return tuple(found.values())


def run_built_in(live: Mapping[str, Any], name: str, params: Mapping[str, str], now: Instant) -> tuple[Effect, ...]:
    """Return what a built-in action does to an object. Raises ValueError where a parameter is wrong."""
    changed: Object = deepcopy(dict(live))
    spec = changed.setdefault("spec", {})
    match name:
        case "restart":
            metadata = spec.setdefault("template", {}).setdefault("metadata", {})
            metadata["annotations"] = {**(metadata.get("annotations") or {}), RESTARTED_AT: _time(now)}
        case "pause" | "resume" if kind_name(live) == "apps/Deployment":
            spec["paused"] = name == "pause"
        case "suspend" | "resume":
            spec["suspend"] = name == "suspend"
        case "scale":
            text = params.get("replicas", "")
            if not (text.isascii() and text.isdigit()):
                raise ValueError("replicas is a number from 0 on: --param replicas=3")
            spec["replicas"] = int(text)
        case "terminate":
            status = changed.setdefault("status", {})
            status["conditions"] = [*(status.get("conditions") or ()), {**TERMINATED, "lastTransitionTime": _time(now)}]
        case "create-job":
            return (Effect(operation="create", resource=_job(live, now)),)
    return (Effect(operation="patch", resource=changed),)


def _job(live: Mapping[str, Any], now: Instant) -> Object:
    """Return the Job that `kubectl create job --from=cronjob/...` makes."""
    template, metadata = live["spec"].get("jobTemplate") or {}, live["metadata"]
    said = template.get("metadata") or {}
    owner = {"apiVersion": live["apiVersion"], "kind": live["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    named = {
        "name": f"{metadata['name'][:40]}-{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}",
        "namespace": metadata.get("namespace"),
        "annotations": {**(said.get("annotations") or {}), "cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [owner],
        **({"labels": said["labels"]} if said.get("labels") else {}),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": named, "spec": template.get("spec") or {}}


def read_discovery(answer: Json) -> tuple[Action, ...]:
    """Return what a user's discovery script found: {name: {disabled, displayName, params [{name, default}]}}. Raises ValueError."""
    if isinstance(answer, list) and not answer:
        return ()
    if not isinstance(answer, dict):
        raise ValueError("discovery.lua answered no table of actions")
    found = []
    for name, said in sorted(answer.items()):
        said = said if isinstance(said, dict) else {}
        title, params = said.get("displayName"), said.get("params")
        found.append(
            Action(
                name=name,
                title=title if isinstance(title, str) else "",
                is_disabled=said.get("disabled") is True,
                params={
                    str(each["name"]): None if each.get("default") is None else str(each["default"])
                    for each in (params if isinstance(params, list) else ())
                    if isinstance(each, dict) and each.get("name")
                },
            )
        )
    return tuple(found)


def read_effects(answer: Json, live: Mapping[str, Any]) -> tuple[Effect, ...]:
    """Return what a user's action script answered: the changed object, or a list of {operation, resource}. Raises ValueError."""
    if isinstance(answer, dict):
        return (_patched(answer, live),)
    found = []
    for each in answer if isinstance(answer, list) else ():
        operation, resource = (each.get("operation"), each.get("resource")) if isinstance(each, dict) else (None, None)
        if operation == "patch" and isinstance(resource, dict):
            found.append(_patched(resource, live))
        elif operation == "create" and isinstance(resource, dict) and _named(resource):
            found.append(Effect(operation="create", resource=resource))
        else:
            raise ValueError("action.lua answered something that is neither the object nor a list of {operation, resource}")
    if not found:
        raise ValueError("action.lua answered nothing")
    return tuple(found)


def _patched(resource: Object, live: Mapping[str, Any]) -> Effect:
    if _identity(resource) != _identity(live):
        raise ValueError("action.lua answered another object than the one that it was given; it may only make new ones")
    return Effect(operation="patch", resource=with_empty_mappings(resource, live))


def with_empty_mappings(value: Any, before: Any) -> Any:
    """Return what came back from Lua with `{}` where it stood before: Lua cannot tell an empty list from an empty mapping."""
    if value == [] and isinstance(before, Mapping):
        return {}
    if isinstance(value, dict):
        known = before if isinstance(before, Mapping) else {}
        return {key: with_empty_mappings(each, known.get(key)) for key, each in value.items()}
    if isinstance(value, list) and isinstance(before, list):
        return [with_empty_mappings(each, before[at] if at < len(before) else None) for at, each in enumerate(value)]
    return value


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Object:
    """Return the merge patch (RFC 7386) that turns one into the other; a field that is null in `before` and gone is left alone."""
    patch: Object = {key: None for key, value in before.items() if key not in after and value is not None}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if inner := merge_patch(old, value):
                patch[key] = inner
        elif value != old or type(value) is not type(old):
            patch[key] = value
    return patch


def leaves(patch: Mapping[str, Any], at: Path = ()) -> Iterator[Path]:
    """Yield the fields that a patch sets or takes away."""
    for key, value in patch.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key)


def declared(path: Path, fields: Mapping[str, Any]) -> bool:
    """Say whether a manifest says something of a field: so a change of it is drift."""
    here: Any = fields
    for key in path:
        if not isinstance(here, Mapping):
            return True
        if key not in here:
            return False
        here = here[key]
    return True


def shown_path(path: Path) -> str:
    """Return a path as people read it: `spec.replicas`, `metadata.labels["a/b"]`."""
    return "".join(f".{key}" if key.isalnum() else f'["{key}"]' for key in path).removeprefix(".")


def _identity(value: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = value.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    return value.get("apiVersion"), value.get("kind"), named.get("namespace"), named.get("name")


def _named(value: Mapping[str, Any]) -> bool:
    version, kind, _, name = _identity(value)
    return all(isinstance(each, str) and each for each in (version, kind, name))


def _is_over(live: Mapping[str, Any]) -> bool:
    conditions = (live.get("status") or {}).get("conditions") or ()
    return any(each.get("status") == "True" and each.get("type") in OVER for each in conditions)


def _time(now: Instant) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
