"""A kind's fields in words, from the same specs that declarations are read by."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.cli.ink import Ink
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean

Schema = Mapping[str, Any]
ARGO = "argoproj.io/v1alpha1"


def kinds() -> Mapping[str, tuple[str, type[Any]]]:
    """Return every kind that may be written in a file: its apiVersion and its spec."""
    from holdfast.app.registry import registry
    from holdfast.delivery.application_spec import ApplicationSpec
    from holdfast.delivery.project_spec import AppProjectSpec

    found: dict[str, tuple[str, type[Any]]] = {kind.name: (kind.api_version, kind.spec_type) for kind in registry().kinds}
    found |= {"Application": (ARGO, ApplicationSpec), "AppProject": (ARGO, AppProjectSpec)}
    return dict(sorted(found.items()))


def describe(path: str) -> dict[str, Any] | None:
    """Return {kind, api_version, path, type, description, default, is_required, fields[], schema} of `Kind` or `Kind.field.field`.

    None where there is no such kind; UsageError (HF8008) where the kind has no such field.
    """
    from holdfast.declare.schema import json_schema

    written, *fields = path.split(".")
    known = kinds()
    name = next((name for name in known if name.casefold() == written.casefold()), None)
    if name is None:
        return None
    api_version, spec_type = known[name]
    whole = json_schema(name, api_version, spec_type, _docs(spec_type))
    found, is_required = _walk(whole, name, fields[1:] if fields[:1] == ["spec"] else fields)
    return {
        "kind": name,
        "api_version": api_version,
        "path": ".".join([name, *fields]),
        "type": _type(found, whole),
        "description": _about(found, whole),
        "default": found.get("default"),
        "is_required": is_required,
        "fields": [_field(key, each, whole, _inner(found, whole)) for key, each in _inner(found, whole).get("properties", {}).items()],
        "schema": whole if not fields else dict(found),
    }


def _docs(spec_type: type[Any]) -> Mapping[str, Mapping[str, str]]:
    """Return the docstrings of a spec and of all that its fields are made of, read from where they are written; inherited ones too."""
    from holdfast.declare.hint import bare, element, entries, is_raw, is_spec, spec_fields, union
    from holdfast.declare.schema import field_docs

    specs, hints = [spec_type], [item.hint for item in spec_fields(spec_type).values()]
    for hint in hints:
        plain = bare(hint)
        if is_spec(plain):
            if plain not in specs:
                specs.append(plain)
                hints += [item.hint for item in spec_fields(plain).values()]
        elif not is_raw(plain):
            pair = entries(plain)
            hints += [each for each in (*union(plain), element(plain), pair[1] if pair else None) if each is not None]
    docs: dict[str, Mapping[str, str]] = {}
    for module in dict.fromkeys(base.__module__ for spec in specs for base in spec.__mro__[:-1]):
        docs.update(field_docs(inspect.getsource(sys.modules[module])))
    return docs | {
        spec.__name__: {name: text for base in reversed(spec.__mro__) for name, text in docs.get(base.__name__, {}).items()}
        for spec in specs
    }


def _walk(whole: Schema, kind: str, fields: list[str]) -> tuple[Schema, bool]:
    at: Schema = whole["properties"]["spec"]
    is_required = True
    walked = kind
    for name in fields:
        inner = _inner(at, whole)
        known = inner.get("properties", {})
        if name not in known:
            guess = did_you_mean(name, known)
            hint = f"did you mean {walked}.{guess}?" if guess else f"`holdfast explain {walked}` shows what it has"
            raise UsageError("HF8008", f"cannot explain {walked}.{name}: {walked} has no such field", hint=hint)
        at, is_required, walked = known[name], name in inner.get("required", ()), f"{walked}.{name}"
    return at, is_required


def _inner(schema: Schema, whole: Schema) -> Schema:
    """Return the object that a field holds, also in a list or a mapping or as one of several; empty where it holds none."""
    if "$ref" in schema:
        found: Schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    for each in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())):
        if isinstance(each, dict) and (deeper := _inner(each, whole)).get("properties"):
            return deeper
    return schema


def _field(key: str, schema: Schema, whole: Schema, parent: Schema) -> dict[str, Any]:
    return {
        "name": key,
        "type": _type(schema, whole),
        "description": _about(schema, whole),
        "default": schema.get("default"),
        "is_required": key in parent.get("required", ()),
    }


def _about(schema: Schema, whole: Schema) -> str:
    return str(schema.get("description") or _inner(schema, whole).get("description", ""))


def _type(schema: Schema, whole: Schema) -> str:
    """Return the type in words."""
    if "$ref" in schema:
        return "object"
    if "anyOf" in schema:
        return " or ".join(_type(each, whole) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    told = schema.get("type", "any value")
    if told == "array":
        return f"list of {_type(schema.get('items', {}), whole)}"
    if told == "object" and isinstance(each := schema.get("additionalProperties"), dict):
        return f"mapping to {_type(each, whole)}"
    return " or ".join(told) if isinstance(told, list) else str(told)


def schema_lines(it: Schema, ink: Ink, width: int) -> Iterator[str]:
    yield ink.heading(f"{it['path']} ({it['type']})" + ("" if it["path"] != it["kind"] else f", {it['api_version']}"))
    if it["description"]:
        yield _filled(it["description"], width, "  ")
    if it["default"] is not None:
        yield f"  default: {json.dumps(it['default'], ensure_ascii=False)}"
    if it["fields"]:
        yield ""
        yield ink.paint("Fields" if it["path"] != it["kind"] else "Fields of spec", "cyan")
    for each in it["fields"]:
        extra = ", required" if each["is_required"] else ""
        if each["default"] not in (None, "", [], {}):
            extra = f", default {json.dumps(each['default'], ensure_ascii=False)}"
        yield f"  {ink.paint(each['name'], 'bold')} ({each['type']}{extra})"
        if each["description"]:
            yield _filled(each["description"], width, "      ")


def _filled(text: str, width: int, indent: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        textwrap.fill(each, width=min(width, 100), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        for each in paragraphs
    )
