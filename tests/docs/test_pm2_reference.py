"""The page of PM2's fields is what the table of the reader says."""

from __future__ import annotations

import re

from tests.docs.tool import REFERENCE, tool

from holdfast.workload.pm2_fields import FIELDS

TOOL = tool("reference_pm2")


def test_the_page_is_what_the_table_says() -> None:
    page = (REFERENCE / "pm2.md").read_text()
    assert TOOL.page() == page, "run .venv/bin/python tools/reference_pm2.py"
    assert sorted(re.findall(r"^\| `([^`.]+)` \|", page, re.MULTILINE)) == sorted(field.key for field in FIELDS)
