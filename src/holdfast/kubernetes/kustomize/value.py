"""Value: what a manifest holds while it is worked on: JSON, and as much of its spelling as changes what comes of it.

kustomize works on the nodes of YAML, not on values: a patch that writes 5 over "4" gives "5", since the quotes stay where they were; a
float copied into text is the text that was written; `key:` and `key: null` are not the same to a merge. So text that was quoted is
`Quoted`, a float keeps its `Spelled` text, and a null that nobody wrote is BLANK. Laws: `plain(drafted(document))` equals the document's
value; `text` is what the node's text would be.
"""

from __future__ import annotations

from typing import Any, Final, Self, TypeAlias

from holdfast.declare.document import Document, Mark
from holdfast.declare.resolve import Dialect, Unclear, resolve
from holdfast.kit.canonical import Json

DIALECT: Final = Dialect.COMPOSE
"""kustomize reads resources by yaml.v3: `yes` is text there, and so it is in what it writes."""

Value: TypeAlias = Any
"""dict[str, Value] | list[Value] | str | int | float | bool | None | BLANK, changed in place."""

_QUOTES = frozenset("\"'|>")


class Quoted(str):
    """Text that stands in quotes or in a block."""

    __slots__ = ()


class Loose(str):
    """Text that was set without saying that it is text: a name, an image. In the end it is what it reads as."""

    __slots__ = ()


class Misfit(str):
    """Text that was put where a number or a boolean stands: wrong, unless it is gone in the end. `place` had the right type."""

    __slots__ = ("place",)

    def __new__(cls, value: str, place: Value) -> Self:
        made = super().__new__(cls, value)
        made.place = place
        return made

    place: Value


class Spelled(float):
    """A float and how it was written."""

    __slots__ = ("spelling",)

    def __new__(cls, value: float, spelling: str) -> Self:
        made = super().__new__(cls, value)
        made.spelling = spelling
        return made

    spelling: str


class Whole(int):
    """An integer that was written in another way than its digits."""

    def __new__(cls, value: int, spelling: str) -> Self:
        made = super().__new__(cls, value)
        made.spelling = spelling
        return made

    spelling: str


class Tie:
    """What several places of one object have in common: writing to one of them writes to all."""

    __slots__ = ("is_moved", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self.is_moved = False


class Tied(str):
    """Text that was set at several places at once.

    kustomize puts one and the same node there, so that whatever is written to one place later changes all of them; it has been seen in
    repositories that set a label twice, and what comes out must be equal.
    """

    __slots__ = ("tie",)

    def __new__(cls, value: str, tie: Tie) -> Self:
        made = super().__new__(cls, value)
        made.tie = tie
        return made

    tie: Tie


class Empty:
    """A null that is not written as such, or a value that was made and not set yet."""

    __slots__ = ("spelling",)

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling


BLANK: Final = Empty("")
"""`key:` with nothing after it."""
TILDE: Final = Empty("~")
FRESH: Final = Empty("")
"""A scalar that was made because it was not there; whatever is put there takes the type that it reads as."""
MISSING: Final = Empty("")
"""No value at all; never stored."""


def is_null(value: Value) -> bool:
    """Say whether a value is null, written or not, or not there."""
    return value is None or (isinstance(value, Empty) and value is not FRESH)


def is_scalar(value: Value) -> bool:
    return not isinstance(value, dict | list)


def is_text(value: Value) -> bool:
    return (isinstance(value, str) and not isinstance(value, Misfit)) or value is FRESH


def is_empty(value: Value) -> bool:
    """Say whether there is nothing in a value: null, or a list or mapping without items."""
    return is_null(value) or (isinstance(value, dict | list) and not value)


def text(value: Value) -> str:
    """Return the text of a scalar as it is written; empty for null that is not written, for lists and for mappings."""
    match value:
        case str():
            return str(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Spelled() | Whole() | Empty():
            return value.spelling
        case float():
            return repr(value) if not value.is_integer() or abs(value) >= 1e21 else str(int(value))
        case int():
            return str(value)
    return ""


def field_text(value: Value) -> str:
    """Return the text of a scalar, empty for null."""
    return "" if is_null(value) else text(value)


def read(word: str) -> Json:
    """Return what unquoted text is read as; text where it is nothing else."""
    try:
        return resolve(word, DIALECT)
    except Unclear:
        return word


_YAML_1_1: Final = frozenset(form for word in "y yes n no on off".split() for form in (word, word.capitalize(), word.upper()))


def is_plain(value: str) -> bool:
    """Say whether text may stand without quotes and still be text."""
    return isinstance(read(value), str)


def new(value: Value) -> Value:
    """Return a value as it is where there was none: text that some reader would take for something else is quoted."""
    if isinstance(value, str) and not isinstance(value, Quoted | Tied) and value and (value in _YAML_1_1 or not is_plain(value)):
        return Quoted(value)
    return value


def put(old: Value, value: Value) -> Value:
    """Return what stands where `value` is written over `old`, MISSING where nothing did: quotes that are there stay."""
    if old is MISSING:
        return new(value)
    if old is FRESH or isinstance(value, dict | list) or is_null(value):
        return value
    if isinstance(old, Quoted):
        return Quoted(text(value))
    written = str(value) if isinstance(value, str) and not isinstance(value, Loose | Misfit) else value
    return _moved(old.tie, written) if isinstance(old, Tied) else written


def put_loose(old: Value, said: str) -> Value:
    """Return what stands where text is written over `old` by a setter that knows no types."""
    return put(old, Quoted(said) if old is MISSING and not is_plain(said) else Loose(said))


def _moved(tie: Tie, value: Value) -> Value:
    tie.value, tie.is_moved = value, True
    return Tied(value, tie) if isinstance(value, str) else value


def settle(value: Value) -> Value:
    """Return a value whose tied places all hold what was last written to one of them."""
    if isinstance(value, dict):
        for key, each in value.items():
            value[key] = settle(each)
    elif isinstance(value, list):
        value[:] = map(settle, value)
    elif isinstance(value, Tied) and value.tie.is_moved:
        return Tied(value.tie.value, value.tie) if isinstance(value.tie.value, str) else value.tie.value
    return value


def retext(old: Value, said: str) -> Value:
    """Return `old` with another text: it keeps its type, and is a Misfit where the text cannot be one of that."""
    if isinstance(old, Tied):
        return _moved(old.tie, said)
    if isinstance(old, Misfit):
        return retext(old.place, said)
    if isinstance(old, str):
        return type(old)(said)
    if old is FRESH:
        return Loose(said)
    found = read(said)
    if isinstance(found, bool) or not isinstance(found, int | float):
        spelled_: Value = found
    elif isinstance(found, float) or isinstance(old, float):
        spelled_ = Spelled(float(found), said)
    else:
        spelled_ = found if str(found) == said else Whole(found, said)
    if is_null(old):
        return old if spelled_ is None else Misfit(said, old)
    kinds = (bool, int, float)
    if next((kind for kind in kinds if isinstance(old, kind)), None) is not next(
        (kind for kind in kinds if isinstance(spelled_, kind)), None
    ):
        return Misfit(said, old)
    return spelled_


def drafted(document: Document) -> Value:
    """Return the document's value to be worked on; the document itself stays as it is."""
    return _drafted(document.value, document.marks.root, document.marks.lines)


def _drafted(value: Json, mark: Mark, lines: tuple[str, ...]) -> Value:
    if isinstance(value, dict):
        if isinstance(mark, int) or not isinstance(mark[1], dict):
            return {key: _drafted(item, 0, ()) for key, item in value.items()}
        marks = mark[1]
        return {key: _drafted(item, marks[key][1], lines) for key, item in value.items()}
    if isinstance(value, list):
        if isinstance(mark, int) or not isinstance(mark[1], list):
            return [_drafted(item, 0, ()) for item in value]
        return [_drafted(item, each, lines) for item, each in zip(value, mark[1], strict=True)]
    if isinstance(value, str):
        return Quoted(value) if _at(mark, lines, 1) in _QUOTES else value
    if value is None:
        first = _at(mark, lines, 1)
        return TILDE if first == "~" else None if first in {"n", "N"} else BLANK
    if not isinstance(value, bool):
        return _spelled(value, _word(_at(mark, lines, 40)))
    return value


def _spelled(value: float, word: str) -> Value:
    if isinstance(value, int):
        return value if not word or word == str(value) else Whole(value, word)
    return Spelled(value, word or repr(value))


def _at(mark: Mark, lines: tuple[str, ...], length: int) -> str:
    packed = mark if isinstance(mark, int) else mark[0]
    line, column = packed >> 32, packed & 0xFFFFFFFF
    found = lines[line][column : column + length] if line < len(lines) else ""
    if found[:1] in {"!", "&"}:  # a tag or an anchor stands before the value
        rest = lines[line][column:].split(" ", 1)
        return rest[1].lstrip()[:length] if len(rest) > 1 else ""
    return found


def _word(found: str) -> str:
    for index, character in enumerate(found):
        if character not in "+-.0123456789abcdefABCDEFoOxX_":
            return found[:index]
    return found


def plain(value: Value) -> Json:
    """Return a value without what was kept of its spelling. Raises ValueError where a Misfit is left."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    match value:
        case Empty():
            return None
        case bool() | None:
            return value
        case Misfit():
            raise ValueError(f"{value[:60]!r} was put where a number or a boolean stood")
        case Loose():
            return read(str(value))
        case str():
            return str(value)
        case float():
            return float(value)
        case int():
            return int(value)
    raise TypeError(type(value))


def requoted(value: Value) -> Value:
    """Return a value as it stands after it went through JSON: text is quoted where it would read as something else."""
    if isinstance(value, dict):
        return {key: requoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [requoted(item) for item in value]
    match value:
        case Empty():
            return None
        case str():
            return str(value) if is_plain(value) else Quoted(value)
        case float():
            return int(value) if value.is_integer() and abs(value) < 1e21 else float(value)
        case Whole():
            return int(value)
    return value


def copied(value: Value) -> Value:
    """Return a copy that shares nothing that can change."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def count(value: Value) -> int:
    """Return how many values a value is made of."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count, children))
