"""JSON patch: RFC 6902 over an object, with the liberties of evanphx/json-patch v4, which kustomize uses.

Those are: indices from the end (-1), and `test` for null of a key that is not there. Law: a patch that fails changes nothing that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import MISSING, Value, copied, count

_MOST_COPIED = 1_000_000
"""Values that `copy` may make in one patch."""


def is_json_patch(value: Json) -> bool:
    """Say whether a document is a list of operations."""
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def apply(value: Value, operations: Sequence[Mapping[str, Json]]) -> Value:
    """Return `value` after all operations; it is used up. Raises Trouble."""
    root = {"": value}
    made = 0
    for operation in operations:
        made += _apply(root, operation)
        if made > _MOST_COPIED:
            raise Trouble("HF1705", f"the JSON patch copies more than {_MOST_COPIED:,} values")
    return root[""]


def _apply(root: dict[str, Value], operation: Mapping[str, Json]) -> int:
    """Do one operation; return how many values it copied."""
    kind, path = operation.get("op"), operation.get("path")
    if not isinstance(kind, str) or not isinstance(path, str):
        raise Trouble("HF1705", "an operation of the JSON patch has no op or no path", "write op, path and, where it has one, value")
    place = f"{kind} {path}"
    if not path and kind not in {"replace", "test"}:
        raise Trouble("HF1705", f"{place}: there is nothing at this path")
    given = copied(operation.get("value"))
    match kind:
        case "add":
            _add(root, path, given, place)
        case "remove":
            _remove(root, path, place)
        case "replace":
            _replace(root, path, given, place)
        case "move" | "copy":
            source = operation.get("from")
            if not isinstance(source, str):
                raise Trouble("HF1705", f"{place}: `from` is missing")
            found = _get(*_parent(root, source, place), place)
            if kind == "move":
                _remove(root, source, place)
            elif found is not MISSING:
                found = copied(found)
            _add(root, path, None if found is MISSING else found, place)
            return count(found) if kind == "copy" else 0
        case "test":
            found = _get(*_parent(root, path, place), place)
            if not _equal(None if found is MISSING else found, given):
                raise Trouble("HF1705", f"{place}: the value there is another", "the test of this JSON patch does not hold")
        case _:
            raise Trouble("HF1705", f"{kind!r} is no operation of a JSON patch", "add, remove, replace, move, copy, test")
    return 0


def _parent(root: dict[str, Value], path: str, place: str) -> tuple[Value, str]:
    """Return what holds the value at `path`, and its key there."""
    if path and not path.startswith("/"):
        raise Trouble("HF1705", f"{place}: a path begins with a slash")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]
    found: Value = root
    for part in parts[:-1]:
        found = _get(found, part, place) if isinstance(found, dict | list) else MISSING
    if not isinstance(found, dict | list):
        raise Trouble("HF1705", f"{place}: there is nothing at this path", "the parent of a path must be there; add it first")
    return found, parts[-1]


def _get(parent: Value, key: str, place: str) -> Value:
    if isinstance(parent, dict):
        return parent.get(key, MISSING)
    index = _index(key, place)
    if not -len(parent) <= index < len(parent):
        raise _beyond(place, len(parent))
    return parent[index]


def _add(root: dict[str, Value], path: str, value: Value, place: str) -> None:
    parent, key = _parent(root, path, place)
    if isinstance(parent, dict):
        parent[key] = value
    elif key == "-":
        parent.append(value)
    else:
        index, most = _index(key, place), len(parent) + 1
        if not -most <= index < most:
            raise _beyond(place, len(parent))
        parent.insert(index if index >= 0 else index + most, value)


def _remove(root: dict[str, Value], path: str, place: str) -> None:
    parent, key = _parent(root, path, place)
    if _get(parent, key, place) is MISSING:
        raise Trouble("HF1705", f"{place}: there is nothing at this path")
    if isinstance(parent, dict):
        del parent[key]
    else:
        del parent[_index(key, place)]


def _replace(root: dict[str, Value], path: str, value: Value, place: str) -> None:
    parent, key = _parent(root, path, place)
    if isinstance(parent, list):
        _get(parent, key, place)
        parent[_index(key, place)] = value
    else:
        parent[key] = value  # a key that is not there is made: evanphx/json-patch v4 asks for its container only


def _index(key: str, place: str) -> int:
    digits = key.removeprefix("-")
    if not digits.isdecimal() or len(digits) > 9:
        raise Trouble("HF1705", f"{place}: {key!r} is no index of a list")
    return int(key)


def _beyond(place: str, length: int) -> Trouble:
    return Trouble("HF1705", f"{place}: the list there has {length} items")


def _equal(one: Value, other: Value) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(each, other[key]) for key, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
