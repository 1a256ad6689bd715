"""Configuration files of real sites: every one parses, and is written back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conformance.given import cases_at

from holdfast.edge.parse import parse
from holdfast.edge.write import show, write

FOLDER = cases_at("nginx", "roundtrip")
CASES: list[dict[str, Any]] = json.loads((FOLDER / "expect.json").read_text())


def test_the_cases_are_all_there() -> None:
    assert len(CASES) == 110


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["key"])
def test_a_real_file_survives(case: dict[str, Any]) -> None:
    data = (FOLDER / case["file"]).read_bytes()
    config = parse(case["file"], data)
    assert write(config) == data
    rewritten = show(config.directives).encode("utf-8", "surrogateescape")
    assert parse(case["file"], rewritten).directives == config.directives
