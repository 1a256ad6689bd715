"""Given cases of compose: how the loader is called for them, and the one form that answers are compared in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml
from tests.conformance.given import cases_at

from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.path import tidy
from holdfast.model.declaration import Ask, Scope
from holdfast.workload.compose.node import TAGS, Node, Source, node_of
from holdfast.workload.compose.project import Project, Request, read_project
from holdfast.workload.compose.shelf import Shelf
from holdfast.workload.compose.told import Resolve, Told

SCOPE = Scope(application="app", namespace="app", destination="host", revision="r1")


def cases(name: str) -> dict[str, dict[str, Any]]:
    """Return the cases of one folder by key; keys that come again are counted."""
    found: dict[str, dict[str, Any]] = {}
    for line in (cases_at("compose", name) / "cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        key, number = case["key"], 1
        while key in found:
            number += 1
            key = f"{case['key']} ({number})"
        found[key] = case
    return found


def tree(text: str) -> Node:
    """Return a compose text as nodes, as written."""
    parsed = read_yaml("case.yaml", text.encode(), Dialect.COMPOSE, local_tags=TAGS)
    assert parsed.errors == ()
    (document,) = parsed.documents
    return node_of(document, Source(path="case.yaml", lines=document.marks.lines))


def resolve_to(folder: str, is_kept: bool) -> Resolve:
    """Return how the cases resolve paths: joined to a folder of the case, or clean and relative."""

    def resolve(node: Node, path: str) -> str:
        if is_kept or path.startswith(("/", "~")) or "\\" in path or path[1:2] == ":":
            return path
        found = tidy(f"{node.source.folder}/{path}")
        return tidy(f"{folder}/{found}") if folder else found

    return resolve


def load(case: Mapping[str, Any]) -> Project:
    """Return what a case of `load` gives."""
    answers: dict[Ask, bytes | None] = {Ask(what="blob", path=file["name"]): file["content"].encode() for file in case["files"]}
    options = case["options"]
    request = Request(
        files=tuple(file["name"] for file in case["files"]),
        variables=case["env"],
        name=case.get("projectName") or None,
        profiles=frozenset(case.get("profiles", ())),
        services=tuple(case.get("services", ())),
        resolve=resolve_to(case["dir"], "keep-paths" in options),
        is_implied="skip-normalization" not in options,
        is_checked="skip-consistency" not in options,
    )
    for _ in range(16):
        shelf = Shelf(answers, SCOPE)
        project = read_project(request, shelf, Told("r1"))
        if not shelf.wanted:
            return project
        answers |= dict.fromkeys(shelf.wanted)
    raise AssertionError("it asks for more without an end")


def in_long_form(model: Any, depth: int = 0) -> Any:
    """Return a model without what is empty below a name, and SSH keys as the mapping that they stand for."""
    if isinstance(model, str):
        return in_long_form(yaml.load(model, Loader=yaml.CSafeLoader))
    if isinstance(model, list):
        return [each if isinstance(each, str) else in_long_form(each, depth + 1) for each in model]
    if not isinstance(model, dict):
        return model
    found = {key: each if isinstance(each, str) else in_long_form(each, depth + 1) for key, each in model.items()}
    if isinstance(found.get("ssh"), list):
        pairs = (each.replace(": ", "=").partition("=") for each in found["ssh"])
        found["ssh"] = {key: value or None for key, _, value in pairs}
    return {key: each for key, each in found.items() if each not in ({}, []) or depth == 1}
