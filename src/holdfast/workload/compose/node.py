"""Node: one value of a compose model, with the place that it was read from.

Made from documents, carried through merges, extends and includes unchanged, so that at the end every value still names its file and line.
Trees are read, never changed: what differs is a new node that shares the rest. Law: what a rule made up has the place of what it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from holdfast.declare.document import Document, Mark, pack, place
from holdfast.errors import Where
from holdfast.kit.canonical import Json
from holdfast.model.resource import Origin

Path: TypeAlias = tuple[str | int, ...]
Scalar: TypeAlias = str | int | float | bool | None
RESET, OVERRIDE = "!reset", "!override"
TAGS = frozenset({RESET, OVERRIDE})
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file in one role: the same file that is included twice is two sources."""

    path: str
    """As it stands in the repository."""
    lines: tuple[str, ...]
    folder: str = "."
    """Where its relative paths start from, as seen from the project's folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A scalar, a list or a mapping."""

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    source: Source
    mark: int
    """Line << 32 | column, both from 0."""
    key_mark: int | None = None
    """Of the key that it stands under."""
    tag: str | None = None

    @property
    def where(self) -> Where:
        return place(self.source.path, self.source.lines, self.mark)

    @property
    def key_where(self) -> Where:
        return place(self.source.path, self.source.lines, self.mark if self.key_mark is None else self.key_mark)

    @property
    def fields(self) -> Mapping[str, Node]:
        """The entries of a mapping; nothing for any other node."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """The elements of a list; nothing for any other node."""
        return self.value if isinstance(self.value, tuple) else ()

    def get(self, key: str) -> Node | None:
        return self.fields.get(key)

    def text(self, key: str) -> str | None:
        """Return the text under `key`, None where there is none."""
        found = self.fields.get(key)
        return found.value if found is not None and isinstance(found.value, str) else None

    def at(self, path: Path) -> Node | None:
        """Return the node at `path` below this one."""
        found: Node | None = self
        for step in path:
            if found is None:
                return None
            if isinstance(step, str):
                found = found.get(step)
            else:
                found = found.items[step] if step < len(found.items) else None
        return found

    def holding(self, value: Scalar | tuple[Node, ...] | Mapping[str, Node]) -> Node:
        """Return another value at the same place."""
        return Node(value, self.source, self.mark, self.key_mark)

    def under(self, key_mark: int | None) -> Node:
        return replace(self, key_mark=key_mark)

    def with_field(self, key: str, value: Node) -> Node:
        return replace(self, value={**self.fields, key: value})

    def without(self, *keys: str) -> Node:
        return replace(self, value={key: each for key, each in self.fields.items() if key not in keys})

    def origin(self, revision: str, *, key: bool = False) -> Origin:
        """Return the line of the value, or of its key."""
        mark = self.key_mark if key and self.key_mark is not None else self.mark
        return Origin(path=self.source.path, line=(mark >> 32) + 1, revision=revision)

    def to_json(self) -> Json:
        """Return the plain value."""
        if isinstance(self.value, Mapping):
            return {key: each.to_json() for key, each in self.value.items()}
        return [each.to_json() for each in self.value] if isinstance(self.value, tuple) else self.value

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Yield every node with its path, parents first."""
        yield path, self
        for key, each in self.fields.items():
            yield from each.walk((*path, key))
        for index, each in enumerate(self.items):
            yield from each.walk((*path, index))


def node_of(document: Document, source: Source) -> Node:
    """Return a document as a tree of nodes. Tags that it holds are kept at the places where they stand, also through aliases."""
    return _node(document.value, document.marks.root, source, document.tags, None)


def _node(value: Json, mark: Mark, source: Source, tags: Mapping[int, str], key_mark: int | None) -> Node:
    head, children = (mark, None) if isinstance(mark, int) else mark
    tag = tags.get(head)
    if isinstance(value, dict):
        assert isinstance(children, dict), "a mapping's mark holds its entries"
        entries = {key: _node(each, children[key][1], source, tags, children[key][0]) for key, each in value.items()}
        return Node(entries, source, head, key_mark, tag)
    if isinstance(value, list):
        assert isinstance(children, list), "a list's mark holds its elements"
        elements = tuple(_node(each, child, source, tags, None) for each, child in zip(value, children, strict=True))
        return Node(elements, source, head, key_mark, tag)
    return Node(value, source, head, key_mark, tag)


def made(value: Json, like: Node) -> Node:
    """Return a value that a rule made up, at the place of what made it."""
    if isinstance(value, dict):
        return like.holding({key: made(each, like) for key, each in value.items()})
    if isinstance(value, list):
        return like.holding(tuple(made(each, like) for each in value))
    return like.holding(value)


def nothing(source: Source) -> Node:
    """Return the empty mapping at the top of a file."""
    return Node({}, source, pack(0, 0))


def spoken(path: Path) -> str:
    """Return a path as compose names it: `services.web.ports.0`."""
    return ".".join(map(str, path))


def steps_of(text: str) -> Path:
    """Return the path that `services.web.ports[0]` names; ValueError where it is none."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        if (match := _STEP.match(text, at)) is None:
            raise ValueError(f"cannot read path {text!r}: expected words with dots between them and [0] for an element")
        steps.append(int(match[1]) if match[1] is not None else match[2])
        at = match.end()
    if not steps:
        raise ValueError("cannot read path '': it is empty")
    return tuple(steps)
