"""Own kinds as YAML text."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.cli.yaml_text import document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
"""YAML wants the colon within 1,024 characters, PyYAML within 128."""
VALUES = st.recursive(
    st.booleans() | st.integers(-5, 5) | TEXTS | st.sampled_from(["30s", "20Mi", "on", "null", "1e3", "^/a\\.b'$", "x: y", "- z", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_it_says_yaml_reads_it_back(spec: dict[str, Any]) -> None:
    text = document("Site", "a.example", spec, ["one\ntwo", "- three"])
    assert yaml.safe_load(text) == {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "Site",
        "metadata": {"name": "a.example"},
        "spec": spec,
    }
    assert document("Site", "a.example", spec, ["one\ntwo", "- three"]) == text


def test_a_site_reads_as_a_person_would_have_written_it() -> None:
    spec = {
        "targets": [{"address": "a:1", "weight": 2}, "b:1"],
        "timeouts": {"read": "30s"},
        "hosts": ["a.example"],
        "paths": [{"redirect": {"to": "/b"}, "path": "^/a$", "match": "regex"}],
        "headers": {"set": {"X-A": "b"}, "remove": ["X-C", "X-D", "X-E", "X-F", "X-G", "X-H", "X-I", "X-J", "X-K"]},
    }
    assert document("Site", "a", spec).partition("spec:\n")[2] == (
        "  hosts: [a.example]\n"
        "  targets: [{address: a:1, weight: 2}, b:1]\n"
        "  timeouts: {read: 30s}\n"
        "  headers:\n"
        "    set: {X-A: b}\n"
        "    remove: [X-C, X-D, X-E, X-F, X-G, X-H, X-I, X-J, X-K]\n"
        "  paths:\n"
        '    - {path: "^/a$", match: regex, redirect: {to: /b}}\n'
    )
