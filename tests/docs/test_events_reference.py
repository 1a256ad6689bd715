"""The page of events is what the table in core/events.py says, and that says what the constructors write."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

from tests.docs.tool import REFERENCE, tool

from holdfast.core import events, hook_events

TOOL = tool("reference_events")
BESIDE = {"severity", "operation", "revision", "key"}
"""What an event itself has, and not its data."""


def test_the_page_is_what_the_table_says() -> None:
    assert TOOL.page() == (REFERENCE / "events.md").read_text(), "run .venv/bin/python tools/reference_events.py"


def test_the_table_names_what_each_constructor_writes() -> None:
    table = TOOL.table()
    checked = 0
    for type, written in constructed():
        words = table[type][1]
        documented = set(re.findall(r"[a-z_]+", re.sub(r"\{.*?\}|\(.*?\)", "", words)))
        assert written == documented, type
        checked += 1
    assert checked > 25


def constructed() -> Iterator[tuple[str, set[str]]]:
    """Yield the type and the names of the data of each event that is written with its type in place."""
    source = "".join(map(inspect.getsource, (events, hook_events)))
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        first = call.args[0] if call.args else None
        if not (isinstance(call.func, ast.Name) and call.func.id in {"of_application", "of_resource"} and isinstance(first, ast.Constant)):
            continue
        names = {each.arg for each in call.keywords if each.arg is not None} - BESIDE
        nested = [each.value for each in call.keywords if each.arg is None]
        names |= {str(key.value) for each in nested if isinstance(each, ast.Dict) for key in each.keys if isinstance(key, ast.Constant)}
        yield str(first.value), names
