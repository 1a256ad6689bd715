"""A simulated API server: what `engines.kubernetes` asks of one, answered from memory on the simulated clock.

Implements engines.kubernetes.transport.Wire. Objects merge and are owned by the rules of server-side apply (kubernetes.server_side_apply),
versions grow, watches tell, old versions are forgotten, what has finalizers waits for them, a definition brings its kind a moment later.
Kinds have no schema but what a definition gives as defaults: maps merge, lists are whole.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from holdfast.engines.kubernetes.answer import Answer, Question
from holdfast.errors import Unavailable
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.field_set import fields_v1, shown
from holdfast.kubernetes.server_side_apply import FieldConflict, Managed
from holdfast.testing.simulated_patch import KIND as JSON_PATCH
from holdfast.testing.simulated_patch import Unpatchable, entries, patched

ACT_S = 0.01
"""The longest that the server takes for a request, and to tell a watch."""
ESTABLISHED_S = 0.2
"""From a definition to its kind."""
BOOKMARK_S = 60.0
REMEMBERED = 1000
"""Events: a watch that would go on from before them is told that its version is gone (410)."""
VERBS = frozenset({"get", "list", "watch", "patch", "delete"})
CRD = "apiextensions.k8s.io/CustomResourceDefinition"
CREATED = "2026-01-01T00:00:00Z"

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind with its group, namespace, name."""


def _kind(group: str, version: str, kind: str, plural: str, *, is_namespaced: bool = True) -> ApiResource:
    return ApiResource(group=group, version=version, kind=kind, plural=plural, is_namespaced=is_namespaced, verbs=VERBS)


BUILT_IN = (
    _kind("", "v1", "ConfigMap", "configmaps"),
    _kind("", "v1", "Secret", "secrets"),
    _kind("", "v1", "Namespace", "namespaces", is_namespaced=False),
    _kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", is_namespaced=False),
)


@dataclass(slots=True)
class _Stored:
    resource: ApiResource
    namespace: str
    name: str
    uid: str
    version: int
    managed: Managed
    ends: bool = False
    """Whether it is to go as soon as its finalizers are done."""

    @property
    def finalizers(self) -> list[str]:
        live: Any = self.managed.live
        return list((live.get("metadata") or {}).get("finalizers") or ())

    def body(self) -> Object:
        live: Any = deepcopy(self.managed.live)
        said = live.pop("metadata", None) or {}
        metadata: Object = {
            **said,
            "name": self.name,
            **({"namespace": self.namespace} if self.namespace else {}),
            "uid": self.uid,
            "resourceVersion": str(self.version),
            "creationTimestamp": CREATED,
            **({"deletionTimestamp": CREATED} if self.ends else {}),
            "managedFields": [
                {
                    "manager": each["manager"],
                    "operation": "Apply" if each["own"].is_applied else "Update",
                    "apiVersion": each["own"].version,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": fields_v1(each["own"].fields),
                }
                for each in entries(self.managed)
            ],
        }
        return {"apiVersion": self.resource.api_version, "kind": self.resource.kind, "metadata": metadata, **live}


@dataclass(frozen=True, slots=True)
class _Event:
    version: int
    verb: str
    key: Key
    item: Object


class _No(Exception):
    """The Status of a refusal."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.answer = _said(
            code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code, "details": details}
        )


@dataclass(slots=True)
class SimulatedCluster:
    """`is_silent`: nobody answers. `has_streaming`: whether lists may come as watches (Kubernetes 1.32)."""

    clock: Clock
    random: Random
    server: str = "https://simulated"
    can_renew: bool = False
    is_silent: bool = False
    has_streaming: bool = True
    kinds: dict[tuple[str, str, str], ApiResource] = field(default_factory=dict)
    """By group, version and plural."""
    requests: list[str] = field(default_factory=list)
    """What was asked, by verb and path."""
    _objects: dict[Key, _Stored] = field(default_factory=dict)
    _defaults: dict[str, Any] = field(default_factory=dict)
    """By kind: the schema that its definition gave."""
    _events: list[_Event] = field(default_factory=list)
    _forgotten: int = 0
    _version: int = 100
    _number: int = 0
    _listeners: list[Wakeup] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kinds |= {(each.group, each.version, each.plural): each for each in BUILT_IN}
        self.write("somebody", "v1", "namespaces", "", "default", {})

    # What somebody else does, at once

    def write(self, manager: str, api_version: str, plural: str, namespace: str, name: str, patch: Object) -> None:
        """Merge `patch` into an object (RFC 7386) as another manager does; it is made where it is not there."""
        group, _, version = api_version.rpartition("/")
        resource = self.kinds[group, version, plural]
        stored = self._objects.get((resource.name, namespace, name)) or self._new(resource, namespace, name)
        self._change(stored, stored.managed.update(manager, resource.api_version, _merged(stored.managed.live, patch)))

    def apply_as(self, manager: str, api_version: str, plural: str, namespace: str, name: str, manifest: Object) -> None:
        """Apply an object on the server's side as another manager does, by force."""
        group, _, version = api_version.rpartition("/")
        self._apply(self.kinds[group, version, plural], namespace, name, {"fieldManager": manager, "force": "true"}, manifest)

    def take(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object, whatever its finalizers say."""
        key = next(key for key, stored in self._objects.items() if (stored.resource.plural, *key[1:]) == (plural, namespace, name))
        self._remove(self._objects[key])

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        found = (each for each in self._objects.values() if (each.resource.plural, each.namespace, each.name) == (plural, namespace, name))
        return next((each.body() for each in found), None)

    def forget(self) -> None:
        """Compact: no watch and no page can go on from before now."""
        self._events.clear()
        self._forgotten = self._version

    def hang_up(self) -> None:
        """End every watch."""
        for bell in self._listeners:
            bell.wake()
        self._listeners.clear()

    # The wire

    async def send(self, question: Question, *, is_refused: bool = False) -> Answer:
        await self._pause()
        self.requests.append(f"{question.method} {question.path}")
        try:
            return self._answer(question)
        except _No as no:
            return no.answer

    @asynccontextmanager
    async def stream(self, question: Question, *, is_refused: bool = False) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        await self._pause()
        self.requests.append(f"WATCH {question.path}")
        query = dict(question.query)
        bell = Wakeup()
        try:
            resource, namespace, _ = self._place(question.path)
            is_initial = query.get("sendInitialEvents") == "true"
            if is_initial and not self.has_streaming:
                message = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
                raise _No(422, "Invalid", message)
            after = self._version if is_initial or not query.get("resourceVersion") else int(query["resourceVersion"])
            if after < self._forgotten and self.random.random() < 0.5:  # a server says so by its status, or in the first event
                raise _No(410, "Expired", f"too old resource version: {after} ({self._forgotten})")
        except _No as no:
            yield no.answer, _nothing()
            return
        self._listeners.append(bell)
        try:
            first = self._all(resource, namespace) if is_initial else None
            yield Answer(status=200), self._lines(resource, namespace, after, first, bell, float(query.get("timeoutSeconds", "300")))
        finally:
            if bell in self._listeners:
                self._listeners.remove(bell)

    async def aclose(self) -> None:
        pass

    async def _pause(self) -> None:
        await self.clock.sleep(ACT_S * self.random.random())
        if self.is_silent:
            raise Unavailable("HF3300", f"cannot ask {self.server}: connection refused")

    async def _lines(
        self, resource: ApiResource, namespace: str, after: int, first: list[_Stored] | None, bell: Wakeup, seconds: float
    ) -> AsyncIterator[bytes]:
        def line(verb: str, item: Object) -> bytes:
            return json.dumps({"type": verb, "object": item}).encode()

        def bookmark(**annotations: str) -> bytes:
            metadata = {"resourceVersion": str(after), **({"annotations": annotations} if annotations else {})}
            return line("BOOKMARK", {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata})

        if first is not None:
            for stored in first:
                yield line("ADDED", stored.body())
            yield bookmark(**{"k8s.io/initial-events-end": "true"})
        ends, told = self.clock.monotonic() + seconds, self.clock.monotonic()
        while bell in self._listeners and self.clock.monotonic() < ends:
            if after < self._forgotten:
                yield line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})
                return
            news = [each for each in self._events if each.version > after]
            for each in news:
                after = each.version
                if each.key[0] == resource.name and namespace in ("", each.key[1]):
                    await self.clock.sleep(ACT_S * self.random.random())
                    if self.is_silent or bell not in self._listeners:
                        return
                    yield line(each.verb, each.item)
            if not news:
                await bell.wait_until(self.clock.monotonic() + min(BOOKMARK_S, ends - self.clock.monotonic()))
                if self.clock.monotonic() - told >= BOOKMARK_S:
                    told, after = self.clock.monotonic(), max(after, self._version)
                    yield bookmark()

    def _answer(self, question: Question) -> Answer:
        if question.path in ("/api", "/apis"):
            return _said(200, self._discovery(is_core=question.path == "/api"))
        resource, namespace, name = self._place(question.path)
        query = dict(question.query)
        match question.method:
            case "GET" if name:
                return _said(200, self._get(resource, namespace, name).body())
            case "GET":
                return _said(200, self._page(resource, namespace, query, is_short="PartialObjectMetadata" in question.accept))
            case "PATCH" if question.kind == JSON_PATCH:
                return self._patch(self._get(resource, namespace, name), query, json.loads(question.body or b"[]"))
            case "PATCH":
                return self._apply(resource, namespace, name, query, json.loads(question.body or b"{}"))
            case "DELETE":
                return self._delete(resource, namespace, name, json.loads(question.body or b"{}"))
        raise _No(405, "MethodNotAllowed", f"the server does not allow {question.method}")

    def _place(self, path: str) -> tuple[ApiResource, str, str]:
        """Return kind, namespace and name of a path. 404 without a name where the kind is not served."""
        steps = [unquote(step) for step in path.strip("/").split("/")]
        group, version, rest = ("", steps[1], steps[2:]) if steps[0] == "api" else (steps[1], steps[2], steps[3:])
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        if (resource := self.kinds.get((group, version, rest[0]))) is None:
            raise _No(404, "NotFound", "the server could not find the requested resource")
        return resource, namespace, rest[1] if len(rest) > 1 else ""

    def _discovery(self, *, is_core: bool) -> Object:
        groups: dict[str, dict[str, list[Object]]] = {}
        for each in self.kinds.values():
            if (each.group == "") is is_core:
                groups.setdefault(each.group, {}).setdefault(each.version, []).append(
                    {
                        "resource": each.plural,
                        "responseKind": {"group": each.group, "version": each.version, "kind": each.kind},
                        "scope": "Namespaced" if each.is_namespaced else "Cluster",
                        "verbs": sorted(each.verbs),
                    }
                )
        items = [
            {"metadata": {"name": group}, "versions": [{"version": version, "resources": each} for version, each in versions.items()]}
            for group, versions in groups.items()
        ]
        return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}

    def _all(self, resource: ApiResource, namespace: str) -> list[_Stored]:
        keys = sorted(key for key in self._objects if key[0] == resource.name and namespace in ("", key[1]))
        return [self._objects[key] for key in keys]

    def _page(self, resource: ApiResource, namespace: str, query: Mapping[str, str], *, is_short: bool) -> Object:
        version, after = self._version, ("", "")
        if token := query.get("continue"):
            at, *rest = json.loads(token)
            version, after = at, (rest[0], rest[1])
            if version < self._forgotten:
                raise _No(410, "Expired", "The provided continue parameter is too old")
        there = [each for each in self._all(resource, namespace) if (each.namespace, each.name) > after]
        page, limit = there, int(query.get("limit") or "0")
        metadata: Object = {"resourceVersion": str(version)}
        if limit and len(there) > limit:
            page = there[:limit]
            metadata["continue"] = json.dumps([version, page[-1].namespace, page[-1].name])
        bodies = [each.body() for each in page]
        items = [{"metadata": body["metadata"]} for body in bodies] if is_short else bodies
        return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}

    def _get(self, resource: ApiResource, namespace: str, name: str) -> _Stored:
        if (stored := self._objects.get((resource.name, namespace, name))) is None:
            raise _No(404, "NotFound", f'{resource.plural} "{name}" not found', name=name, kind=resource.plural)
        return stored

    def _apply(self, resource: ApiResource, namespace: str, name: str, query: Mapping[str, str], manifest: Object) -> Answer:
        if resource.is_namespaced and ("Namespace", "", namespace) not in self._objects:
            raise _No(404, "NotFound", f'namespaces "{namespace}" not found', name=namespace, kind="namespaces")
        found = self._objects.get((resource.name, namespace, name))
        stored = found or self._new(resource, namespace, name)
        manager = query["fieldManager"]
        try:
            managed = stored.managed.apply(manager, resource.api_version, _own(manifest), force=query.get("force") == "true")
        except FieldConflict as conflict:
            causes = [
                {"reason": "FieldManagerConflict", "message": f'conflict with "{each.manager}"', "field": shown(each.path)}
                for each in conflict.contested
            ]
            message = f"Apply failed with {len(causes)} conflict: {causes[0]['message']}: {causes[0]['field']}"
            raise _No(409, "Conflict", message, causes=causes) from None
        schema = self._defaults.get(resource.name)
        if schema is not None:
            managed = Managed(live=_with_defaults(managed.live, schema), managers=managed.managers)
        if query.get("dryRun"):
            held, stored.managed = stored.managed, managed
            body = stored.body()
            stored.managed = held
            return _said(200, body)
        self._change(stored, managed)
        if resource.name == CRD and found is None:
            self._define(stored)
        return _said(200 if found else 201, stored.body())

    def _patch(self, stored: _Stored, query: Mapping[str, str], operations: list[Object]) -> Answer:
        try:
            managed = patched(stored.body(), stored.managed, operations, query["fieldManager"])
        except Unpatchable as no:
            raise _No(no.code, no.reason, str(no), name=stored.name, kind=stored.resource.plural) from None
        self._change(stored, managed)
        return _said(200, stored.body())

    def _define(self, stored: _Stored) -> None:
        live: Any = stored.managed.live
        spec = live["spec"]
        version = spec["versions"][0]
        kind = _kind(
            spec["group"],
            version["name"],
            spec["names"]["kind"],
            spec["names"]["plural"],
            is_namespaced=spec["scope"] == "Namespaced",
        )
        asyncio.get_running_loop().call_later(ESTABLISHED_S, self._establish, kind, version["schema"]["openAPIV3Schema"])

    def _establish(self, kind: ApiResource, schema: Any) -> None:
        self.kinds[kind.group, kind.version, kind.plural] = kind
        self._defaults[kind.name] = schema
        status = {"status": {"conditions": [{"type": "Established", "status": "True"}, {"type": "NamesAccepted", "status": "True"}]}}
        self.write("kube-apiserver", "apiextensions.k8s.io/v1", "customresourcedefinitions", "", f"{kind.plural}.{kind.group}", status)

    def _delete(self, resource: ApiResource, namespace: str, name: str, options: Object) -> Answer:
        stored = self._get(resource, namespace, name)
        uid = (options.get("preconditions") or {}).get("uid")
        if uid and uid != stored.uid:
            message = f"the UID in the precondition ({uid}) does not match the UID in record ({stored.uid})"
            raise _No(409, "Conflict", message, name=name, kind=resource.plural)
        if options.get("dryRun"):
            return _said(200, stored.body())
        if not stored.finalizers:
            self._remove(stored)
        elif not stored.ends:
            stored.ends = True
            self._tell(stored, "MODIFIED")
        return _said(200, {"kind": "Status", "status": "Success"})

    # What is kept

    def _new(self, resource: ApiResource, namespace: str, name: str) -> _Stored:
        self._number += 1
        return _Stored(resource, namespace, name, f"uid-{self._number}", 0, Managed())

    def _change(self, stored: _Stored, managed: Managed) -> None:
        if stored.version and managed == stored.managed:
            return
        is_new = not stored.version
        stored.managed = managed
        self._objects[stored.resource.name, stored.namespace, stored.name] = stored
        if stored.ends and not stored.finalizers:
            self._remove(stored)
        else:
            self._tell(stored, "ADDED" if is_new else "MODIFIED")

    def _remove(self, stored: _Stored) -> None:
        del self._objects[stored.resource.name, stored.namespace, stored.name]
        self._tell(stored, "DELETED")

    def _tell(self, stored: _Stored, verb: str) -> None:
        self._version += 1
        stored.version = self._version
        self._events.append(_Event(self._version, verb, (stored.resource.name, stored.namespace, stored.name), stored.body()))
        if len(self._events) > REMEMBERED:
            self._forgotten = self._events.pop(0).version
        for bell in self._listeners:
            bell.wake()


def _said(status: int, body: Json) -> Answer:
    return Answer(status=status, body=json.dumps(body).encode())


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


def _own(manifest: Object) -> Object:
    """Return what a manager can own of a manifest: not what names it (the API server's `stripMeta`)."""
    own = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key not in ("name", "namespace")}
    return {**own, **({"metadata": metadata} if metadata else {})}


def _merged(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for key, each in patch.items():
        if each is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), each)
    return merged


def _with_defaults(value: Any, schema: Any) -> Any:
    """Return `value` with the defaults of a structural schema."""
    if isinstance(value, dict):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        full = {name: _with_defaults(each, properties.get(name) or {}) for name, each in value.items()}
        missing = {name: deepcopy(each["default"]) for name, each in properties.items() if name not in full and "default" in each}
        return {**full, **missing}
    if isinstance(value, list):
        return [_with_defaults(each, schema.get("items") or {}) for each in value]
    return value
