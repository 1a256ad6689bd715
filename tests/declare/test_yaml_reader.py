"""YAML: what is refused and where, what the limits hold, and that one broken document hides nothing."""

from __future__ import annotations

import time

import pytest

from holdfast.declare.document import Limits
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml

CORE = Dialect.CORE


def read(text: str, dialect: Dialect = CORE) -> object:
    parsed = read_yaml("a.yaml", text.encode(), dialect)
    assert parsed.errors == ()
    assert len(parsed.documents) == 1
    return parsed.documents[0].value


def errors(text: str | bytes, dialect: Dialect = CORE, limits: Limits | None = None) -> list[tuple[str, str]]:
    data = text if isinstance(text, bytes) else text.encode()
    parsed = read_yaml("a.yaml", data, dialect, limits or Limits())
    return [(error.code, str(error.where[0]).removeprefix("a.yaml:")) for error in parsed.errors]


def test_documents_of_a_file_keep_their_order_and_empty_ones_are_left_out() -> None:
    parsed = read_yaml("a.yaml", b"# only a comment\n---\na: 1\n---\n---\n- b\n...\n---\nc\n", CORE)
    assert [(document.index, document.value) for document in parsed.documents] == [(0, {"a": 1}), (2, ["b"]), (3, "c")]
    assert parsed.errors == ()


def test_an_empty_file_holds_nothing() -> None:
    assert read_yaml("a.yaml", b"", CORE) == read_yaml("a.yaml", b"# nothing\n", CORE)
    assert read_yaml("a.yaml", b"", CORE).documents == ()


def test_a_byte_order_mark_is_accepted_and_not_counted() -> None:
    (document,) = read_yaml("a.yaml", b"\xef\xbb\xbfa: 1\n", CORE).documents
    assert document.value == {"a": 1}
    assert document.where(("a",), key=True).column == 1


def test_quotes_and_blocks_are_text_in_every_dialect() -> None:
    text = "a: '1'\nb: \"yes\"\nc: |\n  1\nd: >-\n  true\n"
    for dialect in Dialect:
        assert read(text, dialect) == {"a": "1", "b": "yes", "c": "1\n", "d": "true"}


def test_core_tags_are_kept() -> None:
    assert read("[!!str 1, !!float 1, !!int 0x10, !!bool true, !!null '', ! 3]") == ["1", 1.0, 16, True, None, "3"]
    assert read("a: !!map {b: !!seq [1]}") == {"a": {"b": [1]}}


@pytest.mark.parametrize("dialect", [Dialect.KUBERNETES, Dialect.COMPOSE])
def test_merge_keys_fill_in_what_is_not_written(dialect: Dialect) -> None:
    text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\np:\n  b: 9\n  <<: *base\nq:\n  <<: [*more, *base]\n"
    value = read(text, dialect)
    assert isinstance(value, dict)
    assert value["p"] == {"a": 1, "b": 9}
    assert value["q"] == {"a": 1, "b": 3, "c": 4}


def test_merge_is_a_plain_key_in_our_own_kinds() -> None:
    assert read("base: &base {a: 1}\nx: {<<: *base}\n") == {"base": {"a": 1}, "x": {"<<": {"a": 1}}}


def test_merged_values_are_marked_where_they_were_written() -> None:
    (document,) = read_yaml("a.yaml", b"base: &base\n  a: 1\nx:\n  <<: *base\n", Dialect.COMPOSE).documents
    assert str(document.where(("x", "a"))) == "a.yaml:2:6"


def test_an_alias_is_a_copy() -> None:
    value = read("a: &a [1]\nb: *a\n")
    assert isinstance(value, dict)
    assert value["a"] == value["b"]
    assert value["a"] is not value["b"]


REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "HF1006", "3:1"),
    "duplicate key in a flow": ("{a: 1, 'a': 2}", "HF1006", "1:8"),
    "number as key": ("x:\n  80: tcp\n", "HF1007", "2:3"),
    "null as key": ("? \n: 1\n", "HF1007", "1:2"),
    "list as key": ("[a]: 1\n", "HF1007", "1:1"),
    "template": ("a: {{ .Values.x }}\n", "HF1007", "1:5"),
    "binary": ("a: !!binary aGk=\n", "HF1008", "1:4"),
    "python": ("a: !!python/object/apply:os.system [id]\n", "HF1008", "1:4"),
    "own tag": ("- !vault x\n", "HF1008", "1:3"),
    "tag through a handle": ("%TAG ! tag:example.org,2000:\n---\n- !x y\n", "HF1008", "3:3"),
    "tag that does not fit": ("a: !!int b\n", "HF1014", "1:4"),
    "tab": ("a:\n\tb: 1\n", "HF1004", "2:1"),
    "open quote": ("a: 'b\nc: d\n", "HF1004", "1:4"),
    "open bracket": ("a: [1,\nb: 2\n", "HF1004", "3:1"),
    "colon in a value": ("a: b: c\n", "HF1004", "1:5"),
    "bad indentation": ("a: 1\n b: 2\n", "HF1004", "2:3"),
    "unknown alias": ("a: *b\n", "HF1011", "1:4"),
    "alias of another document": ("a: &x 1\n---\nb: *x\n", "HF1011", "3:4"),
    "alias within itself": ("a: &x [*x]\n", "HF1011", "1:8"),
    "infinity": ("a: .inf\n", "HF1014", "1:4"),
    "leading zero": ("mode: 0644\n", "HF1016", "1:7"),
}


@pytest.mark.parametrize(("text", "code", "place"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_says_where(text: str, code: str, place: str) -> None:
    assert errors(text) == [(code, place)]


@pytest.mark.parametrize("bad", ["a: [*x, *x]\n", "b: 1\n"])
def test_merge_of_no_mapping_is_refused(bad: str) -> None:
    assert errors(f"x: &x 1\n{bad}<<: *x\n", Dialect.COMPOSE) == [("HF1015", "3:1")]


def test_a_key_that_reads_as_something_else_is_shown_as_written() -> None:
    (error,) = read_yaml("a.yaml", b"on: push\n", Dialect.KUBERNETES).errors
    assert error.message == "cannot read a.yaml: a key must be text: 'on' reads as true"


def test_two_merges_are_a_duplicate() -> None:
    assert errors("x: &x {a: 1}\nq:\n  <<: *x\n  <<: *x\n", Dialect.KUBERNETES) == [("HF1006", "4:3")]


def test_a_duplicate_names_both_places_and_shows_the_line() -> None:
    (error,) = read_yaml("a.yaml", b"env:\n  A: 1\n  A: 2\n", CORE).errors
    assert [(str(where), where.snippet) for where in error.where] == [("a.yaml:3:3", "  A: 2"), ("a.yaml:2:3", "  A: 1")]
    assert error.message.startswith("cannot read a.yaml: ")


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"a: 1\nb: \xff\n", "HF1001", "2:4"),
        ("a: 1\n".encode("utf-16"), "HF1001", "1:1"),
        (b"a: 1\nb: x\x00y\n", "HF1002", "2:5"),
        (b"a: \x1b[31mred\n", "HF1002", "1:4"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, code: str, place: str) -> None:
    assert errors(data) == [(code, place)]


def test_bytes_that_are_no_text_are_not_shown() -> None:
    (error,) = read_yaml("a.yaml", b"a: \x1b[31mred\n", CORE).errors
    assert error.where[0].snippet is None


FIVE = """\
a: 'open
---
b: [1
---
good: 1
---
c: 1
c: 2
---
d:
\te: 1
---
f: *nowhere
"""


def test_five_errors_are_five_and_the_good_document_is_read() -> None:
    parsed = read_yaml("a.yaml", FIVE.encode(), CORE)
    assert [(error.code, str(error.where[0])) for error in parsed.errors] == [
        ("HF1004", "a.yaml:1:4"),
        ("HF1004", "a.yaml:4:1"),
        ("HF1006", "a.yaml:8:1"),
        ("HF1004", "a.yaml:11:1"),
        ("HF1011", "a.yaml:13:4"),
    ]
    assert [document.value for document in parsed.documents] == [{"good": 1}]
    assert str(parsed.documents[0].where(("good",))) == "a.yaml:5:7"


def test_places_hold_after_a_broken_document_with_foreign_line_ends() -> None:
    parsed = read_yaml("a.yaml", b"a: 'x\r\n---\r\nb:\r\n  - 1\r\n", CORE)
    assert [str(error.where[0]) for error in parsed.errors] == ["a.yaml:1:4"]
    assert str(parsed.documents[0].where(("b", 0))) == "a.yaml:4:5"


def laughs(levels: int, wide: int) -> str:
    lines = ["l0: &l0 [lol]"]
    lines += [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * wide)}]" for level in range(1, levels)]
    return "\n".join(lines)


def test_a_billion_laughs_are_refused() -> None:
    assert errors(laughs(10, 10)) == [("HF1010", "6:25")]


def test_a_billion_merged_laughs_are_refused() -> None:
    keys = ", ".join(f"k{n}: x" for n in range(100))
    lines = [f"m: &m0 {{{keys}}}", *(f"n{n}: {{<<: *m0}}" for n in range(2_000))]
    assert [code for code, _ in errors("\n".join(lines), Dialect.COMPOSE)] == ["HF1010"]


def test_a_few_aliases_are_welcome() -> None:
    value = read(laughs(4, 5))
    assert isinstance(value, dict)
    assert value["l3"][0][0][0] == ["lol"]


@pytest.mark.parametrize("text", ["[" * 65 + "]" * 65, "{a: " * 65 + "1" + "}" * 65, "[" * 100_000, "- " * 100_000])
def test_a_depth_bomb_is_refused(text: str) -> None:
    assert [code for code, _ in errors(text)] == ["HF1009"]


def test_depth_up_to_the_limit_is_read() -> None:
    assert errors("[" * 64 + "]" * 64) == []


def test_aliases_cannot_nest_deeper_than_brackets() -> None:
    deep = "[" * 30 + "1" + "]" * 30
    text = f"a: &a {deep}\nb: &b {deep.replace('1', '*a')}\nc: {deep.replace('1', '*b')}\n"
    assert [code for code, _ in errors(text)] == ["HF1009"]


def test_limits_of_size_documents_and_keys() -> None:
    assert errors("a: 1\n" * 10, limits=Limits(bytes=10)) == [("HF1003", "a.yaml")]
    assert errors("--- 1\n" * 4, limits=Limits(documents=3)) == [("HF1012", "4:5")]
    assert errors("? " + "k" * 2_000 + "\n: 1\n") == [("HF1013", "1:3")]


def test_a_document_limit_keeps_what_was_read() -> None:
    assert len(read_yaml("a.yaml", b"--- 1\n" * 4, CORE, Limits(documents=3)).documents) == 3


@pytest.mark.parametrize("text", ["---\n%\n" * 5_000, "--- '\n" * 5_000, "--- *a\n" * 5_000, "{" + "1: 2, " * 5_000 + "}"])
def test_errors_without_end_are_cut(text: str) -> None:
    assert len(errors(text)) == Limits().errors


def test_a_long_line_is_not_shown() -> None:
    (error,) = read_yaml("a.yaml", b"a: *b " + b"# x" * 1_000, CORE).errors
    assert error.where[0].snippet is None


SMALL = b"""\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata:
  name: web
spec:
  command: [node, server.js]
  env: {A: "1", B: {secret: x}}
  replicas: 3
"""


def test_two_thousand_small_documents() -> None:
    begun = time.perf_counter()
    documents = [document for n in range(2_000) for document in read_yaml(f"{n}.yaml", SMALL, CORE).documents]
    print(f"2,000 documents read in {time.perf_counter() - begun:.2f} s")  # noqa: T201 - shown, never asserted
    assert len(documents) == 2_000
