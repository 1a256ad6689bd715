"""Kustomizations as kustomize builds them: the same objects in the same order, or refused where it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.conformance.given import cases_at

from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.canonical import canonical
from holdfast.kubernetes.kustomize.build import Built, build
from holdfast.kubernetes.kustomize.library import Library

BY_KIND = "TestKustomizationSortOrderNotSet"
"""The one that krusty runs as the command does: sorted by kind where the kustomization does not say. It runs the others unsorted."""


def given(name: str) -> Mapping[str, Any]:
    lines = cases_at(name, "cases.jsonl").read_text().splitlines()
    cases = [json.loads(line) for line in lines]
    return {case["key"]: case for case in cases}


BUILDS = given("kustomize")
EXAMPLES = given("kustomize-examples")


def built(case: Mapping[str, Any], *, sorts: bool) -> Built:
    files = {path.lstrip("/"): text.encode() for path, text in case["files"].items()}
    folder = case["path"].strip("/")
    library = Library(files.get, "c" * 40, is_open=case.get("loadRestrictions") == "none")
    return build(library, "" if folder == "." else folder, sorts=sorts)


def objects(text: str) -> list[bytes]:
    return [canonical(document.value) for document in read_yaml("expected.yaml", text.encode(), Dialect.KUBERNETES).documents]


def test_the_cases_are_all_there() -> None:
    assert [len(BUILDS), len(EXAMPLES)] == [138, 12]


@pytest.mark.parametrize("key", BUILDS)
def test_a_build_gives_what_kustomize_gives(key: str) -> None:
    case = BUILDS[key]
    result = built(case, sorts=key == BY_KIND)
    if "error" in case["expected"]:
        assert result.manifests == ()
        assert result.errors != ()
        assert all(error.where and error.where[0].line for error in result.errors if error.code != "HF1701")
    else:
        assert [f"{error.message} {error.where[0]}" for error in result.errors] == []
        assert [canonical(dict(each.value)) for each in result.manifests] == objects(case["expected"]["yaml"])


@pytest.mark.parametrize("key", EXAMPLES)
def test_an_example_application_is_rendered(key: str) -> None:
    case = EXAMPLES[key]
    result = built(case, sorts=True)
    assert [error.message for error in result.errors] == []
    assert [canonical(dict(each.value)) for each in result.manifests] == objects(case["expected"]["yaml"])
    files = {path.lstrip("/") for path in case["files"]}
    assert {each.origin.path for each in result.manifests} <= files
