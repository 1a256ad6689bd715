"""Projection: of a live object, what is ours, in the form of a manifest.

The server records which fields our field manager applied; those fields alone, with what names the object, are what the manifest said,
as far as the object still says it. So drift is a comparison of two manifests, and needs neither a schema nor a request. Laws: after an
apply that the server took as it was, the projection is the manifest's normal form; what others own never shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import FieldSet, Path, find, place
from holdfast.kubernetes.normal import normalize


def project(live: Mapping[str, Json], ours: FieldSet) -> dict[str, Json]:
    """Return the normal form of what `ours` names of `live`, with apiVersion, kind, name and namespace."""
    tree = _tree(ours)
    picked = _pick(dict(live), tree) if tree else {}
    form = picked if isinstance(picked, dict) else {}
    metadata, there = form.get("metadata"), live.get("metadata")
    named: dict[str, Json] = {key: value for key, value in there.items() if key in ("name", "namespace")} if isinstance(there, dict) else {}
    form["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), **named}
    return normalize({**form, "apiVersion": live.get("apiVersion"), "kind": live.get("kind")})


class _Node(dict[str, "_Node"]):
    """Steps beneath a step."""


def _tree(paths: FieldSet) -> _Node:
    root = _Node()
    for path in paths:
        node = root
        for step in path:
            node = node.setdefault(step, _Node())
    return root


def _pick(value: Json, node: _Node) -> Json:
    if not node:
        return value  # owned whole
    if isinstance(value, dict):
        found: dict[str, Json] = {}
        for step, inner in node.items():
            there, each = find(value, step)
            if there:
                found[step[2:]] = _pick(each, inner)
        return found
    if isinstance(value, list):
        picked: dict[int, Json] = {}
        for step, inner in node.items():
            at = _at(value, step)
            if at is not None:
                picked[at] = _pick(value[at], inner) if inner else value[at]
        return [picked[at] for at in sorted(picked)]
    return value


def _at(items: list[Json], step: str) -> int | None:
    if step[:2] == "i:":
        return int(step[2:]) if int(step[2:]) < len(items) else None
    return place(items, step) if step[:2] in ("k:", "v:") else None


def taken(ours: FieldSet, before: FieldSet, owners: Mapping[Path, tuple[str, ...]]) -> dict[Path, str]:
    """Return the fields that were ours and are somebody else's now, each with who has it."""
    return {path: owners[path][0] for path in before - ours if owners.get(path)}
