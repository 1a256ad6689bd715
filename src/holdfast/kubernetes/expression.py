"""Expression: the small language in which health rules ask something of an object.

Used by health_rule; the rules themselves are data files that anyone can read and extend. Laws: an expression only reads; it always ends,
in time linear in what it looks at for each list it walks; a path that leads nowhere is null, never an error.

    status.phase == "Running" and len(status.conditions) > 0
    status.conditions[type="Ready"].message ?? "no message"
    any(status.nodes, not ready)                     inside any, all, count, filter, map: paths begin at the item, `it`
    $.metadata.generation == observedGeneration      $ is the whole object, $name a value that `let` named

`and`, `or` and `not` take null and false as no, everything else as yes; order (`<`) is of two numbers or two texts, else no. `+` adds
numbers and joins texts, null joining as nothing. `a ?? b` is b where a is null or false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

from holdfast.kit.canonical import Json

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?P<name>\$?[A-Za-z_][A-Za-z0-9_]*|\$)"""
    r"""|(?P<mark>\?\?|==|!=|<=|>=|[<>+\-().,\[\]=]))"""
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES: Mapping[str, str] = MappingProxyType({"n": "\n", "t": "\t"})
_MOST_DEPTH = 40
"""Parentheses and brackets within each other."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression sees."""

    root: Json
    item: Json
    """Where plain paths begin: the object itself, or the item of a list that is walked."""
    named: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Json) -> Scope:
        return cls(root, root)

    def at(self, item: Json) -> Scope:
        return replace(self, item=item)

    def naming(self, name: str, value: Json) -> Scope:
        return replace(self, named={**self.named, name: value})


Expression: TypeAlias = Callable[[Scope], Json]


def parse_expression(text: str) -> Expression:
    """Return what `text` asks; ValueError says what is wrong and where."""
    return _Parser(text).whole()


def parse_template(text: str) -> Callable[[Scope], str]:
    """Return the text with each `{expression}` replaced by its value; `{{` and `}}` are braces. ValueError as above."""
    parts: list[str | Expression] = []
    at = 0
    for found in re.finditer(r"\{\{|\}\}|\{((?:[^{}\"]|\"[^\"]*\")*)\}", text):
        parts.append(text[at : found.start()])
        parts.append(found[0][0] if found[1] is None else parse_expression(found[1]))
        at = found.end()
    parts.append(text[at:])
    return lambda scope: "".join(part if isinstance(part, str) else shown(part(scope)) for part in parts)


def shown(value: Json) -> str:
    """Return a value as a message says it: null is nothing, a whole number has no point."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case list():
            return ", ".join(shown(each) for each in value)
        case dict():
            return ", ".join(f"{key}: {shown(each)}" for key, each in value.items())
    return str(value)


def holds(value: Json) -> bool:
    return value is not None and value is not False


class _Parser:
    """Precedence climbing by hand: or, and, not, comparison, + and -, ??, and what a path begins with."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(text.rstrip()):
            if (found := _TOKEN.match(text, at)) is None:
                raise ValueError(f"cannot read {text[at:].strip()[:20]!r} in {text!r}")
            self._tokens.append((str(found.lastgroup), found[found.lastgroup or 0], found.end()))
            at = found.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        result = self._either()
        if self._at < len(self._tokens):
            raise ValueError(f"nothing is expected before {self._tokens[self._at][1]!r} in {self._text!r}")
        return result

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) and self._tokens[self._at][0] != "text" else ""

    def _accept(self, *marks: str) -> str:
        if (found := self._peek()) in marks and found:
            self._at += 1
            return found
        return ""

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            raise ValueError(f"expected {mark!r} after {self._so_far()!r} in {self._text!r}")

    def _so_far(self) -> str:
        return self._text[: self._tokens[self._at - 1][2]] if self._at else ""

    def _either(self) -> Expression:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ValueError(f"too deep: {self._text!r}")
        left = self._both()
        while self._accept("or"):
            left = _or(left, self._both())
        self._depth -= 1
        return left

    def _both(self) -> Expression:
        left = self._no()
        while self._accept("and"):
            left = _and(left, self._no())
        return left

    def _no(self) -> Expression:
        is_turned = False
        while self._accept("not"):
            is_turned = not is_turned
        inner = self._compared()
        return (lambda scope: not holds(inner(scope))) if is_turned else inner

    def _compared(self) -> Expression:
        left = self._sum()
        if word := self._accept("==", "!=", "<", "<=", ">", ">=", "in", "contains", "starts", "ends"):
            return _compare(_COMPARISONS[word], left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._else()
        while mark := self._accept("+", "-"):
            left = _compare(_add if mark == "+" else _subtract, left, self._else())
        return left

    def _else(self) -> Expression:
        left = self._path()
        while self._accept("??"):
            left = _otherwise(left, self._path())
        return left

    def _path(self) -> Expression:
        value = self._start()
        while mark := self._accept(".", "["):
            value = _step(value, self._name()) if mark == "." else self._bracket(value)
        return value

    def _name(self) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "name":
            self._at += 1
            return self._tokens[self._at - 1][1]
        raise ValueError(f"expected a name after {self._so_far()!r} in {self._text!r}")

    def _bracket(self, value: Expression) -> Expression:
        kind, word, _ = self._tokens[self._at] if self._at < len(self._tokens) else ("", "", 0)
        if kind == "name" and self._at + 1 < len(self._tokens) and self._tokens[self._at + 1][1] == "=":
            self._at += 2
            wanted = self._start()
            self._expect("]")
            return _first(value, word, wanted)
        key = self._either()
        self._expect("]")
        return _index(value, key)

    def _start(self) -> Expression:
        if self._at >= len(self._tokens):
            raise ValueError(f"something is missing at the end of {self._text!r}")
        kind, word, _ = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return _constant(float(word) if "." in word else int(word))
        if kind == "text":
            return _constant(_ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), word[1:-1]) if word[0] == '"' else word[1:-1])
        if word == "(":
            inner = self._either()
            self._expect(")")
            return inner
        if word == "[":
            return self._list()
        if kind != "name":
            raise ValueError(f"cannot read {word!r} in {self._text!r}")
        if word in _WORDS:
            return _constant(_WORDS[word])
        if self._accept("("):
            return self._call(word)
        if word == "$":
            return lambda scope: scope.root
        if word == "it":
            return lambda scope: scope.item
        if word.startswith("$"):
            return lambda scope: scope.named.get(word[1:])
        return _step(lambda scope: scope.item, word)

    def _list(self) -> Expression:
        items: list[Expression] = []
        while not self._accept("]"):
            items.append(self._either())
            if not self._accept(","):
                self._expect("]")
                break
        return lambda scope: [item(scope) for item in items]

    def _call(self, name: str) -> Expression:
        if name in _OVER_ITEMS:
            over = self._either()
            self._expect(",")
            inner = self._either()
            self._expect(")")
            return _walk(_OVER_ITEMS[name], over, inner)
        if name not in _FUNCTIONS:
            raise ValueError(f"unknown function {name!r} in {self._text!r}; known: {', '.join(sorted({*_OVER_ITEMS, *_FUNCTIONS}))}")
        arguments: list[Expression] = []
        while not self._accept(")"):
            arguments.append(self._either())
            if not self._accept(","):
                self._expect(")")
                break
        count, function = _FUNCTIONS[name]
        if len(arguments) != count:
            raise ValueError(f"{name} takes {count} arguments in {self._text!r}")
        return lambda scope: function(*(argument(scope) for argument in arguments))


_WORDS: Mapping[str, Json] = MappingProxyType({"true": True, "false": False, "null": None})


def _constant(value: Json) -> Expression:
    return lambda scope: value


def _or(left: Expression, right: Expression) -> Expression:
    return lambda scope: holds(left(scope)) or holds(right(scope))


def _and(left: Expression, right: Expression) -> Expression:
    return lambda scope: holds(left(scope)) and holds(right(scope))


def _otherwise(left: Expression, right: Expression) -> Expression:
    def choose(scope: Scope) -> Json:
        value = left(scope)
        return value if holds(value) else right(scope)

    return choose


def _compare(relation: Callable[[Json, Json], Json], left: Expression, right: Expression) -> Expression:
    return lambda scope: relation(left(scope), right(scope))


def _step(value: Expression, name: str) -> Expression:
    def step(scope: Scope) -> Json:
        found = value(scope)
        return found.get(name) if isinstance(found, dict) else None

    return step


def _index(value: Expression, key: Expression) -> Expression:
    def index(scope: Scope) -> Json:
        match value(scope), key(scope):
            case dict() as found, str() as name:
                member: Json = found.get(name)
                return member
            case list() as items, int() as at if -len(items) <= at < len(items):
                item: Json = items[at]
                return item
        return None

    return index


def _first(value: Expression, name: str, wanted: Expression) -> Expression:
    def first(scope: Scope) -> Json:
        sought = wanted(scope)
        return next((item for item in _items(value(scope)) if isinstance(item, dict) and _equal(item.get(name), sought)), None)

    return first


def _items(value: Json) -> list[Json]:
    """Return what there is to walk: a list's items, a mapping's values in key order, nothing of anything else."""
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return value if isinstance(value, list) else []


def _walk(over: Callable[[list[tuple[Json, Json]]], Json], items: Expression, inner: Expression) -> Expression:
    return lambda scope: over([(item, inner(scope.at(item))) for item in _items(items(scope))])


def _equal(left: Json, right: Json) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _ordered(relation: Callable[[float, float], bool], words: Callable[[str, str], bool]) -> Callable[[Json, Json], Json]:
    def compare(left: Json, right: Json) -> Json:
        if isinstance(left, str) and isinstance(right, str):
            return words(left, right)
        if isinstance(left, int | float) and isinstance(right, int | float):
            return relation(left, right)
        return False

    return compare


def _add(left: Json, right: Json) -> Json:
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left + right
    return shown(left) + shown(right)


def _subtract(left: Json, right: Json) -> Json:
    return left - right if isinstance(left, int | float) and isinstance(right, int | float) else None


def _contains(left: Json, right: Json) -> Json:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return any(_equal(item, right) for item in left) if isinstance(left, list) else isinstance(left, dict) and right in left


_COMPARISONS: Mapping[str, Callable[[Json, Json], Json]] = MappingProxyType(
    {
        "==": _equal,
        "!=": lambda left, right: not _equal(left, right),
        "<": _ordered(lambda left, right: left < right, lambda left, right: left < right),
        "<=": _ordered(lambda left, right: left <= right, lambda left, right: left <= right),
        ">": _ordered(lambda left, right: left > right, lambda left, right: left > right),
        ">=": _ordered(lambda left, right: left >= right, lambda left, right: left >= right),
        "in": lambda left, right: _contains(right, left),
        "contains": _contains,
        "ends": lambda left, right: isinstance(left, str) and isinstance(right, str) and left.endswith(right),
        "starts": lambda left, right: isinstance(left, str) and isinstance(right, str) and left.startswith(right),
    }
)
_OVER_ITEMS: Mapping[str, Callable[[list[tuple[Json, Json]]], Json]] = MappingProxyType(
    {
        "any": lambda pairs: any(holds(value) for _, value in pairs),
        "all": lambda pairs: all(holds(value) for _, value in pairs),
        "count": lambda pairs: sum(holds(value) for _, value in pairs),
        "filter": lambda pairs: [item for item, value in pairs if holds(value)],
        "map": lambda pairs: [value for _, value in pairs],
        "sum": lambda pairs: sum(value for _, value in pairs if isinstance(value, int | float)),
        "sort": lambda pairs: [item for item, _ in sorted(pairs, key=lambda pair: (pair[1] is None, shown(pair[1])))],
    }
)


def _number(value: Json) -> Json:
    """Return a number, of text that is one; null otherwise. Texts of hundreds of digits are nobody's number."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,18}(?:\.\d{1,18})?\s*", value):
        return float(value) if "." in value else int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _json(text: Json) -> Json:
    """Return what JSON text holds, null where it is none."""
    try:
        value: Json = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value


_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Json]]] = MappingProxyType(
    {
        "len": (1, lambda value: len(value) if isinstance(value, list | dict | str) else 0),
        "number": (1, _number),
        "json": (1, _json),
        "lower": (1, lambda value: value.lower() if isinstance(value, str) else None),
        "left": (2, lambda value, count: value[:count] if isinstance(value, str) and isinstance(count, int) else None),
        "split": (2, lambda value, mark: [*value.split(mark)] if isinstance(value, str) and isinstance(mark, str) and mark else None),
        "cut": (2, lambda value, part: value.replace(part, "") if isinstance(value, str) and isinstance(part, str) and part else value),
        "join": (2, lambda items, mark: shown(mark).join(shown(item) for item in _items(items))),
        "lookup": (
            2,
            lambda rows, key: next(
                (row[1] for row in _items(rows) if isinstance(row, list) and row[0] == key), f"{shown(key)}: still present."
            ),
        ),
        "entries": (1, lambda value: [[key, value[key]] for key in sorted(value)] if isinstance(value, dict) else None),
        "numbered": (1, lambda value: [[at, item] for at, item in enumerate(_items(value), 1)]),
    }
)
