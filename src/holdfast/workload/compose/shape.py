"""Shape: what may stand in one place of a compose file, how two files join there, and its one long form.

The field tables are made of these; forms adds those with a short syntax. `read` checks a value and returns its long form without what is
wrong, so that one mistake hides no other; `merge` joins a later file's value over an earlier one's, both as written. Source: compose-spec
`13-merge.md`, the published schema, and the behaviour of compose-go. Law: reading what was read changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from holdfast.kit.canonical import Json
from holdfast.kit.suggest import did_you_mean
from holdfast.workload.compose import unit
from holdfast.workload.compose.node import RESET, Node, Path
from holdfast.workload.compose.told import Told

Index = Callable[[Node], Hashable]
"""What tells one element of a list from another; of two that are the same the later one stands."""


def kind_of(value: object) -> str:
    """Return the JSON type of a value; a whole float is an integer, as JSON Schema has it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case tuple():
            return "array"
    return "object"


def untagged(node: Node) -> Node | None:
    """Return a value without its tags; None where it is reset."""
    if node.tag == RESET:
        return None
    if isinstance(node.value, Mapping):
        return node.holding({key: found for key, each in node.value.items() if (found := untagged(each)) is not None}).under(node.key_mark)
    if isinstance(node.value, tuple):
        return node.holding(tuple(found for each in node.value if (found := untagged(each)) is not None)).under(node.key_mark)
    return node if node.tag is None else node.holding(node.value).under(node.key_mark)


class Shape:
    """Anything at all, and a later value replaces an earlier one."""

    expected = "a value"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        return node

    def merge(self, base: Node, over: Node) -> Node | None:
        return untagged(over)


ANY = Shape()


def join(shape: Shape, base: Node | None, over: Node) -> Node | None:
    """Return what a later file's value makes of an earlier one's; None where it resets it. Nothing written changes nothing."""
    if base is None or over.tag is not None or base.value is None:
        return untagged(over)
    return base if over.value is None else shape.merge(base, over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar(Shape):
    """A value in one word. `cast` gives its one spelling; ValueError with the reason, which may be empty."""

    types: frozenset[str]
    expected: str
    cast: Callable[[Json], Json] | None = None
    choices: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    least: float | None = None
    most: float | None = None
    is_path: bool = False
    """Whether it is a path, which starts where its file lies."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        value = node.value
        kind = kind_of(value)
        if kind not in self.types and not (kind == "integer" and "number" in self.types):
            told.expected(node, path, self.expected)
            return None
        if value is None:
            return None
        assert isinstance(value, str | int | float), "a list or mapping was turned away"
        try:
            made = self.cast(value) if self.cast is not None else value
            self._fits(value, made)
            if self.is_path and isinstance(made, str):
                made = told.resolve(node, made)
        except ValueError as error:
            told.expected(node, path, self.expected, str(error))
            return None
        assert not isinstance(made, list | dict), "a word casts to a word"
        return node if made is value else node.holding(made).under(node.key_mark)

    def _fits(self, value: Json, made: Json) -> None:
        if self.choices and made not in self.choices:
            guess = did_you_mean(str(made), self.choices)
            raise ValueError(f"did you mean {guess}?" if guess else "")
        if self.pattern is not None and isinstance(made, str) and not self.pattern.search(made):
            raise ValueError
        # The published schema bounds numbers, not the texts that stand for them.
        if isinstance(value, int | float):
            if self.least is not None and value < self.least:
                raise ValueError("it is less than that")
            if self.most is not None and value > self.most:
                raise ValueError("it is more than that")


def _types(*names: str) -> frozenset[str]:
    return frozenset(names)


TEXT = Scalar(types=_types("string"), expected="text")
WORD = Scalar(types=_types("string", "number"), expected="text or a number", cast=unit.written)
VALUE = Scalar(types=_types("string", "number", "boolean"), expected="text, a number, true or false", cast=unit.written)
FLAG = Scalar(types=_types("string", "boolean"), expected="true or false", cast=unit.flag)
STRICT_FLAG = Scalar(types=_types("boolean"), expected="true or false")
FLAG_TEXT = Scalar(types=_types("string", "boolean"), expected="text, true or false", cast=unit.written)
WHOLE = Scalar(types=_types("string", "integer"), expected="a whole number", cast=unit.whole)
LONG = Scalar(types=_types("string", "number"), expected="a whole number", cast=unit.whole)
REAL = Scalar(types=_types("string", "number"), expected="a number", cast=unit.real)
STRICT_REAL = Scalar(types=_types("number"), expected="a number", cast=unit.real)
STRICT_WHOLE = Scalar(types=_types("integer"), expected="a whole number", cast=unit.whole)
SIZE = Scalar(types=_types("string", "number"), expected="a size such as 512m", cast=unit.size)
WHOLE_SIZE = Scalar(types=_types("string", "integer"), expected="a size such as 512m", cast=unit.size)
TEXT_SIZE = Scalar(types=_types("string"), expected='a size in quotes such as "512m"', cast=unit.size)
SPAN = Scalar(types=_types("string"), expected="a duration such as 1m30s", cast=unit.span)
MODE = Scalar(types=_types("string", "number"), expected='a mode such as "0440"', cast=unit.mode)
FILE_PATH = Scalar(types=_types("string"), expected="a path", is_path=True)


def choice(*values: str) -> Scalar:
    return Scalar(
        types=_types("string"), expected=" or ".join(values) if len(values) < 4 else f"one of {', '.join(values)}", choices=values
    )


def pattern(expected: str, regex: str) -> Scalar:
    return Scalar(types=_types("string"), expected=expected, pattern=re.compile(regex))


def between(least: float, most: float | None, *, is_size: bool = False) -> Scalar:
    expected = f"a whole number of at least {least:g}" if most is None else f"a whole number from {least:g} to {most:g}"
    cast: Callable[[Json], Json] = unit.size if is_size else unit.whole
    return Scalar(types=_types("string", "integer"), expected=expected, cast=cast, least=least, most=most)


class How(StrEnum):
    HONOURED = "honoured"
    WARNED = "warned"
    """Understood and not honoured: a condition of the Application names it."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the tables, with what becomes of it on a Docker host."""

    shape: Shape
    how: How = How.HONOURED
    says: str = ""
    """What becomes of it, or why nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Shape):
    """A mapping of known fields. Fields that begin with x- may stand beside them and are kept."""

    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    is_open: bool = True
    null: str = "refused"
    """What `name:` with nothing after it is: refused, or `dropped`, or `empty`, that is {}."""
    expected: str = "a mapping"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if node.value is None and self.null != "refused":
            return None if self.null == "dropped" else node.holding({}).under(node.key_mark)
        if not isinstance(node.value, Mapping):
            told.expected(node, path, self.expected + (" or nothing" if self.null != "refused" else ""))
            return None
        found: dict[str, Node] = {}
        for key, each in node.value.items():
            field = self.fields.get(key)
            if field is None:
                if self.is_open and key.startswith("x-"):
                    found[key] = each
                else:
                    self._stranger(key, each, path, told)
            elif (read := field.shape.read(each, (*path, key), told)) is not None:
                found[key] = read
        for key in () if told.is_part else self.required:
            if key not in node.value:
                told.shape(node, path, f"{key} is missing", key=True, code="HF1412")
        return node.holding(found).under(node.key_mark)

    def _stranger(self, key: str, node: Node, path: Path, told: Told) -> None:
        guess = did_you_mean(key, self.fields)
        known = ", ".join(sorted(self.fields)) if len(self.fields) <= 12 else "a field that begins with x- is kept and means nothing"
        hint = f"did you mean {guess}?" if guess else f"known here: {known}" if len(self.fields) <= 12 else known
        told.shape(node, path, f"unknown field {key!r}", hint, key=True, code="HF1411")

    def merge(self, base: Node, over: Node) -> Node | None:
        return self.merged(base, over)

    def merged(self, base: Node, over: Node) -> Node | None:
        if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
            return untagged(over)
        found = dict(base.value)
        for key, each in over.value.items():
            field = self.fields.get(key)
            joined = join(field.shape if field is not None else ANY, found.get(key), each)
            if joined is not None:
                found[key] = joined
            else:
                found.pop(key, None)
        return base.holding(found).under(base.key_mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf(Shape):
    """A mapping from names to one shape. `name`: what a name must look like, where the published schema asks."""

    item: Shape
    name: re.Pattern[str] | None = None
    expected: str = "a mapping"
    keeps_null: bool = False
    is_nullable: bool = False

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if node.value is None and self.is_nullable:
            return None
        if not isinstance(node.value, Mapping):
            told.expected(node, path, self.expected)
            return None
        found: dict[str, Node] = {}
        for key, each in node.value.items():
            if self.name is not None and not self.name.fullmatch(key):
                told.shape(each, (*path, key), f"{key!r} is no name: letters, digits, '.', '_' and '-' only", key=True)
            elif each.value is None and self.keeps_null:
                found[key] = each
            elif (read := self.item.read(each, (*path, key), told)) is not None:
                found[key] = read
        return node.holding(found).under(node.key_mark)

    def merge(self, base: Node, over: Node) -> Node | None:
        if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
            return untagged(over)
        found = dict(base.value)
        for key, each in over.value.items():
            if (joined := join(self.item, found.get(key), each)) is not None:
                found[key] = joined
            else:
                found.pop(key, None)
        return base.holding(found).under(base.key_mark)


def by_value(node: Node) -> Hashable:
    return repr(node.to_json())


def by_key(node: Node) -> Hashable:
    """Return what stands before `=`: of `FOO=1` and `FOO=2` the later one stands."""
    return node.value.partition("=")[0] if isinstance(node.value, str) else by_value(node)


def once(nodes: Iterator[Node] | tuple[Node, ...], index: Index | None) -> tuple[Node, ...]:
    """Return `nodes` without those that come again: the later one takes the place of the earlier."""
    if index is None:
        return tuple(nodes)
    found: dict[Hashable, Node] = {}
    for node in nodes:
        found[index(node)] = node
    return tuple(found.values())


def replaced(nodes: tuple[Node, ...], kept: tuple[Node, ...]) -> Iterator[tuple[int, Node]]:
    """Yield each of `nodes` that another one took the place of, with its index: what is wrong with it is told all the same."""
    known = set(map(id, kept))
    return ((at, node) for at, node in enumerate(nodes) if id(node) not in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf(Shape):
    """A list. A later file adds to it. `index`: elements that are one thing; `is_set`: one that comes again is an error."""

    item: Shape
    index: Index | None = None
    is_set: bool = False
    expected: str = "a list"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if not isinstance(node.value, tuple):
            told.expected(node, path, self.expected)
            return None
        written = once(node.value, self.index)
        self.repeated(written, path, told)
        for at, each in replaced(node.value, written):
            self.item.read(each, (*path, at), told)
        items = [read for at, each in enumerate(written) if (read := self.item.read(each, (*path, at), told)) is not None]
        return node.holding(once(tuple(items), self.index)).under(node.key_mark)

    def repeated(self, nodes: tuple[Node, ...], path: Path, told: Told) -> None:
        seen: dict[Hashable, Node] = {}
        for at, each in enumerate(nodes if self.is_set else ()):
            if (first := seen.setdefault(by_value(each), each)) is not each:
                told.shape(each, (*path, at), f"it stands twice, first on line {(first.mark >> 32) + 1}", "remove one of the two")

    def merge(self, base: Node, over: Node) -> Node | None:
        if not isinstance(base.value, tuple) or not isinstance(over.value, tuple):
            return untagged(over)
        added = tuple(found for each in over.value if (found := untagged(each)) is not None)
        return base.holding(once((*base.value, *added), self.index or (by_value if self.is_set else None))).under(base.key_mark)


def yes(shape: Shape, says: str = "") -> Field:
    return Field(shape=shape, says=says)


def no(shape: Shape, says: str) -> Field:
    """Return a field that is understood and not honoured: a warning names it."""
    return Field(shape=shape, how=How.WARNED, says=says)


def never(shape: Shape, says: str) -> Field:
    return Field(shape=shape, how=How.REFUSED, says=says)


SWARM = "about the nodes of a swarm; a Docker host is one node"
TEXTS = ListOf(item=TEXT)
OPTIONS = MapOf(item=WORD)
NAME = re.compile(r"[a-zA-Z0-9._-]+")
