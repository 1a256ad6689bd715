"""JSON: its errors read as JSON's, with places."""

from __future__ import annotations

import pytest

from holdfast.declare.document import Limits
from holdfast.declare.json_reader import read_json

REFUSED = {
    "duplicate key": ('{"a": 1,\n "a": 2}', "HF1006", "2:2"),
    "single quotes": ("{'a': 1}", "HF1005", "1:2"),
    "bare key": ("{a: 1}", "HF1005", "1:2"),
    "bare word": ('{"a": yes}', "HF1005", "1:7"),
    "trailing comma in an object": ('{"a": 1,}', "HF1005", "1:9"),
    "trailing comma in an array": ("[1,\n]", "HF1005", "2:1"),
    "no colon": ('{"a" 1}', "HF1005", "1:6"),
    "no comma": ("[1 2]", "HF1005", "1:4"),
    "comment": ("// hello\n{}", "HF1005", "1:1"),
    "leading zero": ("[01]", "HF1005", "1:2"),
    "NaN": ("[NaN]", "HF1005", "1:2"),
    "minus infinity": ("[-Infinity]", "HF1005", "1:2"),
    "bad escape": (r'["a\x"]', "HF1005", "1:4"),
    "line break in a string": ('["a\nb"]', "HF1005", "1:2"),
    "half a pair": (r'["\ud800"]', "HF1005", "1:2"),
    "open object": ('{"a": 1', "HF1005", "1:8"),
    "nothing": ("", "HF1005", "1:1"),
    "two documents": ("{}\n{}", "HF1005", "2:1"),
    "huge number": ("[1e999]", "HF1014", "1:2"),
    "endless number": ("[" + "9" * 5_000 + "]", "HF1014", "1:2"),
    "number that a float would round": ("[20000000000000000001]", "HF1014", "1:2"),
    "depth": ("[" * 100_000, "HF1009", "1:65"),
    "long key": ('{"' + "k" * 2_000 + '": 1}', "HF1013", "1:2"),
}


@pytest.mark.parametrize(("text", "code", "place"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_says_where(text: str, code: str, place: str) -> None:
    (error,) = read_json("a.json", text.encode()).errors
    assert (error.code, str(error.where[0])) == (code, f"a.json:{place}")
    assert "YAML" not in error.message


def test_two_places_of_a_duplicate() -> None:
    (error,) = read_json("a.json", b'{"a": 1, "b": {"c": 1, "c": 2}}').errors
    assert [str(where) for where in error.where] == ["a.json:1:24", "a.json:1:16"]


def test_several_errors_are_several_and_cut_at_the_limit() -> None:
    text = "[" + ", ".join(['{"a": 1, "a": 2}'] * 300) + "]"
    assert len(read_json("a.json", text.encode()).errors) == Limits().errors


def test_bytes_are_judged_as_for_yaml() -> None:
    assert [error.code for error in read_json("a.json", b'"\xff"').errors] == ["HF1001"]
    assert [error.code for error in read_json("a.json", b'"\x00"').errors] == ["HF1002"]


def test_numbers_keep_their_type() -> None:
    (document,) = read_json("a.json", b"[1, 1.0, 1e3, -0, 18446744073709551615]").documents
    assert [type(value) for value in document.value] == [int, float, float, int, int]  # type: ignore[union-attr]
