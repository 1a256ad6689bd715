"""Decode: a document's plain values → a typed spec, or every error of it with its place.

Called by formats and by the derivation for each declaration. Rooms define specs as plain dataclasses and know nothing of this. A decoder of
our own rather than a validation library's: the place, the "did you mean" and the choice among the members of a union all need the walk over
the types anyway. Laws: `decode(encode(spec)) == spec`; every error is reported, not only the first; nothing unknown is passed over.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeVar

from holdfast.declare.document import Document, Failed, Limits, Path
from holdfast.declare.hint import (
    Hint,
    SpecField,
    bare,
    checks,
    choices,
    described,
    element,
    entries,
    expectation,
    is_enum,
    is_raw,
    is_spec,
    scalar,
    shape,
    shapes,
    spec_fields,
    union,
)
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.suggest import did_you_mean

T = TypeVar("T")


class _Bad:
    """Stands for a value whose errors are recorded."""


BAD: Final = _Bad()
_MOST_ERRORS = Limits().errors


class _Enough(Exception):
    """So many errors that no more are looked for."""


def decode(document: Document, spec_type: type[T], at: Path = ()) -> T | Failed:
    """Return the value at `at` as a `spec_type`, or all its errors. A path that is not there reads as an empty mapping."""
    value: Json = document.value
    for step in at:
        if isinstance(value, dict):
            value = value.get(str(step), {})
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            value = {}
    decoder = _Decoder(document)
    try:
        result = decoder.value(spec_type, value, at)
    except _Enough:
        result = BAD
    return Failed(tuple(sorted(decoder.errors, key=_place))) if decoder.errors else result


def _place(error: DeclarationError) -> tuple[int, int]:
    where = error.where[0]
    return where.line or 0, where.column or 0


def words(path: Path) -> str:
    """Return a path as people write it: `spec.probes[0].http`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the document"


class _Decoder:
    """One walk over a value and its type."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.errors: list[DeclarationError] = []

    def error(self, code: str, message: str, path: Path, hint: str | None = None, *, key: bool = False) -> _Bad:
        self.errors.append(DeclarationError(code, message, where=[self.document.where(path, key)], hint=hint))
        if len(self.errors) >= _MOST_ERRORS:
            raise _Enough
        return BAD

    def wrong(self, hint: Hint, value: Json, path: Path, reason: str = "", *, key: bool = False) -> _Bad:
        message = f"cannot read {words(path)}: expected {expectation(hint)}, got {described(value)}"
        return self.error("HF1021", f"{message} ({reason})" if reason else message, path, _advice(hint, value), key=key)

    def value(self, hint: Hint, value: Json, path: Path) -> Any:
        """Return `value` as `hint` asks, or BAD after recording why not."""
        if (mark := scalar(hint)) is not None:
            try:
                result = mark.parse(value)
            except ValueError as error:
                return self.wrong(hint, value, path, str(error))
        else:
            plain = bare(hint)
            result = value if is_raw(plain) else self.shaped(plain, value, path, hint)
        for check in checks(hint):
            if result is not BAD and (reason := check.reason(result)) is not None:
                return self.wrong(hint, value, path, reason)
        return result

    def shaped(self, hint: Hint, value: Json, path: Path, asked: Hint) -> Any:
        if members := union(hint):
            return self.member(hint, members, value, path)
        if shape(value) not in shapes(hint):
            return self.wrong(asked, value, path)
        if values := choices(hint):
            return self.choice(hint, values, value, path)
        if is_spec(hint):
            return self.spec(hint, value, path)
        if (item := element(hint)) is not None:
            return self.items(hint, item, value, path)
        if (pair := entries(hint)) is not None:
            return self.mapping(*pair, value, path)
        return float(value) if hint is float and isinstance(value, int) else value

    def choice(self, hint: Hint, values: Collection[Json], value: Json, path: Path) -> Any:
        # 1 == True, so the types are compared too.
        if any(type(known) is type(value) and known == value for known in values):
            return hint(value) if is_enum(hint) else value
        guess = did_you_mean(str(value), [str(known) for known in values])
        message = f"cannot read {words(path)}: expected {expectation(hint)}, got {described(value)}"
        return self.error("HF1023", message, path, f"did you mean {guess}?" if guess else None)

    def items(self, hint: Hint, item: Hint, value: Any, path: Path) -> Any:
        results = [self.value(item, each, (*path, index)) for index, each in enumerate(value)]
        if any(result is BAD for result in results):
            return BAD
        kind: type[Any] = hint.__origin__
        return kind(results)

    def mapping(self, key_hint: Hint, item: Hint, value: Any, path: Path) -> Any:
        result: dict[Any, Any] = {}
        for key, each in value.items():
            name = self.key(key_hint, key, (*path, key))
            decoded = self.value(item, each, (*path, key))
            result[BAD if decoded is BAD else name] = decoded
        return BAD if BAD in result else result

    def key(self, hint: Hint, key: str, path: Path) -> Any:
        mark = scalar(hint)
        if mark is None:
            return key
        try:
            return mark.parse(key)
        except ValueError as error:
            return self.wrong(hint, key, path, str(error), key=True)

    def member(self, hint: Hint, members: tuple[Hint, ...], value: Json, path: Path) -> Any:
        """Decode by the member of a union whose shape `value` has; of several, by the first that takes it, else by the likeliest."""
        fitting = [member for member in members if shape(value) in shapes(member)]
        if not fitting:
            return self.wrong(hint, value, path)
        if len(fitting) == 1:
            return self.value(fitting[0], value, path)
        for member in fitting:
            if (result := self.attempt(member, value, path)) is not BAD:
                return result
        return self.value(_likeliest(fitting, value), value, path)

    def attempt(self, hint: Hint, value: Json, path: Path) -> Any:
        """Return what `decode` would, or BAD without recording why."""
        attempt = _Decoder(self.document)
        try:
            result = attempt.value(hint, value, path)
        except _Enough:
            return BAD
        return BAD if attempt.errors else result

    def spec(self, spec_type: type[Any], value: Any, path: Path) -> Any:
        fields = spec_fields(spec_type)
        known = len(self.errors)
        for key in value:
            if key not in fields:
                self.unknown(key, fields, (*path, key))
        arguments = {item.name: self.field(item, value, path) for item in fields.values() if not _is_absent(item, value)}
        if len(self.errors) > known:
            return BAD
        try:
            return spec_type(**arguments)
        except ValueError as error:
            return self.error("HF1024", f"cannot read {words(path)}: {error}", path)

    def field(self, item: SpecField, value: Any, path: Path) -> Any:
        if item.key in value:
            return self.value(item.hint, value[item.key], (*path, item.key))
        message = f"cannot read {words(path)}: {item.key} is missing"
        return self.error("HF1022", message, path, f"add {item.key}: {expectation(item.hint)}", key=True)

    def unknown(self, key: str, fields: Collection[str], path: Path) -> None:
        guess = did_you_mean(key, fields)
        hint = f"did you mean {guess}?" if guess else f"known here: {', '.join(sorted(fields))}"
        self.error("HF1020", f"cannot read {words(path[:-1])}: unknown field {key!r}", path, hint, key=True)


def _is_absent(item: SpecField, value: Any) -> bool:
    """Whether the default stands: not written, or written as null where null is no value (as the Kubernetes API server reads it)."""
    if item.is_required:
        return False
    return item.key not in value or (value[item.key] is None and "null" not in shapes(item.hint))


def _likeliest(members: list[Hint], value: Json) -> Hint:
    """Return the spec that shares most keys with `value`; the first member where none is a spec."""

    def shared(member: Hint) -> int:
        return len(spec_fields(bare(member)).keys() & value.keys()) if is_spec(bare(member)) and isinstance(value, dict) else 0

    return max(members, key=shared)


def _advice(hint: Hint, value: Json) -> str | None:
    wanted = shapes(hint)
    if isinstance(value, bool | int | float) and "string" in wanted and shape(value) not in wanted:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f'put it in quotes: "{text}"'
    if isinstance(value, str) and "array" in wanted and "string" not in wanted:
        return "write a list: [" + ", ".join(value.split()[:3]) + (", …]" if len(value.split()) > 3 else "]")
    if isinstance(value, str) and "string" not in wanted:
        if "boolean" in wanted and value.lower() in {"yes", "no", "on", "off"}:
            return "only true and false are booleans here"
        if value.isdecimal() and "integer" in wanted:
            return f"remove the quotes: {value}"
    return None
