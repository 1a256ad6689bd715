"""The nginx file of the example: its review is what its page says, and its Site is what an import makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holdfast.app.registry import registry
from holdfast.cli.import_nginx import documents
from holdfast.declare.manifest import Place, read_manifest
from holdfast.edge.capability import Capability
from holdfast.edge.import_nginx import import_nginx
from holdfast.edge.parse import parse
from holdfast.edge.review import Finding, review
from holdfast.edge.tree import Config

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "edge"
ROW = re.compile(r"^\| (\d+) \| (\w+) \| `([a-z0-9-]+)` \| (.*) \|$", re.MULTILINE)
BOOKWORM = Capability(version=(1, 22, 1))


def files() -> dict[str, Config]:
    return {"app.conf": parse("app.conf", (FOLDER / "app.conf").read_bytes())}


def found(version: tuple[int, ...]) -> tuple[Finding, ...]:
    return review(files(), Capability(version=version))


def test_the_review_of_the_file_is_what_its_page_says() -> None:
    rows = [(int(line), severity, rule, message) for line, severity, rule, message in ROW.findall((FOLDER / "README.md").read_text())]
    assert rows == [(each.line, each.severity.value, each.rule, each.message) for each in found((1, 22, 1))]


def test_a_newer_nginx_misses_less_as_the_page_says() -> None:
    old, new = ({each.rule for each in found(version)} for version in ((1, 22, 1), (1, 31, 3)))
    assert (old - new, new - old) == ({"tls-protocols", "upstream-keepalive"}, {"http2"})


def test_the_site_is_what_an_import_makes_of_the_file() -> None:
    made = {each.name: each.text for each in documents(import_nginx(files(), BOOKWORM))}
    assert made == {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}


@pytest.mark.parametrize("name", ["app.example.com.yaml", "edge.yaml"])
def test_what_was_made_can_be_declared(name: str) -> None:
    place = Place(path=name, shown=name, destination="host", revision="c" * 40)
    reading = read_manifest(place, (FOLDER / name).read_bytes(), registry())
    assert reading.errors == ()
    assert len(reading.declarations) == 1
