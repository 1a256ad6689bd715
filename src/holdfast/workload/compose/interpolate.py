"""Interpolate: a file's values with their variables replaced. Keys stay as they are.

template knows one text; here are the walk, the places of what is wrong, and the names that nobody sets.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.workload.compose.node import Node, Path, spoken
from holdfast.workload.compose.template import Missing, Unreadable, substitute
from holdfast.workload.compose.told import Told

_MOST = 16 << 20
"""Characters of all values of one file with their variables replaced."""


class Interpolation:
    """One set of variables, for the values of one file."""

    def __init__(self, variables: Mapping[str, str], told: Told) -> None:
        self._variables = variables
        self._told = told
        self._size = 0

    def tree(self, node: Node, path: Path = ()) -> Node:
        """Return `node` with the variables of all its texts replaced; what cannot be is told and stays as it is."""
        if isinstance(node.value, Mapping):
            found = {key: self.tree(each, (*path, key)) for key, each in node.value.items()}
            return node if all(found[key] is each for key, each in node.value.items()) else _with(node, found)
        if isinstance(node.value, tuple):
            items = tuple(self.tree(each, (*path, at)) for at, each in enumerate(node.value))
            return node if all(one is other for one, other in zip(items, node.value, strict=True)) else _with(node, items)
        if isinstance(node.value, str) and "$" in node.value:
            return _with(node, self._text(node, node.value, path))
        return node

    def _text(self, node: Node, text: str, path: Path) -> str:
        unset: set[str] = set()
        try:
            found = substitute(text, self._variables.get, unset)
        except Missing as missing:
            hint = f"set {missing.name} in .env beside the compose file"
            self._told.error("HF1403", node, f"{spoken(path)}: {missing}", hint)
            return text
        except Unreadable as unreadable:
            self._told.error("HF1402", node, f"{spoken(path)}: {unreadable}", "a dollar that is meant is written $$")
            return text
        for name in sorted(unset):
            message = f"variable {name} is not set and reads as nothing: set it in .env, or give a default as ${{{name}:-…}}"
            self._told.warn("VariableNotSet", message, node)
        self._size += len(found)
        if self._size > _MOST:
            self._told.error("HF1402", node, f"variables make the file longer than {_MOST:,} characters", "write the values out")
            return ""
        return found


def _with(node: Node, value: str | tuple[Node, ...] | dict[str, Node]) -> Node:
    return Node(value, node.source, node.mark, node.key_mark, node.tag)
