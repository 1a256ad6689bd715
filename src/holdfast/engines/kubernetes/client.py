"""Client: the verbs of the Kubernetes API that Holdfast needs, on plain values.

Thin: discovery, get, list, server-side apply as field manager `holdfast`, delete with propagation, watch with bookmarks. Objects are plain
dictionaries as the server wrote them. Neighbours: transport (how it is asked), watching (lists and watches that go on), engine (what for).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from holdfast.engines.kubernetes.answer import Gone, NotFound, Question
from holdfast.engines.kubernetes.transport import Transport
from holdfast.errors import Conflict, Rejected, Unavailable
from holdfast.kubernetes.discovery import ApiResource, Discovery, read_discovery

MANAGER = "holdfast"
PAGE = 500
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
WATCH_S = 290
"""After so long the server ends a watch of ours; it is then resumed where it was. A little less than many proxies allow."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    items: tuple[Object, ...]
    version: str
    """Resource version of the list: where a watch goes on."""
    next: str = ""
    """Token of the next page; empty on the last."""


class Client:
    """Of one server. Close it when done."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery: Discovery | None = None
        self._version = ""

    @property
    def server(self) -> str:
        return self._transport.server

    @property
    def requests(self) -> int:
        return self._transport.requests

    async def discover(self, *, anew: bool = False) -> Discovery:
        """Return what the server serves: two requests, then from memory."""
        if self._discovery is None or anew:
            found = Discovery()
            for path in ("/api", "/apis"):
                question = Question(method="GET", path=path, accept=AGGREGATED, verb="ask for", subject="what is served")
                answer = await self._transport.ask(question)
                try:
                    found = found.joined(read_discovery(answer.json()))
                except ValueError as error:
                    hint = "it needs Kubernetes 1.30 or later"
                    raise Rejected("HF3311", f"cannot use {self.server}: it answers without aggregated discovery", hint=hint) from error
            self._discovery = found
        return self._discovery

    async def version(self) -> str:
        """Return the version of the server, such as `v1.34.1`; one request, then from memory."""
        if not self._version:
            question = Question(method="GET", path="/version", verb="ask for", subject="the version")
            said = (await self._transport.ask(question)).json()
            self._version = str(said.get("gitVersion") or "") if isinstance(said, dict) else ""
        return self._version

    async def kind(self, name: str, version: str = "") -> ApiResource | None:
        """Return how a kind is asked for, looking again once where it is not known: a definition may be new."""
        found = (await self.discover()).find(name, version)
        return found if found is not None else (await self.discover(anew=True)).find(name, version)

    async def get(self, resource: ApiResource, namespace: str, name: str) -> Object | None:
        question = Question(method="GET", path=resource.path(namespace, name), verb="read", subject=_shown(resource, namespace, name))
        try:
            answer = await self._transport.ask(question)
        except NotFound:
            return None
        found: Object = answer.json()
        return found

    async def page(
        self,
        resource: ApiResource,
        *,
        namespace: str = "",
        selector: str = "",
        fields: str = "",
        after: str = "",
        limit: int = PAGE,
        metadata_only: bool = False,
    ) -> Page:
        """Return one page of a list. Raises Gone where `after` is too old."""
        query = [("limit", str(limit))]
        query += [("continue", after)] if after else []
        query += [("labelSelector", selector)] if selector else []
        query += [("fieldSelector", fields)] if fields else []
        question = Question(
            method="GET",
            path=resource.path(namespace),
            query=tuple(query),
            accept=METADATA_ONLY if metadata_only else "application/json",
            verb="list",
            subject=resource.name,
        )
        found = (await self._transport.ask(question)).json()
        metadata = found.get("metadata") or {}
        items = found.get("items") or []
        for item in items:  # a list names the kind once
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return Page(items=tuple(items), version=str(metadata.get("resourceVersion") or ""), next=str(metadata.get("continue") or ""))

    async def apply(
        self, resource: ApiResource, namespace: str, name: str, manifest: Mapping[str, Any], *, force: bool = True, dry_run: bool = False
    ) -> Object:
        """Apply `manifest` on the server's side as `holdfast`; return what it made of it.

        `force` takes fields over from other managers. Raises `Conflict` (HF3305) without it, naming who owns them, and `Rejected`
        (HF3321) where its namespace is not there.
        """
        query = [("fieldManager", MANAGER), ("fieldValidation", "Strict")]
        query += [("force", "true")] if force else []
        query += [("dryRun", "All")] if dry_run else []
        question = Question(
            method="PATCH",
            path=resource.path(namespace, name),
            query=tuple(query),
            body=orjson.dumps(manifest),  # JSON is YAML
            kind=APPLY,
            verb="apply",
            subject=_shown(resource, namespace, name),
            is_safe=True,
        )
        try:
            found: Object = (await self._transport.ask(question)).json()
        except NotFound as absent:  # its namespace: what is not there is made
            raise absent.error from None
        return found

    async def merge(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        manager: str,
        subresource: str = "",
        is_strict: bool = True,
    ) -> Object:
        """Change what a merge patch (RFC 7386) names, as field manager `manager`; with a resourceVersion in it, of that version only.

        Not `is_strict`: what the server's schema does not know is left out, and the rest is taken.
        """
        question = Question(
            method="PATCH",
            path=resource.path(namespace, name, subresource),
            query=(("fieldManager", manager), ("fieldValidation", "Strict" if is_strict else "Ignore")),
            body=orjson.dumps(patch),
            kind=MERGE,
            verb="change",
            subject=_shown(resource, namespace, name),
        )
        found: Object = (await self._transport.ask(question)).json()
        return found

    async def replace(self, resource: ApiResource, namespace: str, name: str, manifest: Mapping[str, Any]) -> Object:
        """Put `manifest` in place of the whole object, whose resource version it names. Raises Conflict where that has moved on."""
        return await self._write("PUT", resource, namespace, name, manifest, "application/json", "replace")

    async def create(self, resource: ApiResource, namespace: str, manifest: Mapping[str, Any], *, manager: str = MANAGER) -> Object:
        """Create an object. Raises Conflict where there is one already."""
        return await self._write("POST", resource, namespace, "", manifest, "application/json", "create", manager)

    async def patch(self, resource: ApiResource, namespace: str, name: str, operations: list[dict[str, Any]]) -> Object:
        """Change an object by a JSON patch (RFC 6902)."""
        return await self._write("PATCH", resource, namespace, name, operations, "application/json-patch+json", "patch")

    async def _write(
        self,
        method: str,
        resource: ApiResource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | list[Any],
        kind: str,
        verb: str,
        manager: str = MANAGER,
    ) -> Object:
        question = Question(
            method=method,
            path=resource.path(namespace, name),
            query=(("fieldManager", manager), ("fieldValidation", "Strict")),
            body=orjson.dumps(body),
            kind=kind,
            verb=verb,
            subject=_shown(resource, namespace, name),
        )
        try:
            found: Object = (await self._transport.ask(question)).json()
        except NotFound as error:
            raise Conflict("HF3305", f"cannot {verb} {question.subject}: it is not there any more") from error
        return found

    async def delete(
        self, resource: ApiResource, namespace: str, name: str, *, propagation: str = "Background", uid: str = "", dry_run: bool = False
    ) -> bool:
        """Ask for an object to go; False where it is not there. With `uid` only that very one.

        `propagation`: Foreground, Background or Orphan (Argo CD's PrunePropagationPolicy, capitalised).
        """
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]
        question = Question(
            method="DELETE",
            path=resource.path(namespace, name),
            body=orjson.dumps(options),
            verb="delete",
            subject=_shown(resource, namespace, name),
            is_safe=True,
        )
        try:
            await self._transport.ask(question)
        except NotFound:
            return False
        return True

    @asynccontextmanager
    async def watch(
        self, resource: ApiResource, *, namespace: str = "", selector: str = "", version: str = "", initial: bool = False
    ) -> AsyncIterator[AsyncIterator[tuple[str, Object]]]:
        """Open a watch and yield type and object of each event, BOOKMARK too. The block ends it.

        `initial`: a streaming list; what is there comes first as ADDED, ended by a bookmark with `k8s.io/initial-events-end`.
        """
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(WATCH_S))]
        if initial:
            query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]
        query += [("resourceVersion", version)] if version or initial else []
        query += [("labelSelector", selector)] if selector else []
        question = Question(method="GET", path=resource.path(namespace), query=tuple(query), verb="watch", subject=resource.name)
        async with self._transport.stream(question) as lines:
            yield _events(lines, question)

    @asynccontextmanager
    async def log(
        self, namespace: str, pod: str, container: str, *, follow: bool = False, tail: int | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open the log of a container and yield its lines, each after its time (RFC 3339); the block ends it.

        `since`: RFC 3339 to the second. Raises NotFound where the pod is gone, `Rejected` where the container has not started.
        """
        query = [("container", container), ("timestamps", "true")]
        query += [("follow", "true")] if follow else []
        query += [("tailLines", str(tail))] if tail is not None else []
        query += [("sinceTime", since)] if since else []
        path = "/".join(("/api/v1/namespaces", quote(namespace, safe=""), "pods", quote(pod, safe=""), "log"))
        subject = f"Pod/{namespace}/{pod}:{container}"
        question = Question(method="GET", path=path, query=tuple(query), accept="*/*", verb="read the log of", subject=subject)
        async with self._transport.stream(question) as lines:
            yield lines

    async def latency(self) -> float:
        """Return how long the server takes to say that it lives, in seconds."""
        began = time.monotonic()
        await self._transport.ask(Question(method="GET", path="/livez", accept="*/*", verb="look at", subject=self.server))
        return time.monotonic() - began

    async def aclose(self) -> None:
        await self._transport.aclose()


async def _events(lines: AsyncIterator[bytes], question: Question) -> AsyncIterator[tuple[str, Object]]:
    """Yield what a watch says. Raises Gone where it cannot go on from its version, `Unavailable` (HF3308) where the server gives it up."""
    async for line in lines:
        event = orjson.loads(line)
        verb, item = event["type"], event["object"]
        if verb == "ERROR":
            if item.get("code") == 410:
                raise Gone(question.subject)
            raise Unavailable("HF3308", f"cannot watch {question.subject}: {item.get('message') or 'the server gave it up'}")
        yield verb, item


def _shown(resource: ApiResource, namespace: str, name: str) -> str:
    return "/".join(part for part in (resource.name, namespace, name) if part)
