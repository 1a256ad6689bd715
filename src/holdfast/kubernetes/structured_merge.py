"""Structured merge: how two objects become one, and which fields differ (sigs.k8s.io/structured-merge-diff `typed`).

Pure and without an API server: server_side_apply decides with it what a server would, ownership compares with it. A value that is not
there is ABSENT, which null is not. Laws: merging an object into itself changes nothing; what `compare` finds added, modified and removed
leads from one side to the other; `remove` and `extract` of all paths of an object are nothing and all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import FieldSet, Path, Step, below
from holdfast.kubernetes.field_set import field as field_step
from holdfast.kubernetes.object_type import Atom, ListType, MapType, Schema, TypeRef


class Absent(Enum):
    ABSENT = "absent"


ABSENT = Absent.ABSENT
Side: TypeAlias = Json | Absent


@dataclass(slots=True)
class Comparison:
    """The fields by which the second object differs from the first."""

    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)

    @property
    def is_same(self) -> bool:
        return not (self.added or self.modified or self.removed)

    def without(self, roots: FieldSet) -> Comparison:
        """Return the comparison as if nothing stood at or beneath `roots`."""
        from_roots = [{path for path in each if not any(path[:n] in roots for n in range(1, len(path) + 1))} for each in self._parts()]
        return Comparison(*from_roots)

    def _parts(self) -> tuple[set[Path], set[Path], set[Path]]:
        return self.added, self.modified, self.removed


def _shape(atom: Atom, value: Side) -> ListType | MapType | None:
    """Return how `value` is walked; None for a scalar, and for a form that its type does not know."""
    if isinstance(value, list):
        return atom.list
    if isinstance(value, dict):
        return atom.map
    return None


def _nullable(atom: Atom) -> ListType | MapType | None:
    """Return how a null of this type is walked: as the one form that its type has."""
    if atom.is_scalar:
        return None
    return atom.list or atom.map


def field_set(schema: Schema, type: TypeRef | None, value: Json) -> FieldSet:
    """Return the paths that an applier of `value` owns."""
    found: set[Path] = set()
    _collect(schema, schema.resolve(type), value, (), found)
    return frozenset(found)


def _collect(schema: Schema, atom: Atom, value: Json, at: Path, found: set[Path]) -> None:
    shape = _shape(atom, value) or (_nullable(atom) if value is None else None)
    if shape is None or shape.is_atomic:
        found.add(at)
    elif isinstance(shape, ListType) and isinstance(value, list):
        steps = [schema.step(shape, each) for each in value]
        counts = Counter(steps)
        for step, each in zip(steps, value, strict=True):
            if counts[step] == 1:
                _collect(schema, schema.resolve(shape.element), each, (*at, step), found)
            found.add((*at, step))
    elif isinstance(shape, MapType) and isinstance(value, dict):
        for name, each in value.items():
            path = (*at, field_step(name))
            _collect(schema, schema.resolve(schema.member(shape, name)), each, path, found)
            if each is None or each == {} or name not in shape.fields:
                found.add(path)


def duplicates(schema: Schema, type: TypeRef | None, value: Json) -> Iterator[Path]:
    """Yield the items that stand twice in a list of `value`: no applier may say them."""
    yield from _twice(schema, schema.resolve(type), value, ())


def _twice(schema: Schema, atom: Atom, value: Json, at: Path) -> Iterator[Path]:
    shape = _shape(atom, value)
    if shape is None or shape.is_atomic:
        return
    if isinstance(shape, ListType) and isinstance(value, list):
        steps = [schema.step(shape, each) for each in value]
        yield from ((*at, step) for step, count in Counter(steps).items() if count > 1)
        for step, each in zip(steps, value, strict=True):
            yield from _twice(schema, schema.resolve(shape.element), each, (*at, step))
    elif isinstance(shape, MapType) and isinstance(value, dict):
        for name, each in value.items():
            yield from _twice(schema, schema.resolve(schema.member(shape, name)), each, (*at, field_step(name)))


def compare(schema: Schema, type: TypeRef | None, before: Json, after: Json) -> Comparison:
    """Return the fields by which `after` differs from `before`."""
    found = Comparison()
    _compare(schema, schema.resolve(type), before, after, (), found)
    return found


def _compare(schema: Schema, atom: Atom, before: Side, after: Side, at: Path, found: Comparison) -> None:
    left, right = _shape(atom, before), _shape(atom, after)
    if before is not ABSENT and after is not ABSENT and before is not None and after is not None and left is not right:
        # Of two forms at once: what stood there goes, what is there now comes.
        if left is not None:
            _within(schema, left, before, ABSENT, at, found)
        if right is not None:
            _within(schema, right, ABSENT, after, at, found)
        found.modified.add(at)
        return
    shape = left or right
    if shape is None or shape.is_atomic or not (before not in (ABSENT, None, [], {}) or after not in (ABSENT, None, [], {})):
        _leaf(before, after, at, found)
        return
    _within(schema, shape, before, after, at, found)
    if before is ABSENT:
        found.added.add(at)
    elif after is ABSENT:
        found.removed.add(at)


def _leaf(before: Side, after: Side, at: Path, found: Comparison) -> None:
    if before is ABSENT:
        found.added.add(at)
    elif after is ABSENT:
        found.removed.add(at)
    elif not same(before, after):
        found.modified.add(at)


def same(left: Side, right: Side) -> bool:
    """Say whether two values are equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _within(schema: Schema, shape: ListType | MapType, before: Side, after: Side, at: Path, found: Comparison) -> None:
    if isinstance(shape, MapType):
        left, right = _map(before), _map(after)
        for name in [*left, *(name for name in right if name not in left)]:
            inner = schema.resolve(schema.member(shape, name))
            _compare(schema, inner, left.get(name, ABSENT), right.get(name, ABSENT), (*at, field_step(name)), found)
        return
    element = schema.resolve(shape.element)
    lefts, rights = _by_step(schema, shape, before), _by_step(schema, shape, after)
    for step in [*lefts, *(step for step in rights if step not in lefts)]:
        ours, theirs = lefts.get(step, []), rights.get(step, [])
        path = (*at, step)
        if len(ours) < 2 and len(theirs) < 2:
            _compare(schema, element, ours[0] if ours else ABSENT, theirs[0] if theirs else ABSENT, path, found)
        elif len(ours) > 1 and len(theirs) > 1:
            if not same([*ours], [*theirs]):
                found.modified.add(path)
        elif len(theirs) > 1:
            if ours:
                _compare(schema, element, ours[0], ABSENT, path, found)
            found.added.add(path)
        else:
            found.removed.add(path)
            if theirs:
                _compare(schema, element, ABSENT, theirs[0], path, found)


def _map(side: Side) -> dict[str, Json]:
    return side if isinstance(side, dict) else {}


def _by_step(schema: Schema, shape: ListType, side: Side) -> dict[Step, list[Json]]:
    found: dict[Step, list[Json]] = {}
    for each in side if isinstance(side, list) else ():
        found.setdefault(schema.step(shape, each), []).append(each)
    return found


def merge(schema: Schema, type: TypeRef | None, live: Json, applied: Json) -> Json:
    """Return `live` with everything that `applied` says laid over it; lists keep the order of `applied` where both have an item."""
    result = _merge(schema, schema.resolve(type), live, applied)
    return None if result is ABSENT else result


def _merge(schema: Schema, atom: Atom, live: Side, applied: Side) -> Side:
    left, right = _shape(atom, live), _shape(atom, applied)
    # Null says nothing of what a map or list holds; only of an atomic one it takes the place.
    shape = left if applied is ABSENT or applied is None else right
    if shape is None or shape.is_atomic or (left is not right and live not in (ABSENT, None) and applied not in (ABSENT, None)):
        return live if applied is ABSENT else applied
    if live in (ABSENT, None, [], {}) and applied in (ABSENT, None, [], {}):
        return live if applied is ABSENT else applied
    if isinstance(shape, MapType):
        ours, theirs = _map(live), _map(applied)
        merged: dict[str, Json] = {}
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            each = _merge(schema, schema.resolve(schema.member(shape, name)), ours.get(name, ABSENT), theirs.get(name, ABSENT))
            if each is not ABSENT:
                merged[name] = each
        return merged
    return _merge_lists(schema, shape, live, applied)


def _merge_lists(schema: Schema, shape: ListType, live: Side, applied: Side) -> list[Json]:
    """Merge items by their steps: those of `applied` in its order, those only live where they stood (typed/merge.go)."""
    lefts = live if isinstance(live, list) else []
    rights = applied if isinstance(applied, list) else []
    left_steps = [schema.step(shape, each) for each in lefts]
    right_steps = [schema.step(shape, each) for each in rights]
    counts = Counter(left_steps)
    known: dict[Step, Side] = {step: each if counts[step] == 1 else None for step, each in zip(left_steps, lefts, strict=True)}
    given: dict[Step, Json] = dict(zip(right_steps, rights, strict=True))
    element = schema.resolve(shape.element)
    shared = [step for step in right_steps if step in known]
    taken: set[Step] = set()
    out: list[Json] = []

    def take(left: Side, right: Side) -> None:
        merged = _merge(schema, element, left, right)
        if merged is not ABSENT:
            out.append(merged)

    at_left = at_right = at_shared = 0
    while at_left < len(lefts) or at_right < len(rights):
        if at_left < len(lefts) and at_right < len(rights):
            step = left_steps[at_left]
            if step == right_steps[at_right]:
                taken.add(step)
                take(known.get(step, ABSENT), given[step])
                at_left, at_right, at_shared = at_left + 1, at_right + 1, at_shared + 1
                continue
            if step in given and at_shared < len(shared) and shared[at_shared] != step:
                at_left += 1  # shared, but not the one whose turn it is
                continue
        if at_left < len(lefts):
            step = left_steps[at_left]
            if step not in given:
                take(lefts[at_left], ABSENT)
                at_left += 1
                continue
            if step in taken:
                at_left += 1
        if at_right < len(rights):
            step = right_steps[at_right]
            taken.add(step)
            take(known.get(step, ABSENT), given[step])
            at_right += 1
            if at_shared < len(shared) and shared[at_shared] == step:
                at_shared += 1
    return out


def remove(schema: Schema, type: TypeRef | None, value: Json, paths: FieldSet) -> Json:
    """Return `value` without what `paths` name."""
    result = _pick(schema, schema.resolve(type), value, paths, extracts=False)
    return None if result is ABSENT else result


def extract(schema: Schema, type: TypeRef | None, value: Json, paths: FieldSet) -> Json:
    """Return only what `paths` name of `value`, with the keys of the items on the way."""
    result = _pick(schema, schema.resolve(type), value, paths, extracts=True)
    return None if result is ABSENT else result


def _pick(schema: Schema, atom: Atom, value: Json, paths: FieldSet, *, extracts: bool) -> Side:
    shape = _shape(atom, value)
    if shape is None:
        return value
    if not value:
        return value if extracts else ABSENT
    if shape.is_atomic:
        return value if extracts else ABSENT
    if isinstance(shape, ListType) and isinstance(value, list):
        element = schema.resolve(shape.element)
        picked = [_picked(schema, element, each, paths, schema.step(shape, each), extracts=extracts) for each in value]
        kept = [each for each in picked if each is not ABSENT]
        return kept or ABSENT
    named: dict[str, Json] = {}
    if isinstance(shape, MapType) and isinstance(value, dict):
        for name, each in value.items():
            inner = schema.resolve(schema.member(shape, name))
            one = _picked(schema, inner, each, paths, field_step(name), extracts=extracts)
            if one is not ABSENT:
                named[name] = one
    return named or ABSENT


def _picked(schema: Schema, atom: Atom, value: Json, paths: FieldSet, step: Step, *, extracts: bool) -> Side:
    inner = below(paths, step)
    if (step,) in paths:
        if not extracts:
            return ABSENT
        found = _pick(schema, atom, value, inner, extracts=True)
        return None if found is ABSENT else found
    if inner:
        found = _pick(schema, atom, value, inner, extracts=extracts)
        return None if found is ABSENT else found
    return ABSENT if extracts else value


def with_named_fields(schema: Schema, type: TypeRef | None, paths: FieldSet) -> FieldSet:
    """Return `paths` and the fields on their way that a type names: a struct is there as long as anything of it is."""
    found: set[Path] = set(paths)
    for path in paths:
        atom = schema.resolve(type)
        for length, step in enumerate(path[:-1], 1):
            if step[:2] == "f:" and atom.map is not None:
                name = step[2:]
                if name in atom.map.fields:
                    found.add(path[:length])
                atom = schema.resolve(schema.member(atom.map, name))
            elif step[:2] == "k:" and atom.list is not None:
                atom = schema.resolve(atom.list.element)
            else:
                atom = schema.resolve(None)
    return frozenset(found)
