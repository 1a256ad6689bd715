"""gixy's insecure configurations: every weakness is found, every look-alike is let through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.conformance.given import cases_at

from holdfast.edge.parse import parse
from holdfast.edge.review import Finding, review

FILE = cases_at("nginx", "gixy", "cases.jsonl")
CASES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text().splitlines()]
DIFFERENT: Mapping[str, str] = {}
"""Case → why it is answered otherwise on purpose. There is none."""
GRAVER: Mapping[str, str] = {}
"""Case → why its severity differs. There is none."""


def findings(case: dict[str, Any]) -> list[Finding]:
    config = parse("nginx.conf", case["config"].encode())
    return [found for found in review({"nginx.conf": config}) if found.rule == case["rule"].replace("_", "-")]


def test_the_cases_are_all_there() -> None:
    assert len(CASES) == 47
    assert DIFFERENT.keys() | GRAVER.keys() <= {case["key"] for case in CASES}


@pytest.mark.parametrize("case", [case for case in CASES if case["key"] not in DIFFERENT], ids=lambda case: case["key"])
def test_a_weakness_is_found_and_a_look_alike_is_not(case: dict[str, Any]) -> None:
    found = findings(case)
    assert bool(found) is case["finding"], found
    if "severity" in case and case["key"] not in GRAVER:
        assert {each.severity.upper() for each in found} <= set(case["severity"])
