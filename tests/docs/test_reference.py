"""The reference pages say what the specs say, their examples load, and no annotation is left out."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from holdfast.declare.annotation import MOOT_ON_HOST, SYNC_OPTIONS
from holdfast.declare.decode import decode
from holdfast.declare.document import Failed
from holdfast.declare.hint import spec_fields
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.model import labels

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tools_reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


TOOL = tool()
PAGES: dict[Path, str] = TOOL.pages()
KINDS: dict[str, Any] = {page.name: page for page in (*TOOL.KINDS, *TOOL.SITES, *TOOL.CONTAINERS)}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_pages_are_what_the_specs_say(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run .venv/bin/python tools/reference.py"


def test_there_is_no_page_of_a_kind_that_is_gone() -> None:
    assert set((REFERENCE / "schemas").iterdir()) == {path for path in PAGES if path.suffix == ".json"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_spec_and_field_has_words(kind: str) -> None:
    page = KINDS[kind]
    docs = TOOL.docs_of(page)
    wordless = [
        f"{spec.__name__}.{item.name}"
        for spec in TOOL.specs_within(page.spec_type)
        for item in spec_fields(spec).values()
        if not docs.get(spec.__name__, {}).get("") or not docs[spec.__name__].get(item.name)
    ]
    assert wordless == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_load(kind: str) -> None:
    page = KINDS[kind]
    parsed = read_yaml("example.yaml", page.example.encode(), Dialect.CORE)
    assert parsed.errors == ()
    found = decode(parsed.documents[0], page.spec_type, ("spec",))
    assert not isinstance(found, Failed), found


@pytest.mark.parametrize("name", ["kinds.md", "site.md", "container.md"])
def test_links_lead_somewhere(name: str) -> None:
    text = PAGES[REFERENCE / name]
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) - headings == set()
    assert all((REFERENCE / link).exists() for link in re.findall(r"\]\(([^#)]+)\)", text))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_refers_only_to_what_it_defines(kind: str) -> None:
    schema = json.loads((REFERENCE / "schemas" / f"{kind}.json").read_text())
    assert {ref.rpartition("/")[2] for ref in references(schema)} == set(schema["$defs"])
    assert schema["properties"]["kind"] == {"const": kind}


def references(value: Any) -> Iterator[str]:
    for key, each in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else []):
        if key == "$ref":
            yield each
        else:
            yield from references(each)


def test_every_annotation_and_label_is_described() -> None:
    text = (REFERENCE / "annotations.md").read_text()
    known = {value for name, value in vars(labels).items() if name.isupper() and not value.endswith("/")}
    assert {value for value in known if f"`{value}`" not in text} == set()
    assert {option for option in (*MOOT_ON_HOST, "Prune", "Delete") if option not in text} == set()
    named = set(re.findall(r"`([A-Z][A-Za-z]+)=", text))
    assert named - set(SYNC_OPTIONS) == set()


def test_annotations_that_are_named_exist() -> None:
    text = (REFERENCE / "annotations.md").read_text()
    known = {value for name, value in vars(labels).items() if name.isupper()}
    assert set(re.findall(r"`(holdfast\.dev/[\w-]*)`", text)) - known == set()


def test_the_front_page_links_what_there_is() -> None:
    text = (REFERENCE / "index.md").read_text()
    assert all((REFERENCE / link).exists() for link in re.findall(r"\]\(([^)]+)\)", text))
