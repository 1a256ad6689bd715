"""Field: which fields of which kinds a customisation changes, and the walk to them.

A path such as `spec/template/spec/containers[]/image` goes through lists without saying so; `[]` only forbids that the field be made. As
kustomize's fieldspec filter has it. Whoever walks gives a function from the old value to the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.identity import Gvk, rank
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import FRESH, MISSING, Value, is_null

Change = Callable[[Value], Value]
MAPPING: Final = "mapping"
SCALAR: Final = "scalar"


class FieldSpec(NamedTuple):
    """A field of a kind, or of every kind. `create`: it is made where it is not."""

    gvk: Gvk
    path: str
    create: bool = False

    def fits(self, draft: Draft) -> bool:
        return draft.gvk.is_selected(self.gvk)


Specs = tuple[FieldSpec, ...]


def merged(known: Specs, more: Iterable[FieldSpec]) -> Specs:
    """Return `known` and those of `more` that are not among them. Raises Trouble where two say otherwise of one field."""
    found = list(known)
    for each in more:
        same = next((old for old in found if old.path == each.path and old.gvk.is_selected(each.gvk)), None)
        if same is None:
            found.append(each)
        elif same.create != each.create:
            raise Trouble("HF1704", f"two field specs disagree whether {each.path} is made where it is missing")
    return tuple(found)


def ordered(specs: Specs) -> Specs:
    return tuple(sorted(specs, key=lambda each: rank(each.gvk)))


def split(path: str, delimiter: str = "/") -> list[str]:
    """Return the parts of a path; a backslash keeps a delimiter within a part."""
    parts = path.split(delimiter)
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    result = [parts[0]]
    for part in parts[1:]:
        if result[-1].endswith("\\"):
            result[-1] = result[-1][:-1] + delimiter + part
        else:
            result.append(part)
    return result


def change_all(draft: Draft, specs: Iterable[FieldSpec], change: Change, made: str | None = None) -> None:
    for spec in specs:
        change_field(draft, spec, change, made)


def change_field(draft: Draft, spec: FieldSpec, change: Change, made: str | None = None) -> None:
    """Put what `change` gives into every field that `spec` names; `made` says what a field is made as. Raises Trouble."""
    if not spec.fits(draft):
        return
    try:
        _Walk(spec.create, change, made).into(draft.value, split(spec.path))
    except Trouble as trouble:
        raise Trouble(trouble.code, f"field {spec.path} of {draft.identity()}: {trouble.reason}", trouble.hint, *trouble.where) from None


class _Walk:
    def __init__(self, create: bool, change: Change, made: str | None) -> None:
        self.create = create
        self.change = change
        self.made = made

    def into(self, value: Value, path: Sequence[str]) -> Value:
        """Return what stands at a place after the change."""
        if not path:
            return self.change(value)
        if is_null(value):
            return value
        if isinstance(value, list):
            value[:] = [self.into(each, path) for each in value]
        elif isinstance(value, dict):
            self.key(value, path)
        else:
            raise Trouble("HF1706", f"there is a single value where {path[0]} is looked for")
        return value

    def key(self, value: dict[str, Value], path: Sequence[str]) -> None:
        name = path[0].removesuffix("[]")
        is_list = name != path[0]
        if not name:
            raise Trouble("HF1706", "a part of its path is empty")
        found = value.get(name, MISSING)
        if not self.create or self.made is None or is_list:
            if found is MISSING:
                return
            if is_null(found) and is_list:
                found = value[name] = []
        elif is_null(found):
            found = value[name] = {} if len(path) > 1 or self.made == MAPPING else FRESH
        value[name] = self.into(found, path[1:])
