"""Field sets: which fields of an object somebody owns, as the API server writes it in `metadata.managedFields` (FieldsV1).

A path is a tuple of steps in FieldsV1's own spelling: `f:spec` a field, `k:{"name":"web"}` an item of a list by its keys, `v:"a"` an
item of a set by its value, `i:0` by its place. Laws: `fields_v1(read_fields(x)) == x` but for the order of keys; the item that a step
names is the same however its keys are ordered. Used by drift (who owns what) and structured_merge (who may change what).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kubernetes.list_key import DEFAULTS

Step: TypeAlias = str
Path: TypeAlias = tuple[Step, ...]
FieldSet: TypeAlias = frozenset[Path]

EMPTY: FieldSet = frozenset()
_SELF = "."


def field(name: str) -> Step:
    return f"f:{name}"


def item(keys: Mapping[str, Json]) -> Step:
    return f"k:{_dump({key: keys[key] for key in sorted(keys)})}"


def value(of: Json) -> Step:
    return f"v:{_dump(of)}"


def _dump(of: Json) -> str:
    return json.dumps(of, separators=(",", ":"), ensure_ascii=False)


def read_fields(fields: Json) -> FieldSet:
    """Return the paths of a FieldsV1 value; what is none of its forms is left out."""
    return frozenset(_paths(fields, ()))


def _paths(fields: Json, at: Path) -> Iterator[Path]:
    if not isinstance(fields, dict):
        return
    for step, inner in fields.items():
        if step == _SELF:
            yield at
        elif isinstance(inner, dict) and inner:
            yield from _paths(inner, (*at, _normal(step)))
        else:
            yield (*at, _normal(step))


def _normal(step: str) -> Step:
    """Return a step with its keys in order, so that equal items have equal steps."""
    if step[:2] not in ("k:", "v:"):
        return step
    try:
        read = json.loads(step[2:])
    except ValueError:
        return step
    return item(read) if step[0] == "k" and isinstance(read, dict) else value(read) if step[0] == "v" else step


def fields_v1(paths: Iterable[Path]) -> dict[str, Json]:
    """Return the FieldsV1 value of `paths`."""
    root: dict[str, Json] = {}
    for path in sorted(paths, key=len, reverse=True):
        node = root
        for step in path:
            inner = node.setdefault(step, {})
            assert isinstance(inner, dict), "every node is a mapping"
            node = inner
        if node and path:
            node[_SELF] = {}
    return _ordered(root)


def _ordered(node: Mapping[str, Json]) -> dict[str, Json]:
    return {step: _ordered(inner) if isinstance(inner, dict) else inner for step, inner in sorted(node.items())}


def below(paths: FieldSet, step: Step) -> FieldSet:
    """Return what `paths` hold beneath `step`, without the step itself."""
    return frozenset(path[1:] for path in paths if len(path) > 1 and path[0] == step)


def without_tree(paths: FieldSet, roots: FieldSet) -> FieldSet:
    """Return `paths` without those of `roots` and everything beneath them."""
    return frozenset(path for path in paths if not any(path[:length] in roots for length in range(1, len(path) + 1))) if roots else paths


def shown(path: Path) -> str:
    """Return a path as conflicts name it: `.spec.containers[name="web"].image`."""
    return "".join(_shown(step) for step in path)


def _shown(step: Step) -> str:
    kind, text = step[:2], step[2:]
    match kind:
        case "k:":
            keys = json.loads(text)
            return f"[{','.join(f'{key}={_dump(each)}' for key, each in keys.items())}]"
        case "v:":
            return f"[={text}]"
        case "i:":
            return f"[{text}]"
    return f".{text}"


def find(root: Json, step: Step) -> tuple[bool, Json]:
    """Return whether `root` has what `step` names, and that; the steps themselves say by which keys a list is known."""
    kind, text = step[:2], step[2:]
    if kind == "f:":
        return (True, root[text]) if isinstance(root, dict) and text in root else (False, None)
    if not isinstance(root, list):
        return False, None
    if kind == "i:":
        return (True, root[int(text)]) if text.isdigit() and int(text) < len(root) else (False, None)
    at = place(root, step)
    return (False, None) if at is None else (True, root[at])


def place(items: list[Json], step: Step) -> int | None:
    """Return the index of the item that a `k:` or `v:` step names."""
    fits = _fits(step)
    return next((at for at, each in enumerate(items) if fits(each)), None)


def _fits(step: Step) -> Callable[[Json], bool]:
    wanted = json.loads(step[2:])
    if step[0] == "v":
        return lambda each: _same(each, wanted)
    return lambda each: isinstance(each, dict) and all(_same(each.get(key, DEFAULTS.get(key)), value) for key, value in wanted.items())


def _same(left: Json, right: Json) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)
