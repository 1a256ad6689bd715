"""Broken JSON: read as the standard library reads it, or refused with a place, within bounds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from tests.laws.fuzz import bounded, corpus, edited, words

from holdfast.declare.json_reader import read_json

pytestmark = pytest.mark.fuzz

WORDS = words(
    r"{¦}¦[¦]¦,¦:¦\"¦\\¦\\u¦\\ud800¦\\udc00¦//x\n¦/*¦'¦NaN¦-Infinity¦undefined¦0¦-¦+1¦01¦.5¦1.¦1e999¦999999999999999999999999999999¦\0¦\xff¦\xc3"
    r"¦\xe2\x80\xa8¦\x85¦true¦\"a\":1,"
)


@given(edited(corpus("json"), WORDS))
def test_any_file_is_read_as_the_standard_library_reads_it_or_refused_with_a_place(data: bytes) -> None:
    with bounded():
        parsed = read_json("a.json", data)
    assert bool(parsed.documents) is not bool(parsed.errors)
    for document in parsed.documents:
        assert document.value == json.loads(data.decode().removeprefix("\ufeff"))
    for error in parsed.errors:
        assert error.code.startswith("HF10")
        assert error.where[0].path == "a.json"
        assert len(str(error)) < 20_000
