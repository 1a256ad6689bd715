"""Health rules: what a custom resource's own status says about its health, as data that anyone can read and extend.

A file of `health/` holds the rules of one API group; its name is the group's (`cert-manager.io.yaml`), `_.crossplane.io.yaml` is for
every group that ends so. Each key is a kind, or several with commas, `_` for every kind of the group; its value is a list of rules. The
first rule that says something decides:

    [Progressing, Waiting for certificate]                     a verdict, with its message
    {when: 'spec.suspend', is: [Suspended, it is suspended]}    a verdict under a condition
    {switch: status.phase, is: {Running: Healthy, 'Failed|Lost': Degraded, '*': Progressing}, message: '{status.message}'}
    {conditions: {Ready=True: Healthy, Ready=False: Degraded}}  the first of status.conditions that one of the keys fits; its message
    {each: status.nodes, rules: [...]}                          the first item about which the rules say something
    {when: 'status.ready', rules: [...]}                        rules under a condition
    {let: {total: 'sum(spec.sets, count)'}}                     a name for the rules that follow, written $total
    {cel: 'status.ready == spec.replicas', is: Healthy}         as `when`, in CEL: the object is `object`, and its fields are names

A key of `conditions` is Type, Type=Status, Type!=Status or Type=Status:Reason; `*` stands for any type, and a|b for either. `of` walks
another list than status.conditions. With `last: true` the last item or condition decides instead of the first.

Called by health. Laws: reading a file never raises, its errors name the line; judging only reads, and is the same for the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.declare.document import Document, Path
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kubernetes.expression import Expression, Scope, holds, parse_expression, parse_template
from holdfast.model.live import Health, Status

Rule: TypeAlias = Callable[[Scope], "Health | Scope | None"]
"""A verdict, nothing, or the scope in which the rules after it are asked (`let`)."""

_STATUSES: Mapping[str, Status] = {status.value: status for status in Status}
_FIELDS = frozenset({"when", "cel", "is", "switch", "message", "conditions", "of", "each", "rules", "let", "last"})
_CONDITIONS = parse_expression("$.status.conditions")
_NO_MESSAGE = parse_template("")
_OWN_MESSAGE = parse_template("{message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """The rules of one group: kind → its rules; `_` for kinds that have none of their own."""

    kinds: Mapping[str, tuple[Rule, ...]]

    def knows(self, kind: str) -> bool:
        return bool(self.kinds.get(kind) or self.kinds.get("_"))

    def judge(self, kind: str, live: Json) -> Health | None:
        """Return what the rules of `kind` say of `live`; None where there are none, or none of them says anything."""
        rules = self.kinds.get(kind) or self.kinds.get("_")
        return _decide(rules, Scope.of(live)) if rules else None


Cel: TypeAlias = Callable[[str], Callable[[Json], Json]]
"""Compiles a CEL expression: from an object to a value. Raises ValueError: for the expression when compiled, for an object when asked;
a field that an object does not have is null."""


def read_rules(path: str, data: bytes, cel: Cel | None = None) -> RuleFile | tuple[DeclarationError, ...]:
    """Return the rules that a file holds, or every error of it. Without `cel`, what depends on such a rule is Unknown."""
    parsed = read_yaml(path, data, Dialect.CORE)
    if parsed.errors:
        return parsed.errors
    reader = _Reader(cel)
    kinds: dict[str, tuple[Rule, ...]] = {}
    for document in parsed.documents:
        reader.document = document
        if not isinstance(document.value, dict):
            reader.wrong((), "expected kinds, each with its rules")
            continue
        for key, value in document.value.items():
            rules = reader.rules(value, (key,))
            kinds.update((kind.strip(), rules) for kind in key.split(","))
    return tuple(reader.errors) if reader.errors else RuleFile(kinds=kinds)


def _decide(rules: tuple[Rule, ...], scope: Scope) -> Health | None:
    for rule in rules:
        found = rule(scope)
        if isinstance(found, Health):
            return found
        if found is not None:
            scope = found
    return None


class _Reader:
    """Turns the values of one document into rules, and collects what is wrong with them."""

    document: Document

    def __init__(self, cel: Cel | None) -> None:
        self._cel = cel
        self.errors: list[DeclarationError] = []

    def wrong(self, path: Path, reason: str) -> None:
        where = self.document.where(path)
        self.errors.append(DeclarationError("HF1650", f"cannot read health rule: {reason}", where=[where]))

    def rules(self, value: Json, path: Path) -> tuple[Rule, ...]:
        if not isinstance(value, list):
            self.wrong(path, "expected a list of rules")
            return ()
        return tuple(self._rule(item, (*path, at)) for at, item in enumerate(value))

    def _rule(self, value: Json, path: Path) -> Rule:
        if not isinstance(value, dict):
            return self._verdict(value, path, _NO_MESSAGE)
        if unknown := sorted(value.keys() - _FIELDS):
            self.wrong((*path, unknown[0]), f"unknown field {unknown[0]!r}; known: {', '.join(sorted(_FIELDS))}")
        if "let" in value:
            return self._let(value["let"], (*path, "let"))
        when = self._expression(value["when"], (*path, "when")) if "when" in value else None
        inner = self._inner(value, path)
        if "cel" in value:
            if when is not None:
                self.wrong((*path, "cel"), "a rule has `when` or `cel`, not both")
            return self._under_cel(value["cel"], (*path, "cel"), inner)
        return inner if when is None else _under(when, inner)

    def _inner(self, value: dict[str, Json], path: Path) -> Rule:
        is_last = value.get("last") is True
        message = self._template(value["message"], (*path, "message")) if "message" in value else None
        if "conditions" in value:
            over = self._expression(value["of"], (*path, "of")) if "of" in value else _CONDITIONS
            fits = self._fits(value["conditions"], (*path, "conditions"), message or _OWN_MESSAGE)
            return _each(over, fits, is_last)
        if "each" in value:
            return _each(self._expression(value["each"], (*path, "each")), self.rules(value.get("rules"), (*path, "rules")), is_last)
        if "switch" in value:
            subject = self._expression(value["switch"], (*path, "switch"))
            return _switch(subject, self._cases(value.get("is"), (*path, "is"), message or _NO_MESSAGE))
        if "rules" in value:
            rules = self.rules(value["rules"], (*path, "rules"))
            return lambda scope: _decide(rules, scope)
        return self._verdict(value.get("is"), (*path, "is"), message or _NO_MESSAGE)

    def _verdict(self, value: Json, path: Path, message: Callable[[Scope], str]) -> Rule:
        """Read `Healthy`, `[Healthy, message]`, or either with the status as a template."""
        if isinstance(value, list) and len(value) == 2:
            message = self._template(value[1], (*path, 1))
            value = value[0]
        if not isinstance(value, str):
            self.wrong(path, "expected a status, or [status, message]")
            return _nothing
        if value in _STATUSES:
            status = _STATUSES[value]
            return lambda scope: Health(status, message(scope))
        if "{" not in value:
            self.wrong(path, f"unknown status {value!r}; known: {', '.join(_STATUSES)}")
        said = self._template(value, path)
        return lambda scope: Health(_STATUSES.get(said(scope), Status.UNKNOWN), message(scope))

    def _cases(self, value: Json, path: Path, message: Callable[[Scope], str]) -> dict[str, Rule]:
        if not isinstance(value, dict):
            self.wrong(path, "expected what each value means")
            return {}
        return {word.strip(): self._verdict(verdict, (*path, key), message) for key, verdict in value.items() for word in key.split("|")}

    def _fits(self, value: Json, path: Path, message: Callable[[Scope], str]) -> tuple[Rule, ...]:
        if not isinstance(value, dict):
            self.wrong(path, "expected conditions, each with what it means")
            return ()
        return tuple(_under(_fit(key), self._verdict(verdict, (*path, key), message)) for key, verdict in value.items())

    def _let(self, value: Json, path: Path) -> Rule:
        if not isinstance(value, dict):
            self.wrong(path, "expected names, each with an expression")
            return _nothing
        named = [(name, self._expression(text, (*path, name))) for name, text in value.items()]

        def let(scope: Scope) -> Scope:
            for name, expression in named:
                scope = scope.naming(name, expression(scope))
            return scope

        return let

    def _under_cel(self, text: Json, path: Path, inner: Rule) -> Rule:
        if not isinstance(text, str):
            self.wrong(path, "expected an expression of CEL")
            return _nothing
        if self._cel is None:
            lacking = Health(Status.UNKNOWN, "a rule in CEL cannot be asked: the extra `cel` is not installed")
            return lambda scope: lacking
        try:
            program = self._cel(text)
        except ValueError as error:
            self.wrong(path, str(error))
            return _nothing

        def under(scope: Scope) -> Health | Scope | None:
            try:
                value = program(scope.root)
            except ValueError as error:
                return Health(Status.UNKNOWN, f"a rule in CEL failed: {error}")
            if value is not None and not isinstance(value, bool):
                return Health(Status.UNKNOWN, "a rule in CEL failed: it is neither true nor false")
            return inner(scope) if value else None

        return under

    def _expression(self, text: Json, path: Path) -> Expression:
        try:
            return parse_expression(str(text).lower() if isinstance(text, bool) else text if isinstance(text, str) else "")
        except ValueError as error:
            self.wrong(path, str(error))
            return lambda scope: None

    def _template(self, text: Json, path: Path) -> Callable[[Scope], str]:
        if not isinstance(text, str):
            self.wrong(path, "expected text")
            return _NO_MESSAGE
        try:
            return parse_template(text)
        except ValueError as error:
            self.wrong(path, str(error))
            return _NO_MESSAGE


def _nothing(scope: Scope) -> None:
    return None


def _under(when: Expression, rule: Rule) -> Rule:
    return lambda scope: rule(scope) if holds(when(scope)) else None


def _each(over: Expression, rules: tuple[Rule, ...], is_last: bool) -> Rule:
    def each(scope: Scope) -> Health | None:
        verdicts: Iterator[Health | None] = (_decide(rules, scope.at(item)) for item in _walked(over(scope), is_last))
        return next((verdict for verdict in verdicts if verdict is not None), None)

    return each


def _walked(value: Json, is_last: bool) -> Iterator[Json]:
    items = [value[key] for key in sorted(value)] if isinstance(value, dict) else value if isinstance(value, list) else []
    return reversed(items) if is_last else iter(items)


def _switch(subject: Expression, cases: Mapping[str, Rule]) -> Rule:
    def switch(scope: Scope) -> Health | Scope | None:
        value = subject(scope)
        if value is None:
            return None
        rule = cases.get(value if isinstance(value, str) else str(value).lower()) or cases.get("*")
        return rule(scope) if rule else None

    return switch


def _fit(key: str) -> Expression:
    """Return whether a condition fits `Type`, `Type=Status`, `Type!=Status`, `Type=Status:Reason`."""
    kind, is_not, status = key.partition("!=")
    reason = ""
    if not is_not:
        kind, _, status = key.partition("=")
        status, _, reason = status.partition(":")
    kinds, statuses, reasons = (frozenset(part.split("|")) if part else frozenset() for part in (kind, status, reason))

    def fit(scope: Scope) -> Json:
        item = scope.item
        if not isinstance(item, dict) or not ("*" in kinds or item.get("type") in kinds):
            return False
        if statuses and (item.get("status") in statuses) is bool(is_not):
            return False
        return not reasons or item.get("reason") in reasons

    return fit
