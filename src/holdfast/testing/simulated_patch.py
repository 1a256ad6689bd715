"""A JSON patch (RFC 6902) as an API server takes it: of the whole object, its record of owners and its version among it.

Used by simulated_cluster. As the server has it (`rest.DefaultUpdate`, `fieldmanager`): what the patch makes of `metadata.managedFields` is
who owns what from then on, an empty record begins a new one; whoever patches owns what else it changed; another version than the one that
is there is a conflict, none asks for no version; another name or uid is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import read_fields
from holdfast.kubernetes.kustomize.json_patch import apply
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.server_side_apply import Managed, Ownership

KIND = "application/json-patch+json"
_BY_SERVER = frozenset({"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields", "name", "namespace"})
_UPDATE = " (update)"
"""After the name of a manager that also applied, so that its two entries are not one."""


class Unpatchable(Exception):
    """Why the server refuses a patch: an HTTP status, its reason, and words."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


def entries(managed: Managed) -> list[dict[str, Any]]:
    """Return the owners of an object by name as they are told: name, and what each owns."""
    return [{"manager": key.removesuffix(_UPDATE), "own": own} for key, own in sorted(managed.managers.items())]


def patched(body: Mapping[str, Any], managed: Managed, operations: Sequence[Mapping[str, Json]], manager: str) -> Managed:
    """Return what a patch makes of an object whose `body` is the whole one. Raises Unpatchable."""
    try:
        after = apply(deepcopy(dict(body)), operations)
    except Trouble as trouble:
        raise Unpatchable(422, "Invalid", f"the server rejected our request due to an error in our request: {trouble}") from None
    before, metadata = body["metadata"], after.get("metadata") or {}
    if metadata.get("name") != before["name"]:
        raise Unpatchable(400, "BadRequest", "the name of the object does not match the name on the URL")
    if metadata.get("uid") not in (None, before["uid"]):
        message = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {before['uid']}"
        raise Unpatchable(409, "Conflict", message)
    if metadata.get("resourceVersion") not in (None, "", before["resourceVersion"]):
        message = "the object has been modified; please apply your changes to the latest version and try again"
        raise Unpatchable(409, "Conflict", message)
    record = metadata.get("managedFields") or []
    held = replace(managed, managers=_owners(record)) if record != before["managedFields"] else managed
    live = _live(after)
    if live == managed.live:
        return held
    has_applied = manager in held.managers and held.managers[manager].is_applied
    return held.update(manager + _UPDATE if has_applied else manager, str(body["apiVersion"]), live)


def _owners(record: Sequence[Mapping[str, Any]]) -> dict[str, Ownership]:
    found: dict[str, Ownership] = {}
    for each in record:
        name, is_applied = str(each["manager"]), each["operation"] == "Apply"
        key = f"{name}{_UPDATE}" if name in found else name
        found[key] = Ownership(fields=read_fields(each.get("fieldsV1")), version=str(each["apiVersion"]), is_applied=is_applied)
    return found


def _live(item: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = {key: value for key, value in (item.get("metadata") or {}).items() if key not in _BY_SERVER}
    return {**own, **({"metadata": metadata} if metadata else {})}
