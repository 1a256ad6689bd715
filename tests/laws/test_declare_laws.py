"""Laws of declare's text half, over generated values, documents and specs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed, Path, Places
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.schema import encode
from holdfast.declare.yaml_reader import read_yaml
from holdfast.model.scalars import Argv, Duration, EnvName, Name, Port, Size

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=12)
KEYS = st.one_of(TEXT, st.sampled_from(["<<", "on", "y", "1", "~", "a: b", "- a", "{{ x }}", "0644"]))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda real: not real.is_integer()),
    TEXT,
    st.sampled_from(["yes", "0644", "1e3", ".inf", "12:30", "2024-01-31", "<<", "null", "0x1f", "1_000"]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)


def only(text: str, dialect: Dialect) -> Document:
    parsed = read_yaml("a.yaml", text.encode(), dialect)
    assert parsed.errors == ()
    return parsed.documents[0]


def quoted(value: Any) -> str:
    """Return YAML of `value` in flow style with quoted text: what JSON is to YAML."""
    return json.dumps(value, ensure_ascii=False)


@given(VALUES.filter(lambda value: value is not None), st.sampled_from(Dialect))
def test_what_json_writes_every_dialect_of_yaml_reads(value: object, dialect: Dialect) -> None:
    assert only(quoted(value), dialect).value == value


@given(VALUES.filter(lambda value: value is not None))
def test_what_yaml_writes_is_read_back(value: object) -> None:
    """PyYAML's dumper quotes by YAML 1.1, which is wider than any dialect here but for what JSON does not know."""
    text = yaml.safe_dump(value, allow_unicode=True, default_style='"')
    # The dumper tags quoted scalars that are no text; the tags are core ones.
    assert only(text, Dialect.CORE).value == value


@given(VALUES, st.sampled_from([None, 1]))
def test_json_reads_as_the_standard_library_does(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    (document,) = read_json("a.json", text.encode()).documents
    assert document.value == json.loads(text)


@given(st.text(st.sampled_from('{}[]",:0123456789.eE+-truefalsn\\ \n/'), max_size=30))
def test_json_accepts_nothing_that_the_standard_library_does_not(text: str) -> None:
    parsed = read_json("a.json", text.encode())
    assert bool(parsed.documents) is not bool(parsed.errors)
    for document in parsed.documents:
        assert document.value == json.loads(text)


@given(st.text(st.sampled_from("ab01:-[]{}&*!|>'\"%@`#,? \n\t<.~"), max_size=60), st.sampled_from(Dialect))
def test_no_text_breaks_the_reader_and_every_error_has_a_place_in_it(text: str, dialect: Dialect) -> None:
    parsed = read_yaml("a.yaml", text.encode(), dialect)
    lines = text.count("\n") + 1
    for error in parsed.errors:
        assert error.where[0].line is not None
        assert 1 <= error.where[0].line <= lines + 1
        assert error.message.startswith("cannot read a.yaml: ")


@given(st.binary(max_size=60))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for parsed in (read_yaml("a.yaml", data, Dialect.KUBERNETES), read_json("a.json", data)):
        assert all(error.code.startswith("HF10") for error in parsed.errors)


def paths(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from paths(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from paths(each, (*path, index))


@given(VALUES.filter(lambda value: value is not None), st.sampled_from([None, 2]), st.booleans())
def test_every_mark_points_at_the_text_of_its_value(value: object, indent: int | None, as_json: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    parsed = read_json("a", text.encode()) if as_json else read_yaml("a", text.encode(), Dialect.CORE)
    (document,) = parsed.documents
    for path, each in paths(value):
        where = document.where(path)
        assert where.line is not None
        assert where.column is not None
        rest = document.marks.lines[where.line - 1][where.column - 1 :]
        start = json.dumps(each, ensure_ascii=False)[:1] if isinstance(each, dict | list) else json.dumps(each, ensure_ascii=False)
        assert rest.startswith(start)
        if path and isinstance(path[-1], str):
            key = document.where(path, key=True)
            assert key.line is not None
            assert key.column is not None
            assert document.marks.lines[key.line - 1][key.column - 1 :].startswith(json.dumps(path[-1], ensure_ascii=False))


@given(VALUES.filter(lambda value: value is not None), st.booleans())
def test_what_is_kept_of_the_places_says_what_the_document_says(value: object, as_json: bool) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    parsed = read_json("a", text.encode()) if as_json else read_yaml("a", text.encode(), Dialect.CORE)
    (document,) = parsed.documents
    kept = Places(document.marks)
    for path, _ in paths(value):
        for at in (path, (*path, "deeper")):
            assert (kept(at), kept(at, key=True)) == (document.where(at), document.where(at, key=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    name: Name
    wait: Duration = 1.0
    size: Size | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    command: Argv
    env: Mapping[EnvName, str | int | bool | Leaf] = field(default_factory=dict)
    leaves: tuple[Leaf, ...] = ()
    names: frozenset[Name] = frozenset()
    port: Port | None = None
    mode: Literal["a", "b"] = "a"
    long_word_here: float = 0.5


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9_.]{0,8}[a-z0-9])?", fullmatch=True)
LEAVES = st.builds(Leaf, name=NAMES, wait=st.integers(0, 10_000).map(lambda n: n / 4), size=st.none() | st.integers(0, 1 << 40))
TREES = st.builds(
    Tree,
    command=st.lists(TEXT.filter(bool), min_size=1, max_size=3).map(tuple),
    env=st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True),
        st.one_of(TEXT, st.integers(-(1 << 60), 1 << 60), st.booleans(), LEAVES),
        max_size=3,
    ),
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    names=st.frozensets(NAMES, max_size=3),
    port=st.none() | st.integers(1, 65535),
    mode=st.sampled_from(["a", "b"]),
    long_word_here=st.floats(0.01, 0.99),
)


@given(TREES)
def test_decode_undoes_encode(tree: Tree) -> None:
    assert decode(only(quoted(encode(Tree, tree)), Dialect.CORE), Tree) == tree


@given(VALUES.filter(lambda value: value is not None))
def test_decode_answers_for_any_value(value: object) -> None:
    result = decode(only(quoted(value), Dialect.CORE), Tree)
    assert isinstance(result, Failed)
    assert all(error.where and error.message.startswith("cannot read ") for error in result.errors)
