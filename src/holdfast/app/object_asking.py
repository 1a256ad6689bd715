"""Asking: what an Application object asks for by its `operation` and by the annotation `argocd.argoproj.io/refresh`, done and taken away.

An operation is taken away when it is taken up, so that it is done once; how it ends is told in `operationState`. A refresh is taken away
when it was done, since who asked waits for that. One at a time for each Application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from holdfast.controllers.sync.lane import Ask, Request
from holdfast.core.selection import patterns
from holdfast.delivery.live_object import REFRESH, refresh_of
from holdfast.delivery.object_status import ERROR, FAILED, SUCCEEDED, Asked
from holdfast.delivery.operation_request import Requested, read_operation
from holdfast.engines.kubernetes.application_objects import APPLICATION, ApplicationObjects
from holdfast.errors import Conflict, EngineError, HoldfastError, Refused, UsageError
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Tasks
from holdfast.model.operation import Operation, Phase
from holdfast.model.resource import Desired

SEEN_S = 0.2
"""How soon the watch is expected to have told what the server has said already."""
Object = Mapping[str, Any]


class Sync(Protocol):
    async def request(self, name: str, request: Request) -> Operation | None: ...


class Host(Protocol):
    """Whom the Applications of objects are served by."""

    @property
    def names(self) -> frozenset[str]: ...

    def is_of_a_file(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingNeeds:
    objects: Callable[[], ApplicationObjects]
    host: Callable[[], Host]
    sync: Callable[[], Sync]
    refresh: Callable[[str], Coroutine[Any, Any, None]]
    desired: Callable[[str], Desired | None]
    plan: Callable[[str, str | None, tuple[str, ...]], Coroutine[Any, Any, Mapping[str, Any]]]
    """The data of `Plan` for an Application, a revision, and resources."""
    clock: Clock
    crashed: Callable[[str, BaseException], None]


class ObjectAsking:
    """`run` until cancelled, with who is told that there is news of an Application."""

    def __init__(self, it: AskingNeeds) -> None:
        self._it = it
        self._asked: dict[str, Asked] = {}
        self._refreshed: set[str] = set()
        self._tasks = Tasks(it.crashed)
        self._mark: Callable[[str], None] | None = None

    def asked(self, name: str) -> Asked | None:
        """Return what was asked last, and what came of it."""
        return self._asked.get(name)

    def was_refreshed(self, name: str) -> bool:
        """Say once that a refresh was done."""
        was = name in self._refreshed
        self._refreshed.discard(name)
        return was

    def gone(self, name: str) -> None:
        self._asked.pop(name, None)
        self._refreshed.discard(name)

    async def run(self, mark: Callable[[str], None]) -> None:
        self._mark = mark
        async with self._tasks:
            await asyncio.Event().wait()

    def heard(self, name: str, item: Object) -> None:
        if item.get("operation") is not None:
            self._start(f"operate {name}", self._operate(name, item))
        if refresh_of(item) is not None:
            self._start(f"refresh {name}", self._refresh(name, item))

    def _start(self, task: str, work: Coroutine[Any, Any, None]) -> None:
        if self._mark is None or task in self._tasks.names():
            work.close()
        else:
            self._tasks.start(task, work, guard=True)

    def _tell(self, name: str) -> None:
        if self._mark is not None:
            self._mark(name)

    # Refresh

    async def _refresh(self, name: str, item: Object) -> None:
        with suppress(HoldfastError):  # it is told where the Application is shown
            await self._it.refresh(name)
        self._refreshed.add(name)
        with suppress(EngineError):  # the next news of the object has it again
            await self._it.objects().take_annotation(dict(item), REFRESH)
        self._tell(name)

    # Operation

    async def _operate(self, name: str, item: Object | None) -> None:
        """Take up what is asked for, and what is asked for meanwhile."""
        while item is not None and item.get("operation") is not None:
            began = Asked(operation=_dict(item["operation"]), started_at=self._it.clock.now())
            try:
                await self._it.objects().take_operation(dict(item))
            except Conflict:
                await self._it.clock.sleep(SEEN_S)  # it was changed meanwhile: what is there now counts
            except EngineError:
                return  # with the next news of the object
            else:
                await self._carry_out(name, read_operation(item["operation"], _dict(item.get("spec"))), began)
            item = self._it.objects().item(APPLICATION, name)

    async def _carry_out(self, name: str, asked: Requested, began: Asked) -> None:
        self._asked[name] = began
        self._tell(name)
        try:
            ended = await self._done(name, asked, began)
        except HoldfastError as error:
            phase = FAILED if isinstance(error, Refused | UsageError) else ERROR
            hint = f" ({error.hint})" if error.hint else ""
            ended = replace(began, phase=phase, message=f"{error.message}{hint}", finished_at=self._it.clock.now())
        if asked.unhonoured:
            ended = replace(ended, message="; ".join((ended.message, *(f"not honoured: {each}" for each in asked.unhonoured))))
        self._asked[name] = ended
        self._tell(name)

    async def _done(self, name: str, asked: Requested, began: Asked) -> Asked:
        """Do what was asked and return how it ended. Raises the HoldfastError in the way."""
        if asked.refused:
            raise Refused("HF6011", f"cannot sync {name}: {asked.refused}")
        if name not in self._it.host().names or self._it.host().is_of_a_file(name):
            raise Refused("HF6011", f"cannot sync {name}: what its object says is not followed", hint="its conditions say why")
        await self._it.refresh(name)
        desired = self._it.desired(name)
        revision = asked.revision if desired is None or desired.revision != asked.revision else ""
        if asked.is_dry_run:
            planned = await self._it.plan(name, revision or None, asked.resources)
            return replace(
                began,
                phase=SUCCEEDED,
                message=_told(planned),
                revision=revision or (desired.revision if desired else ""),
                finished_at=self._it.clock.now(),
            )
        if revision and not self._is_followed(name, revision):
            request = Request(ask=Ask.ROLLBACK, person=asked.person, revision=revision)
        else:
            request = Request(ask=Ask.SYNC, person=asked.person, prune=asked.prune, resources=patterns(asked.resources))
        done = await self._it.sync().request(name, request)
        if done is None:
            at, revision = self._it.clock.now(), desired.revision if desired is not None else ""
            return replace(began, phase=SUCCEEDED, message="nothing to do: all is in sync", revision=revision, finished_at=at)
        phase = {Phase.SUCCEEDED: SUCCEEDED, Phase.FAILED: FAILED}.get(done.phase, ERROR)
        return replace(began, phase=phase, message=done.message, revision=done.revision, finished_at=done.finished_at)

    def _is_followed(self, name: str, revision: str) -> bool:
        """Say whether a revision is what the Application follows anyway, by the name that it has there."""
        spec = _dict((self._it.objects().item(APPLICATION, name) or {}).get("spec"))
        sources = spec.get("sources")
        first = _dict(sources[0]) if isinstance(sources, list) and sources else _dict(spec.get("source"))
        return revision == (first.get("targetRevision") or "HEAD")


def _told(planned: Mapping[str, Any]) -> str:
    """Return what a plan would do, in words."""
    (it,) = planned["applications"]
    words = ", ".join(f"{change['verb']} {change['id']}" for change in it["changes"]) or "nothing to do"
    blocked = ", ".join(f"{each['id']} {each['reason']}" for each in it["blocked"])
    return f"dry run: {words}" + (f"; held: {blocked}" if blocked else "")


def _dict(value: object) -> Object:
    return value if isinstance(value, Mapping) else {}
