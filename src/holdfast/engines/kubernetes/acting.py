"""Actions on objects of a cluster: which there are, and doing one: the built-in ones, and those of a user's `argocd-cm`.

Done as a field manager of its own, so that the record of owners says who changed what: a change of a field that Git declares is drift
from then on, and is healed as any other. Nothing is done twice: a change names the version of the object that it was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from holdfast.engines.kubernetes.answer import NotFound
from holdfast.engines.kubernetes.client import Client, Object
from holdfast.errors import Conflict, Rejected
from holdfast.host.lua import Lua
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kubernetes.action import Action, Effect, built_in, leaves, merge_patch, read_discovery, read_effects, run_built_in
from holdfast.kubernetes.customization import ActionScripts, Customizations
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.object_id import kind_name, namespace_of
from holdfast.model.ids import ResourceId

MANAGER = "holdfast-action"
TRIES = 5
"""Of a change that meets a newer version of the object."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an action changed: fields of the object itself, and objects that it made (`batch/Job/shop/report-1`)."""

    changed: tuple[tuple[str, ...], ...]
    created: tuple[str, ...]


class Actions:
    def __init__(self, clients: Callable[[ResourceId], Client], *, said: Callable[[], Customizations], lua: Lua, clock: Clock) -> None:
        """`clients` returns the client of an id's cluster, or raises `Unavailable`; `said` what users say of kinds."""
        self._clients = clients
        self._said = said
        self._lua = lua
        self._clock = clock

    async def found(self, id: ResourceId) -> tuple[Action, ...]:
        """Return the actions of an object, by name. Raises `Rejected` HF3342 where it is not there, HF3340 and HF3341 of its script."""
        _, live = await self._live(id)
        return await self._of(id, live)

    async def run(self, id: ResourceId, name: str, params: Mapping[str, str]) -> Done:
        """Do an action. Raises `Rejected`: HF3342 no such object, HF3343 no such action, disabled, or a parameter is wrong."""
        for attempt in range(TRIES):
            resource, live = await self._live(id)
            effects = await self._effects(id, live, name, params)
            try:
                return await self._do(id, resource, live, effects)
            except Conflict as error:
                if attempt == TRIES - 1 or any(effect.operation == "create" for effect in effects):
                    raise Conflict(error.code, error.message, hint="it changes again and again; try once more") from error
        raise AssertionError("the last try returns or raises")

    async def _live(self, id: ResourceId) -> tuple[ApiResource, Object]:
        client = self._clients(id)
        resource = await client.kind(id.kind)
        live = await client.get(resource, namespace_of(id), id.name) if resource is not None else None
        if resource is None or live is None:
            raise Rejected("HF3342", f"cannot act on {id}: it is not there", hint="`holdfast status` shows what is there")
        return resource, live

    async def _of(self, id: ResourceId, live: Object) -> tuple[Action, ...]:
        scripts = self._said().of(id.kind).actions
        found = {} if scripts is not None and not scripts.merges else {each.name: each for each in built_in(live)}
        if scripts is not None:
            answer = await self._lua.run(scripts.discovery, f"the actions of {id.kind}", {"obj": _plain(live)})
            found |= {each.name: each for each in _read(id, lambda: read_discovery(answer))}
        return tuple(found[name] for name in sorted(found))

    async def _effects(self, id: ResourceId, live: Object, name: str, params: Mapping[str, str]) -> tuple[Effect, ...]:
        known = {each.name: each for each in await self._of(id, live)}
        action = known.get(name)
        if action is None:
            hint = f"it has {', '.join(known)}" if known else "its kind has none"
            raise Rejected("HF3343", f"cannot {name} {id}: there is no such action", hint=hint)
        if action.is_disabled:
            raise Rejected("HF3343", f"cannot {name} {id}: this action is disabled as the object is now")
        given = {**{key: value for key, value in action.params.items() if value is not None}, **params}
        if unknown := sorted(params.keys() - action.params.keys()):
            raise Rejected("HF3343", f"cannot {name} {id}: it has no parameter {unknown[0]}")
        scripts = self._said().of(id.kind).actions
        script = scripts.definitions.get(name) if scripts is not None else None
        if script is None:
            if isinstance(scripts, ActionScripts) and name not in {each.name for each in built_in(live)}:
                raise Rejected("HF3343", f"cannot {name} {id}: its definition has no script")
            return _read(id, lambda: run_built_in(_plain(live), name, given, self._clock.now()))
        asked: dict[str, Json] = {"obj": _plain(live), "actionParams": {**given}}
        answer = await self._lua.run(script, f"the action {name} of {id.kind}", asked)
        return _read(id, lambda: read_effects(answer, _plain(live)))

    async def _do(self, id: ResourceId, resource: ApiResource, live: Object, effects: tuple[Effect, ...]) -> Done:
        client = self._clients(id)
        created: list[str] = []
        changed: tuple[tuple[str, ...], ...] = ()
        for effect in sorted(effects, key=lambda each: each.operation, reverse=True):  # patches first: one that conflicts made nothing
            if effect.operation == "create":
                created.append(await self._create(client, id, effect.resource))
            elif patch := merge_patch(_plain(live), effect.resource):
                changed = (*changed, *leaves(patch))
                await self._patch(client, id, resource, live, patch)
        return Done(changed=tuple(sorted(set(changed))), created=tuple(created))

    async def _patch(self, client: Client, id: ResourceId, resource: ApiResource, live: Object, patch: Object) -> None:
        """Send a patch; what it says of the status goes to the subresource, where the kind has one."""
        status = patch.pop("status", None)
        version = str(live["metadata"]["resourceVersion"])
        if status is not None:
            try:
                asked = {"metadata": {"resourceVersion": version}, "status": status}
                done = await client.merge(resource, namespace_of(id), id.name, asked, manager=MANAGER, subresource="status")
                version = str(done["metadata"]["resourceVersion"])
            except NotFound:  # of the subresource, or of the object: the next question tells
                patch["status"] = status
        if patch:
            metadata = {**patch.get("metadata", {}), "resourceVersion": version}
            try:
                await client.merge(resource, namespace_of(id), id.name, {**patch, "metadata": metadata}, manager=MANAGER)
            except NotFound as error:
                raise Rejected("HF3342", f"cannot act on {id}: it went away meanwhile") from error

    async def _create(self, client: Client, id: ResourceId, manifest: Object) -> str:
        kind = kind_name(manifest)
        metadata = manifest["metadata"]
        resource = await client.kind(kind, str(manifest["apiVersion"]).rpartition("/")[2])
        if resource is None:
            raise Rejected("HF3343", f"cannot make {kind} for {id}: the cluster does not serve it")
        namespace = str(metadata.get("namespace") or namespace_of(id)) if resource.is_namespaced else ""
        made = await client.create(resource, namespace, manifest, manager=MANAGER)
        return "/".join(part for part in (kind, namespace, str(made["metadata"]["name"])) if part)


def _plain(live: Object) -> Object:
    """Return an object as scripts get it: as the server has it, without the record of owners."""
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return {**live, "metadata": metadata}


def _read(id: ResourceId, read: Callable[[], T]) -> T:
    """Return what `read` makes of an answer; what is wrong with it is the error of the action."""
    try:
        return read()
    except ValueError as error:
        raise Rejected("HF3343", f"cannot act on {id}: {error}") from error
