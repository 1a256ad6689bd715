"""Schema: a spec type → JSON Schema 2020-12 of its whole envelope, for editors and for the reference pages.

One source: the same dataclass that decode reads by. Field docstrings are not there at run time, so whoever may read files passes the source
text to `field_docs`. Law: what the schema refuses, decode refuses.
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from holdfast.declare.hint import (
    Hint,
    SpecField,
    bare,
    checks,
    choices,
    element,
    entries,
    is_enum,
    is_raw,
    is_spec,
    scalar,
    shapes,
    spec_fields,
    union,
)
from holdfast.kit.canonical import Json

Docs = Mapping[str, Mapping[str, str]]
"""Class name → field name in Python → docstring; the class's own under the empty name."""

_NONE: Final[Docs] = MappingProxyType({})
_CLASS = re.compile(r"class (\w+)\b")
_FIELD = re.compile(r"    (\w+)\s*:(?!:)")
_DOCSTRING = re.compile(r'    """(.*?)"""', re.DOTALL)


def field_docs(source_text: str) -> Docs:
    """Return the docstrings below the fields of each class at module level, in a source file that is formatted as this house's are."""
    docs: dict[str, dict[str, str]] = {}
    fields: dict[str, str] | None = None
    name, at, end = "", 0, 0
    for line in source_text.splitlines(keepends=True):
        if at < end:
            pass
        elif line[:1].strip():
            match = _CLASS.match(line)
            fields = docs.setdefault(match[1], {}) if match else None
            name = ""
        elif (match := _FIELD.match(line)) is not None:
            name = match[1]
        elif line.startswith(("    def ", "    async def ", "    @")):
            fields = None
        elif fields is not None and (text := _DOCSTRING.match(source_text, at)) is not None:
            fields.setdefault(name, _paragraphs(text[1]))
            end = text.end()
        at += len(line)
    return docs


def _paragraphs(text: str) -> str:
    first, _, rest = text.partition("\n")
    paragraphs = (first + "\n" + textwrap.dedent(rest)).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def json_schema(
    kind_name: str, api_version: str, spec_type: type[Any], docs: Docs = _NONE, passed_over: Collection[str] = ("status",)
) -> dict[str, Json]:
    """Return the JSON Schema of a resource of this kind; `passed_over` are fields at its top that a cluster writes."""
    schema = _Schema(docs)
    spec = schema.of(spec_type)
    has_required = any(item.is_required for item in spec_fields(spec_type).values())
    properties: dict[str, Json] = {
        "apiVersion": {"const": api_version},
        "kind": {"const": kind_name},
        "metadata": _metadata(),
        "spec": spec,
    }
    properties |= {key: {"description": "Written by a cluster, and passed over."} for key in passed_over}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind_name,
        "description": schema.about(spec_type),
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", *(["spec"] if has_required else [])],
        "properties": properties,
        "additionalProperties": False,
        "$defs": {name: schema.defs[name] for name in sorted(schema.defs)},
    }


def _metadata() -> dict[str, Json]:
    name: dict[str, Json] = {"type": "string", "maxLength": 63, "pattern": r"^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$"}
    texts: dict[str, Json] = {"type": "object", "additionalProperties": {"type": "string"}}
    properties: dict[str, Json] = {
        "name": name,
        "namespace": name,
        "annotations": texts,
        "labels": texts,
        "finalizers": {"type": "array", "items": {"type": "string"}},
    }
    return {"type": "object", "required": ["name"], "properties": properties}


def encode(hint: Hint, value: Any) -> Json:
    """Return a decoded value as a person would write it: what decode reads as the same value again. Defaults are left out."""
    if (mark := scalar(hint)) is not None:
        return mark.show(value)
    plain = bare(hint)
    if is_raw(plain):
        kept: Json = value
        return kept
    if members := union(plain):
        return encode(next(member for member in members if _is_of(member, value)), value)
    if is_spec(plain):
        fields = ((item, getattr(value, item.name)) for item in spec_fields(plain).values())
        return {item.key: encode(item.hint, each) for item, each in fields if item.is_required or each != item.default}
    if (item := element(plain)) is not None:
        shown = [encode(item, each) for each in value]
        return sorted(shown, key=str) if isinstance(value, frozenset) else shown
    if (pair := entries(plain)) is not None:
        return {key: encode(pair[1], each) for key, each in value.items()}
    simple: Json = value.value if is_enum(plain) else value
    return simple


def _is_of(hint: Hint, value: Any) -> bool:
    """Whether a decoded value is of this member of a union."""
    plain = bare(hint)
    if is_spec(plain) or is_enum(plain):
        return isinstance(value, plain)
    if values := choices(plain):
        return value in values
    if element(plain) is not None:
        return isinstance(value, tuple | list | frozenset)
    if entries(plain) is not None:
        return isinstance(value, Mapping)
    return is_raw(plain) or type(value) is plain


class _Schema:
    """One schema in the making: specs are collected as definitions."""

    def __init__(self, docs: Docs) -> None:
        self.docs = docs
        self.defs: dict[str, Json] = {}

    def about(self, spec_type: type[Any]) -> str:
        """Return a spec's own docstring, not the signature that dataclasses puts in its place."""
        text = self.docs.get(spec_type.__name__, {}).get("") or spec_type.__doc__ or ""
        return "" if text.startswith(f"{spec_type.__name__}(") else _paragraphs(text)

    def of(self, hint: Hint) -> dict[str, Json]:
        bounds: dict[str, Json] = {}
        for check in checks(hint):
            bounds |= check.schema
        if (mark := scalar(hint)) is not None:
            return {**mark.schema, "description": mark.expected, **bounds}
        return self.plain(bare(hint)) | bounds

    def plain(self, hint: Hint) -> dict[str, Json]:
        if is_raw(hint):
            return {}
        if members := union(hint):
            return {"anyOf": [self.of(member) for member in members]}
        if values := choices(hint):
            return {"enum": [*values]}
        if is_spec(hint):
            return self.reference(hint)
        if (item := element(hint)) is not None:
            return {"type": "array", "items": self.of(item)}
        if (pair := entries(hint)) is not None:
            key = scalar(pair[0])
            names: dict[str, Json] = {"propertyNames": dict(key.schema)} if key is not None else {}
            return {"type": "object", "additionalProperties": self.of(pair[1]), **names}
        kinds = shapes(hint)
        return {"type": "number" if "number" in kinds else next(iter(kinds))}

    def reference(self, spec_type: type[Any]) -> dict[str, Json]:
        name = spec_type.__name__
        if name not in self.defs:
            self.defs[name] = {}  # a spec that holds itself ends here
            self.defs[name] = self.definition(spec_type)
        return {"$ref": f"#/$defs/{name}"}

    def definition(self, spec_type: type[Any]) -> dict[str, Json]:
        fields = spec_fields(spec_type)
        required: list[Json] = [item.key for item in fields.values() if item.is_required]
        docs = self.docs.get(spec_type.__name__, {})
        return {
            "type": "object",
            "description": self.about(spec_type),
            "properties": {item.key: self.property(item, docs.get(item.name)) for item in fields.values()},
            "required": required,
            "additionalProperties": False,
        }

    def property(self, item: SpecField, text: str | None) -> dict[str, Json]:
        result = self.of(item.hint)
        if text is not None:
            result = result | {"description": text}
        if item.default is not None and item.default is not dataclasses.MISSING:
            result = result | {"default": encode(item.hint, item.default)}
        return result
