"""Field path: `spec.template.spec.containers.[name=web].image`, as replacements and variables name a field of one object.

Two walks, as kyaml has them: `lookup` finds one value, `slots` finds every place that fits, with `*` and patterns, and makes what is
missing where it is asked to. A backslash keeps a dot within a part; `[example.com/role]` does too.
"""

from __future__ import annotations

from typing import NamedTuple

from holdfast.kubernetes.kustomize.field import split
from holdfast.kubernetes.kustomize.pattern import compile_pattern
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import FRESH, MISSING, Loose, Value, is_null, is_scalar, text


class Slot(NamedTuple):
    """A place in an object."""

    parent: dict[str, Value] | list[Value]
    key: str | int

    @property
    def value(self) -> Value:
        return self.parent[self.key]  # type: ignore[index]

    def put(self, value: Value) -> None:
        self.parent[self.key] = value  # type: ignore[index]


def parts_of(path: str) -> list[str]:
    """Return the parts of a path (utils.SmarterPathSplitter)."""
    result: list[str] = []
    pieces = split(path, ".")
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        if piece.startswith("[") and not piece.endswith("]"):
            while at < len(pieces):
                piece += f".{pieces[at]}"
                at += 1
                if piece.endswith("]"):
                    break
            piece = piece if "=" in piece else piece.strip("[]")
        result.append(piece)
    return result


def indexed(parts: list[str]) -> list[str]:
    """Return parts with `ports[0]` taken apart (convertSliceIndex)."""
    result: list[str] = []
    for part in parts:
        name, bracket, index = part.removesuffix("]").rpartition("[")
        if part.endswith("]") and bracket and index.isdecimal():
            result += [*([name] if name else []), index]
        else:
            result.append(part)
    return result


def _is_index(part: str) -> bool:
    return part.isdecimal() and part.isascii() and len(part) <= 9


def _is_match(part: str) -> bool:
    return part.startswith("[") and part.endswith("]")


def _match(part: str) -> tuple[str, str]:
    name, equals, value = part[1:-1].partition("=")
    if not equals:
        raise Trouble("HF1706", f"{part} names no item of a list", "write [name=value]")
    return name, value


def lookup(value: Value, parts: list[str]) -> Value:
    """Return what stands at a path, MISSING where nothing does. Raises Trouble."""
    slot = slot_of(value, parts)
    return MISSING if slot is None else slot.value


def slot_of(value: Value, parts: list[str]) -> Slot | None:
    """Return the place at a path, None where there is none. Raises Trouble."""
    slot = Slot({"": value}, "")
    for part in filter(None, (each.strip() for each in parts)):
        found = slot.value
        if is_null(found):
            return None
        key = _step(found, part)
        if key is None:
            return None
        slot = Slot(found, key)
    return slot


def _step(value: Value, part: str) -> str | int | None:
    """Return the key or index that one part of a path means."""
    if part == "*":
        raise Trouble("HF1706", "a path to one value has no *")
    if part == "-":
        return len(items) - 1 if (items := _items(value, part)) else None
    if _is_index(part):
        return int(part) if int(part) < len(_items(value, part)) else None
    if _is_match(part):
        return _first(_items(value, part), *_match(part))
    return part if part in _mapping(value, part) else None


def _first(items: list[Value], name: str, wanted: str) -> int | None:
    for index, each in enumerate(items):
        found = each if not name else each.get(name, MISSING) if isinstance(each, dict) else MISSING
        if found is not MISSING and is_scalar(found) and text(found) == wanted:
            return index
    return None


def _items(value: Value, part: str) -> list[Value]:
    if not isinstance(value, list):
        raise Trouble("HF1706", f"there is no list where {part} is looked for")
    return value


def _mapping(value: Value, part: str) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise Trouble("HF1706", f"there is no mapping where {part} is looked for")
    return value


def slots(value: dict[str, Value], parts: list[str], made: Value = MISSING) -> list[Slot]:
    """Return every place that fits; `made`: what a missing one is made as, an empty list or mapping or FRESH. Raises Trouble."""
    root: dict[str, Value] = {"": value}
    found: list[Slot] = []
    _walk(Slot(root, ""), parts, made, found)
    return found


def _walk(slot: Slot, parts: list[str], made: Value, found: list[Slot]) -> None:
    if not parts:
        found.append(slot)
        return
    part, rest = parts[0], parts[1:]
    value = slot.value
    if _is_index(part):
        _index(value, int(part), rest, made, found)
    elif _is_match(part):
        _matching(value, part, rest, made, found)
    elif part == "*":
        for index in range(len(_items(value, part)) if not is_null(value) else 0):
            _walk(Slot(value, index), rest, made, found)
    elif not is_null(value):
        _field(_mapping(value, part), part, rest, made, found)


def _field(value: dict[str, Value], part: str, rest: list[str], made: Value, found: list[Slot]) -> None:
    if part not in value:
        if made is MISSING:
            return
        value[part] = _new(rest, made)
    if rest and is_scalar(value[part]) and not is_null(value[part]):
        raise Trouble("HF1706", f"{part} holds a single value, and {rest[0]} is looked for in it")
    _walk(Slot(value, part), rest, made, found)


def _new(rest: list[str], made: Value) -> Value:
    if not rest:
        return FRESH if is_scalar(made) else type(made)()
    return [] if _is_match(rest[0]) or _is_index(rest[0]) else {}


def _index(value: Value, index: int, rest: list[str], made: Value, found: list[Slot]) -> None:
    items = [] if is_null(value) else _items(value, str(index))
    if index == len(items) and made is not MISSING and isinstance(value, list):
        items.append(_new(rest, made))
    if index >= len(items):
        raise Trouble("HF1706", f"item {index} is named, and the list has {len(items)}")
    _walk(Slot(items, index), rest, made, found)


def _matching(value: Value, part: str, rest: list[str], made: Value, found: list[Slot]) -> None:
    name, wanted = _match(part)
    items = [] if is_null(value) else _items(value, part)
    before = len(found)
    _matched(items, name, wanted, rest, made, found)
    if len(found) == before and made is not MISSING and isinstance(value, list):
        items.append({name: Loose(wanted)} if name else Loose(wanted))
        _matched(items, name, wanted, rest, made, found)


def _matched(items: list[Value], name: str, wanted: str, rest: list[str], made: Value, found: list[Slot]) -> None:
    try:
        pattern = compile_pattern(wanted)
    except ValueError as error:
        raise Trouble("HF1707", f"cannot read the pattern {wanted!r}: {error}") from None
    for index, each in enumerate(items):
        value = each if not name else each.get(name, MISSING) if isinstance(each, dict) else MISSING
        if value is not MISSING and is_scalar(value) and pattern.search(text(value).strip()) is not None:
            if name:
                _walk(Slot(items, index), rest, made, found)
            else:
                found.append(Slot(items, index))
