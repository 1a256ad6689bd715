"""The page of compose's fields is what the tables of the reader say."""

from __future__ import annotations

import re

from tests.docs.tool import REFERENCE, tool

from holdfast.workload.compose.service_fields import SERVICE_FIELDS, TOP_FIELDS

TOOL = tool("reference_compose")


def test_the_page_is_what_the_tables_say() -> None:
    page = (REFERENCE / "compose.md").read_text()
    assert TOOL.page() == page, "run .venv/bin/python tools/reference_compose.py"
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \|", page, re.MULTILINE)
    told = dict(rows)
    expected = {f"services.*.{key}": field.how.value for key, field in SERVICE_FIELDS.items()}
    expected |= {key: field.how.value for key, field in TOP_FIELDS.items()}
    assert {path: told.get(path) for path in expected} == expected


def test_links_of_the_page_lead_somewhere() -> None:
    page = (REFERENCE / "compose.md").read_text()
    for link in re.findall(r"\]\((?!https)([^)#]+)(?:#[^)]*)?\)", page):
        assert (REFERENCE / link).exists(), link
