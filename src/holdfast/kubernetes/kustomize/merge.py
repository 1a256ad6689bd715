"""Merge: a strategic merge patch over an object, as kyaml's merge2 does it, step by step.

Which lists are merged says the schema; items that a patch adds come first. Laws that people lean on: null removes, `$patch: delete` and
`$patch: replace` mean what the Kubernetes documentation says, and what is not known to be merged is replaced. Odd corners (two keys, items
without their key) are those of kyaml, because what comes out must be equal.
"""

from __future__ import annotations

from holdfast.kubernetes.kustomize.schema import Field, Schemas
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import MISSING, TILDE, Quoted, Value, field_text, is_null, is_plain, put, text
from holdfast.kubernetes.kustomize.value import new as new_text

_DIRECTIVE = "$patch"
_MAPPING, _LIST, _SINGLE = "a mapping", "a list", "a single value"


def merge(dest: Value, patch: Value, schema: Schemas) -> Value:
    """Return `dest` with `patch` over it, MISSING where the patch deletes it. Both are used up. Raises Trouble."""
    return _Merge(schema).walk(dest, patch, None, ())


class _Merge:
    def __init__(self, schema: Schemas) -> None:
        self.schema = schema

    def walk(self, dest: Value, patch: Value, known: Field | None, path: tuple[str, ...]) -> Value:
        known = known or self.own_schema(dest) or self.own_schema(patch)
        first = patch if is_null(dest) else dest
        if is_null(first) or isinstance(first, dict):
            _same_shape(_MAPPING, patch, path)
            return self.mapping(dest, patch, known, path)
        if isinstance(first, list):
            _same_shape(_LIST, patch, path)
            if known is not None and known.keys is not None:
                return self.merged(dest, patch, known, path)
            return dest if patch is MISSING else patch
        if isinstance(patch, dict | list):
            raise _unlike(_SINGLE, patch, path)
        return dest if patch is MISSING else patch

    def own_schema(self, value: Value) -> Field | None:
        if not isinstance(value, dict) or "kind" not in value or "apiVersion" not in value:
            return None
        return self.schema.of(field_text(value["apiVersion"]), field_text(value["kind"]))

    def mapping(self, dest: Value, patch: Value, known: Field | None, path: tuple[str, ...]) -> Value:
        dest = self.chosen_mapping(dest, patch, path)
        if not isinstance(dest, dict):
            return dest
        sources = [each for each in (dest, patch) if isinstance(each, dict)]
        for key in sorted({key for each in sources for key in each}):
            old = dest.get(key, MISSING)
            new = patch.get(key, MISSING) if isinstance(patch, dict) else MISSING
            value = self.walk(old, new, self.schema.field(known, key), (*path, key))
            if is_null(value) and not (_is_written_null(old) and new is MISSING):
                dest.pop(key, None)
            else:
                dest[key] = put(old, value) if value is not old else new_text(value)
        return dest

    def chosen_mapping(self, dest: Value, patch: Value, path: tuple[str, ...]) -> Value:
        if is_null(dest):
            if isinstance(patch, dict) and _directive(patch, path, is_strict=False) == "delete":
                return MISSING
            return dest if patch is MISSING and _is_written_null(dest) else patch
        if patch is not MISSING and is_null(patch):
            return MISSING
        match _directive(patch, path) if patch is not MISSING else "merge":
            case "delete":
                return MISSING
            case "replace":
                return patch
        return dest

    def merged(self, dest: Value, patch: Value, known: Field, path: tuple[str, ...]) -> Value:
        chosen = _chosen_list(dest, patch, path)
        if not isinstance(chosen, list):
            return chosen
        keys = list(known.keys or ())
        values = _key_values(chosen, patch, keys) if keys else _plain_values(chosen, patch)
        return self.items(values, keys or [""], chosen, patch, known, path)

    def items(
        self, found: list[list[str]], keys: list[str], dest: list[Value], patch: Value, known: Field, path: tuple[str, ...]
    ) -> list[Value]:
        """walk/associative_sequence.go: merge items by their keys; those of the patch, and what they changed, come first."""
        item = self.schema.item(known)
        if len(keys) > 1:
            _fill(found)
        added: list[Value] = []
        valid_keys = keys
        for values in found:
            if not values:
                continue
            valid_keys, valid = _valid(found, values, keys)
            own_keys, own = _valid([valid], valid, valid_keys)
            old, new = _find(dest, own_keys, own), _find(patch, own_keys, own)
            value = self.walk(old, new, item, path)
            if is_null(value) or value == {}:
                _set_item(dest, MISSING, valid_keys, valid)
                continue
            for key, each in zip(valid_keys, valid, strict=False):
                if isinstance(value, dict) and key not in value and each:
                    value[key] = each if is_plain(each) else Quoted(each)
            _set_item(added, value, valid_keys, valid)
        return _appended(added, dest, valid_keys) if found else dest


def _is_written_null(value: Value) -> bool:
    return value is None or value is TILDE


def _same_shape(expected: str, patch: Value, path: tuple[str, ...]) -> None:
    if not is_null(patch) and _shape(patch) != expected:
        raise _unlike(expected, patch, path)


def _shape(value: Value) -> str:
    return _MAPPING if isinstance(value, dict) else _LIST if isinstance(value, list) else _SINGLE


def _unlike(expected: str, patch: Value, path: tuple[str, ...]) -> Trouble:
    return Trouble("HF1705", f"the patch has {_shape(patch)} at {'.'.join(path) or 'its top'}, where the object has {expected}")


def _directive(patch: Value, path: tuple[str, ...], *, is_strict: bool = True) -> str:
    """Return what a mapping of a patch says of itself, and take that out of it."""
    if not isinstance(patch, dict) or _DIRECTIVE not in patch or is_null(patch[_DIRECTIVE]):
        return "merge"
    said = field_text(patch[_DIRECTIVE])
    if said in {"delete", "replace", "merge"}:
        del patch[_DIRECTIVE]
        return said
    if is_strict:
        raise _unknown_directive(said, path)
    return "merge"


def _unknown_directive(said: str, path: tuple[str, ...]) -> Trouble:
    return Trouble(
        "HF1705", f"unknown patch strategy {said!r} at {'.'.join(path) or 'the top'}", "$patch is one of delete, replace and merge"
    )


def _chosen_list(dest: Value, patch: Value, path: tuple[str, ...]) -> Value:
    if is_null(dest):
        return patch
    if patch is MISSING:
        return dest
    if is_null(patch):
        return MISSING
    node = next((each for each in patch if isinstance(each, dict) and _DIRECTIVE in each), None)
    if node is None or len(node) > 1:
        return dest
    said = text(node[_DIRECTIVE])
    if said not in {"delete", "replace", "merge"}:
        raise _unknown_directive(said, path)
    _set_item(patch, MISSING, [_DIRECTIVE], [said])
    return {"delete": MISSING, "replace": patch, "merge": dest}[said]


def _key_values(dest: Value, patch: Value, keys: list[str]) -> list[list[str]]:
    """Return the values of the keys of each item once, those of the patch first; an empty text where a key is not there."""
    found: dict[tuple[str, ...], None] = {}
    for source in (patch, dest):
        for each in source if isinstance(source, list) else ():
            found[tuple(_key(each, key) for key in keys)] = None
    return [list(each) for each in found]


def _key(item: Value, key: str) -> str:
    value = item.get(key) if isinstance(item, dict) else None
    return "" if isinstance(value, dict | list) else field_text(value)


def _plain_values(dest: Value, patch: Value) -> list[list[str]]:
    found = {text(each): None for source in (patch, dest) if isinstance(source, list) for each in source}
    return [[each] for each in found]


def _fill(found: list[list[str]]) -> None:
    """Complete items that lack a key by those that agree in the others (mergeValues)."""
    for i, one in enumerate(found):
        for j, other in enumerate(found):
            if (both := _both(one, other)) is not None:
                found[i] = found[j] = both


def _both(one: list[str], other: list[str]) -> list[str] | None:
    result, agree = [], False
    for mine, theirs in zip(one, other, strict=True):
        if mine == theirs:
            agree = True
        elif mine and theirs:
            return None
        result.append(mine or theirs)
    return result if agree else None


def _valid(found: list[list[str]], values: list[str], keys: list[str]) -> tuple[list[str], list[str]]:
    """Return the keys that any item has, and the values of this one (validateKeys)."""
    known = {keys[index] for each in found for index, value in enumerate(each) if value and index < len(keys)}
    if not known:
        return keys, values
    return [key for key in keys if key in known], [
        value for index, value in enumerate(values) if value or (index < len(keys) and keys[index] in known)
    ]


def _find(items: Value, keys: list[str], values: list[str]) -> Value:
    """Return the first item with these values of its keys (ElementList)."""
    if not isinstance(items, list):
        return MISSING
    for each in items:
        if not keys or not keys[0]:
            if ("" if isinstance(each, dict | list) else text(each)) == (values[0] if values else ""):
                return each
        elif (
            isinstance(each, dict)
            and len(keys) == len(values)
            and all(_has(each, key, value) for key, value in zip(keys, values, strict=True))
        ):
            return each
    return MISSING


def _has(item: dict[str, Value], key: str, value: str) -> bool:
    return key in item and ("" if isinstance(item[key], dict | list) else text(item[key])) == value


def _set_item(items: list[Value], value: Value, keys: list[str], values: list[str]) -> None:
    """Replace the items with these values of their keys by `value`, or remove them; add it where there is none (ElementSetter)."""
    kept: list[Value] = []
    is_found = False
    by_key = bool(keys and keys[0] and values and values[0])
    for each in items:
        if is_null(each) or each == {}:
            continue
        if not isinstance(each, dict) and by_key:
            kept.append(each)
        elif not _fits(each, keys, values):
            if values:
                kept.append(each)
        else:
            is_found = True
            if value is not MISSING:
                kept.append(value)
    if not is_null(value) and not is_found:
        kept.append(value)
    items[:] = kept


def _fits(item: Value, keys: list[str], values: list[str]) -> bool:
    fits = False
    for index, key in enumerate(keys):
        if index < len(values):
            fits = _matches(item, key, values[index])
        if not fits:
            return False
    return fits


def _matches(item: Value, key: str, value: str) -> bool:
    """FieldMatcher: an empty value is matched by any."""
    if not key:
        if isinstance(item, dict | list):
            raise Trouble("HF1705", "the patch has a list or a mapping in a list of plain values")
        return field_text(item) == value
    if not isinstance(item, dict) or key not in item:
        return False
    return not value or ("" if isinstance(item[key], dict | list) else text(item[key])) == value


def _appended(added: list[Value], dest: list[Value], keys: list[str]) -> list[Value]:
    """Return `added` and those of `dest` that are not among them (appendListNode)."""
    for each in list(dest):
        if not keys[0]:
            _set_item(added, each, [""], [text(each)])
            continue
        if not isinstance(each, dict) and not is_null(each):
            raise Trouble("HF1705", f"a list is merged by {', '.join(keys)}, and one of its items is no mapping")
        values = []
        for key in keys:
            if isinstance(each, dict) and key in each:
                values.append("" if isinstance(each[key], dict | list) else text(each[key]))
            else:
                added.append(each)
        if len(keys) > 1:
            _set_item(added, MISSING, keys, values)
        _set_item(added, each, keys, values)
    return added
