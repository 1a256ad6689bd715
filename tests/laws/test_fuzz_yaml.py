"""Broken YAML: every file is read, or refused with places in it, within bounds; and what is read can be written and read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.fuzz import bounded, corpus, edited, words

from holdfast.declare.document import Limits
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.canonical import canonical

pytestmark = pytest.mark.fuzz

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = (*corpus("yaml"), *(path.read_bytes() for path in sorted((ROOT / "tests" / "cases").rglob("*.yaml"))))
WORDS = words(
    r"---\n¦...\n¦: ¦- ¦? ¦&a ¦*a¦<<: ¦!!¦!<tag:x> ¦|2+\n¦>-9\n¦%TAG ! x\n¦[¦]¦{¦}¦\0¦\xff\xfe¦\xc3¦\xef\xbb\xbf¦\xe2\x80\xa8"
    r"¦\x85¦\r¦\t¦'¦\"¦\\¦#¦@¦`"
    r"¦999999999999999999999999999999"
)

BREAKS = (b"\n", b"\r", "\x85".encode(), "\u2028".encode(), "\u2029".encode())
"""What libyaml takes for the end of a line."""


@given(edited(CORPUS, WORDS), st.sampled_from(Dialect))
def test_any_file_is_read_or_refused_in_its_own_lines(data: bytes, dialect: Dialect) -> None:
    with bounded():
        parsed = read_yaml("a.yaml", data, dialect)
    lines = sum(data.count(each) for each in BREAKS) + 2
    for error in parsed.errors:
        assert error.where[0].line is None or 1 <= error.where[0].line <= lines
        assert error.code.startswith("HF10")
        assert len(str(error)) < 20_000
    assert len(parsed.errors) <= Limits().errors
    for document in parsed.documents:
        (again,) = read_yaml("a.yaml", canonical(document.value), Dialect.CORE).documents
        assert again.value == document.value
