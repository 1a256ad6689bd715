"""Where the values of a YAML text stand, and that replacing one changes nothing else."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.declare.yaml_scalar import Scalar, replaced, scalars, spelled

TEXT = """\ufeff# head\r
a: &x !!str nginx:1.2   # first\r
b: [1.9, "q", 'it''s' ] # in brackets
c: {image: foo:1, z: *x} # in braces
é: "é" # é
? [k, l]
: v
block: |
  image: x # no comment
two: a
  b
d:   d#e
empty:
---
z: ~\t#z
"""


def by_path(text: str) -> dict[tuple[int, tuple[str | int, ...]], Scalar]:
    return {(each.document, each.path): each for each in scalars(text)}


def test_every_value_of_one_line_is_found_where_it_stands() -> None:
    found = {f"{path}": (TEXT[it.begin : it.end], it.value, it.comment, it.line, it.column) for (_, path), it in by_path(TEXT).items()}
    assert found == {
        "('a',)": ("nginx:1.2", "nginx:1.2", "first", 2, 4),
        "('b', 0)": ("1.9", "1.9", "", 3, 5),
        "('b', 1)": ('"q"', "q", "", 3, 10),
        "('b', 2)": ("'it''s'", "it's", "in brackets", 3, 15),
        "('c', 'image')": ("foo:1", "foo:1", "", 4, 12),
        "('é',)": ('"é"', "é", "é", 5, 4),
        "('?',)": ("v", "v", "", 7, 3),
        "('d',)": ("d#e", "d#e", "", 12, 6),
        "('z',)": ("~", "~", "z", 15, 4),
    }


def test_one_value_is_replaced_and_no_other_byte() -> None:
    it = by_path(TEXT)[0, ("a",)]
    assert replaced(TEXT, {it: "nginx:1.3"}) == TEXT.replace("nginx:1.2", "nginx:1.3")
    assert replaced(TEXT, {it: it.value}) == replaced(TEXT, {}) == TEXT


@pytest.mark.parametrize(
    ("value", "style", "spelling"),
    [
        ("nginx:1.27@sha256:ab", "", "nginx:1.27@sha256:ab"),
        ("localhost:5000/a", "", "localhost:5000/a"),
        ("1.10", "", '"1.10"'),
        ("1e3", "", '"1e3"'),
        ("0x10", "", '"0x10"'),
        ("yes", "", '"yes"'),
        ("null", "", '"null"'),
        ("2026-01-02", "", '"2026-01-02"'),
        ("a: b", "", '"a: b"'),
        ("a #b", "", '"a #b"'),
        ("- a", "", '"- a"'),
        ("", "", '""'),
        ("it's", "'", "'it''s'"),
        ('say "x"', '"', r'"say \"x\""'),
        ("é", '"', '"é"'),
        ("a\nb", "'", r'"a\x0ab"'),
    ],
)
def test_a_value_keeps_its_quotes_and_stays_text(value: str, style: str, spelling: str) -> None:
    assert spelled(value, style) == spelling
    assert yaml.safe_load(spelling) == value


@given(st.data(), st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_what_is_written_reads_back_in_every_dialect(data: st.DataObject, value: str) -> None:
    text = "a: {x: one, 'y': 'two'}  # c\nb: [\"three\"]\n"
    it = data.draw(st.sampled_from(scalars(text)))
    new = replaced(text, {it: value})
    for dialect in Dialect:
        read = read_yaml("f", new.encode(), dialect)
        assert not read.errors
        wanted = {"a": {"x": "one", "y": "two"}, "b": ["three"]}
        place = wanted[str(it.path[0])]
        place[it.path[1]] = value  # type: ignore[index]
        assert read.documents[0].value == wanted


@given(st.text(max_size=60))
def test_nothing_more_than_a_refusal_comes_of_any_text(text: str) -> None:
    try:
        found = scalars(text)
    except ValueError:
        return
    assert all(text[it.begin : it.end] for it in found)
    assert replaced(text, {}) == text


def test_what_is_no_yaml_says_where() -> None:
    with pytest.raises(ValueError, match="did not find") as found:
        scalars("a: 1\nb: [1\n")
    assert found.value.args[1:] == (3, 1)
