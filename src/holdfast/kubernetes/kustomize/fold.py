"""Fold: a document whose keys are written as Go would take them, with the keys as the spec has them.

encoding/json, by which kustomize reads its own file, takes `nameprefix` and `fieldref.fieldpath` for what they are meant to be, and so do
many repositories. Law: a key that is exact stays; what is no field in any case stays too, for decode to refuse, or is left out where a
plug-in would pass it over.
"""

from __future__ import annotations

from typing import Any

from holdfast.declare.document import Document, Mark, Marks
from holdfast.declare.hint import Hint, bare, element, is_spec, spec_fields, union
from holdfast.kit.canonical import Json


def folded(document: Document, spec_type: type[Any], *, is_lenient: bool = False) -> Document:
    """Return the document with its keys as `spec_type` has them; `is_lenient`: without what it does not know."""
    value, mark = _folded(document.value, document.marks.root, spec_type, is_lenient)
    return Document(document.path, value, Marks(document.path, document.marks.text, mark), document.index, document.tags)


def _folded(value: Json, mark: Mark, hint: Hint, is_lenient: bool) -> tuple[Json, Mark]:
    hint = _inner(hint)
    if isinstance(value, list) and (item := element(hint)) is not None:
        marks = mark[1] if isinstance(mark, tuple) and isinstance(mark[1], list) else [_at(mark)] * len(value)
        pairs = [_folded(each, place, item, is_lenient) for each, place in zip(value, marks, strict=True)]
        return [each for each, _ in pairs], (_at(mark), [place for _, place in pairs])
    if isinstance(value, dict) and is_spec(hint):
        return _folded_mapping(value, mark, hint, is_lenient)
    return value, mark


def _folded_mapping(value: dict[str, Json], mark: Mark, hint: Hint, is_lenient: bool) -> tuple[Json, Mark]:
    fields = spec_fields(hint)
    exact = {key.lower(): key for key in fields}
    marks = mark[1] if isinstance(mark, tuple) and isinstance(mark[1], dict) else {}
    values: dict[str, Json] = {}
    places: dict[str, tuple[int, Mark]] = {}
    for key, each in value.items():
        name = key if key in fields else exact.get(key.lower(), key)
        if name not in fields and is_lenient:
            continue
        key_mark, place = marks.get(key, (_at(mark), _at(mark)))
        inner, place = _folded(each, place, fields[name].hint, is_lenient) if name in fields else (each, place)
        values[name], places[name] = inner, (key_mark, place)
    return values, (_at(mark), places)


def _at(mark: Mark) -> int:
    return mark if isinstance(mark, int) else mark[0]


def _inner(hint: Hint) -> Hint:
    """Return what a hint is beside None."""
    hint = bare(hint)
    members = [each for each in union(hint) if each is not type(None)]
    return bare(members[0]) if len(members) == 1 else hint
