"""Marks: where a value stands, and what stands in for one that is not there."""

from __future__ import annotations

from holdfast.declare.document import Document
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml

TEXT = """\
spec:
  probes:
  - http: {path: /healthz}
    name: "ä ö"  # two
  -   http:
  text: |
    many
    lines
"""


def document() -> Document:
    (found,) = read_yaml("a.yaml", TEXT.encode(), Dialect.CORE).documents
    return found


def test_values_and_keys_have_their_places() -> None:
    at = document().marks.at
    assert str(at(())) == "a.yaml:1:1"
    assert str(at(("spec", "probes"))) == "a.yaml:3:3"
    assert str(at(("spec", "probes"), key=True)) == "a.yaml:2:3"
    assert str(at(("spec", "probes", 0, "http", "path"))) == "a.yaml:3:18"
    assert str(at(("spec", "probes", 0, "http", "path"), key=True)) == "a.yaml:3:12"
    assert str(at(("spec", "probes", 1))) == "a.yaml:5:7"
    assert str(at(("spec", "text"))) == "a.yaml:6:9"


def test_a_place_shows_its_line() -> None:
    assert document().where(("spec", "probes", 0, "name")).snippet == '    name: "ä ö"  # two'
    assert document().marks.lines[6] == "    many"


def test_what_is_not_there_stands_at_its_nearest_ancestor() -> None:
    at = document().marks.at
    assert str(at(("spec", "probes", 0, "http", "port"))) == "a.yaml:3:11"
    assert str(at(("spec", "probes", 7, "http"))) == "a.yaml:3:3"
    assert str(at(("spec", "probes", "http"))) == "a.yaml:3:3"
    assert str(at(("spec", "text", "deeper"), key=True)) == "a.yaml:6:9"
    assert str(at(("nowhere",), key=True)) == "a.yaml:1:1"


def test_json_has_places_too() -> None:
    (found,) = read_json("a.json", b'{\n  "apps": [\n    {"name": "web"}\n  ]\n}').documents
    assert str(found.where(("apps", 0, "name"))) == "a.json:3:14"
    assert str(found.where(("apps", 0, "name"), key=True)) == "a.json:3:6"
    assert found.where(("apps", 0)).snippet == '    {"name": "web"}'
