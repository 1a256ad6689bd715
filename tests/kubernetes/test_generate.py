"""Generators: sources, quotes, binary content, options; and hashes that are kustomize's to the last letter."""

from __future__ import annotations

import base64

import pytest

from holdfast.kubernetes.kustomize.generate import encoded, file_source, generate, go_json, hashed, with_globals
from holdfast.kubernetes.kustomize.spec import Generator, GeneratorOptions, SecretGenerator
from holdfast.kubernetes.kustomize.trouble import Trouble

FILES = {"a.txt": b"one\ntwo\n", "b.bin": b"\xff\x00", "x.env": b"\xef\xbb\xbfA=1\n# no\n\n  B = two \nC\nD=a=b\r\n"}


def test_sources_are_joined_in_order() -> None:
    made = generate(
        Generator(name="c", literals=("k='v'", 'e=""', "f=a=b"), files=("a.txt", "n=b.bin"), envs=("x.env",)), lambda path: FILES[path]
    )
    assert made["data"] == {"A": "1", "B ": " two ", "C": "", "D": "a=b", "a.txt": "one\ntwo\n", "e": "", "f": "a=b", "k": "v"}
    assert made["binaryData"] == {"n": "/wA="}


def test_a_secret_is_encoded_in_lines() -> None:
    made = generate(SecretGenerator(name="s", literals=("p=" + "x" * 60,)), lambda path: b"")
    assert made["type"] == "Opaque"
    assert made["data"]["p"].split("\n")[1:] == [encoded(b"x" * 60)[71:-1], ""]
    assert base64.b64decode(made["data"]["p"]) == b"x" * 60
    assert encoded(b"x") == "eA=="


def test_options_of_all_stand_behind_those_of_one() -> None:
    own = GeneratorOptions(labels={"a": "1"}, immutable=True)
    both = with_globals(own, GeneratorOptions(labels={"a": "2", "b": "2"}, disable_name_suffix_hash=True))
    assert both == GeneratorOptions(labels={"a": "1", "b": "2"}, immutable=True, disable_name_suffix_hash=True)
    made = generate(Generator(name="c", namespace="n", options=both), lambda path: b"")
    assert made == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "n", "labels": {"a": "1", "b": "2"}},
        "immutable": True,
    }


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        ({"kind": "ConfigMap", "data": {"fruit": "Indian Gooseberry", "year": "2020", "crisis": "true"}}, "79t79mt227"),
        ({"kind": "ConfigMap", "data": {"this_is_a_secret_name": ""}}, "7hf4fh868h"),
    ],
)
def test_the_hash_is_that_of_kustomize(value: dict[str, object], suffix: str) -> None:
    """From the given cases TestAnnoOriginInlineBuiltinGenerator and TestEmptyFieldSpecValue."""
    assert hashed(value) == suffix


def test_json_is_written_as_go_writes_it() -> None:
    assert go_json({"b": "<&>\u2028é", "a": [1, True, None]}) == '{"a":[1,true,null],"b":"\\u003c\\u0026\\u003e\\u2028é"}'
    assert go_json({"a": {"b": 1}}, indent=2) == '{\n  "a": {\n    "b": 1\n  }\n}'


@pytest.mark.parametrize(("source", "found"), [("a/b.txt", ("b.txt", "a/b.txt")), ("k=a/b", ("k", "a/b"))])
def test_a_file_has_a_key(source: str, found: tuple[str, str]) -> None:
    assert file_source(source) == found


@pytest.mark.parametrize("source", ["=a", "a=", "a=b=c"])
def test_what_is_no_file_source_is_refused(source: str) -> None:
    with pytest.raises(Trouble):
        file_source(source)
