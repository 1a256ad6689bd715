"""The directive table says what nginx's documentation says, and real files pass by it."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.given import cases_at

from holdfast.edge.capability import parse_version
from holdfast.edge.directive import OWN_VERSIONS, Fact, check, contexts, facts, table
from holdfast.edge.parse import parse
from holdfast.edge.tree import Directive

FOLDER = cases_at("nginx")
DOCUMENTED: list[dict[str, Any]] = json.loads((FOLDER / "directives" / "directives.json").read_text())
BROKEN = {
    "elgg/nginx.conf": "rewrite rules without the semicolons between them",
    "simplecgi/nginx.conf": "a location directly in http",
}
"""Files of the round trip that nginx itself would refuse."""


def as_documented(entry: dict[str, Any]) -> tuple[object, ...]:
    since = None if entry["since"] is None or entry["module"] in OWN_VERSIONS else parse_version(entry["since"])
    return (entry["name"], entry["module"], tuple(entry["contexts"]), entry["block"], entry["commercial"], since)


def as_held(fact: Fact) -> tuple[object, ...]:
    return (fact.name, fact.module, fact.contexts, fact.is_block, fact.is_commercial, fact.since)


def test_every_fact_is_held_and_no_other() -> None:
    held = sorted((as_held(fact) for known in table().values() for fact in known), key=str)
    assert len(DOCUMENTED) == 976
    assert held == sorted(map(as_documented, DOCUMENTED), key=str)


def test_a_directive_outside_its_contexts_is_told_where_it_belongs() -> None:
    places = ("main", "events", "http", "server", "location", "upstream")
    wrong = []
    for name in {entry["name"] for entry in DOCUMENTED}:
        allowed = contexts(name)
        for place in places:
            inner = Directive(name, ("a",) * facts(name)[0].least, () if facts(name)[0].is_block else None)
            tree = inner if place == "main" else nested(place, inner)
            told = [fault for fault in check((Directive("events", (), ()), tree)) if fault.what == "context" and fault.directive == inner]
            if not allowed or place in allowed:
                continue
            if [fault.hint for fault in told] != [f"it belongs in {' or '.join(sorted(allowed))}"]:
                wrong.append((name, place, told))
    assert wrong == []


def nested(place: str, inner: Directive) -> Directive:
    around = {"http": (), "events": (), "upstream": ("http",), "server": ("http",), "location": ("http", "server")}[place]
    tree = Directive(place, (), (inner,))
    for name in reversed(around):
        tree = Directive(name, (), (tree,))
    return tree


def test_real_files_pass() -> None:
    found = set()
    for path in sorted((FOLDER / "roundtrip" / "files").rglob("*.conf")):
        name = str(path.relative_to(FOLDER / "roundtrip" / "files"))
        if list(check(parse(name, path.read_bytes()).directives)):
            found.add(name)
    assert found == set(BROKEN)
