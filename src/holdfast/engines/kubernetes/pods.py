"""The pods of one object of a cluster: looked for by its selector, by its name, or through the Jobs of a CronJob."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from holdfast.engines.kubernetes.client import Client, Object
from holdfast.errors import Rejected
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.object_id import namespace_of
from holdfast.kubernetes.pod import OF_JOB, is_owned, selector_of
from holdfast.model.ids import ResourceId

POD = ApiResource(group="", version="v1", kind="Pod", plural="pods", is_namespaced=True, verbs=frozenset())


class Pods:
    def __init__(self, client: Client, id: ResourceId) -> None:
        self._client = client
        self._id = id
        self._selector: str | None = None
        self._uid = ""
        self._jobs: frozenset[str] = frozenset()
        self.version = ""
        """Of the last look: where a watch goes on."""

    async def found(self) -> list[Object]:
        """Return the pods that there are now, by name. Raises `Rejected` (HF3342) where the object is not there, or can have no pods."""
        if not self._uid:
            await self._begin()
        if self._id.kind == "batch/CronJob":
            await self._find_jobs()
        namespace, pods, after = namespace_of(self._id), list[Object](), ""
        while True:
            page = await self._client.page(POD, namespace=namespace, selector=self._selector or "", after=after)
            pods += page.items
            self.version, after = page.version, page.next
            if not after:
                return [pod for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])) if await self.accepts(pod)]

    def watch(self, version: str) -> AbstractAsyncContextManager[AsyncIterator[tuple[str, Object]]]:
        return self._client.watch(POD, namespace=namespace_of(self._id), selector=self._selector or "", version=version)

    async def accepts(self, pod: Object) -> bool:
        """Say whether a pod that the selector let through is one of the object's."""
        if self._id.kind == "Pod":
            return bool(pod["metadata"]["name"] == self._id.name)
        if self._id.kind == "batch/CronJob":
            job = (pod["metadata"].get("labels") or {}).get(OF_JOB)
            if job is not None and job not in self._jobs:
                await self._find_jobs()
            return job in self._jobs
        return True

    async def _begin(self) -> None:
        id = self._id
        resource = await self._client.kind(id.kind)
        live = await self._client.get(resource, namespace_of(id), id.name) if resource is not None else None
        if live is None:
            raise Rejected("HF3342", f"cannot find the pods of {id}: it is not there", hint="`holdfast status` shows what is there")
        self._uid = str(live["metadata"]["uid"])
        self._selector = OF_JOB if id.kind == "batch/CronJob" else selector_of(live)
        if self._selector is None and id.kind != "Pod":
            raise Rejected("HF3342", f"cannot find the pods of {id}: it selects none")

    async def _find_jobs(self) -> None:
        resource = await self._client.kind("batch/Job")
        if resource is not None:
            page = await self._client.page(resource, namespace=namespace_of(self._id))
            self._jobs = frozenset(str(job["metadata"]["uid"]) for job in page.items if is_owned(job, self._uid))
