"""Compose files as compose-go loads them: accepted or refused, merged, and the same model in long form."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.conformance.compose_cases import cases, in_long_form, load, tree
from tests.docs.tool import tool

from holdfast.workload.compose.node import Node
from holdfast.workload.compose.service_fields import TOP
from holdfast.workload.compose.shape import join
from holdfast.workload.compose.told import Told

LOADED = cases("load")
MERGED = cases("merge")
PLANNED = cases("plans")
DIFFERENT: Mapping[str, str] = {
    "TestBlkioConfig#3": "its fields begin with capitals, which compose-go's decoder passes where validation is off",
    "TestExtendsWithInterpolation#1": "the file that it extends is no part of the case",
}
"""Cases that are refused here; docs/reference/compose.md names each with its reason."""


def test_the_cases_are_all_there() -> None:
    assert [len(each) for each in (LOADED, MERGED, PLANNED)] == [238, 36, 22]


@pytest.mark.parametrize("key", LOADED)
def test_a_project_loads_as_it_should_or_is_refused(key: str) -> None:
    case = LOADED[key]
    project = load(case)
    if "error" in case["expected"] or key in DIFFERENT:
        assert project.errors != ()
        assert all(error.where[0].line for error in project.errors)
    else:
        assert [f"{error.message} {error.where[0]}" for error in project.errors] == []
        model, expected = in_long_form(project.to_json()), in_long_form(case["expected"]["project"])
        assert {**model, "name": None} == {**expected, "name": None}


def test_every_difference_is_on_the_page() -> None:
    page = tool("reference_compose").page()
    assert [key for key in DIFFERENT if f"`{key}`" not in page] == []


def long(node: Node | None) -> object:
    assert node is not None
    read = TOP.read(node, (), Told(is_part=True))
    assert read is not None
    return read.to_json()


@pytest.mark.parametrize("key", MERGED)
def test_files_merge_as_they_should(key: str) -> None:
    case = MERGED[key]
    base = tree(case["base"])
    merged = join(TOP, base, tree(case["override"])) if case["kind"] == "merge" else base
    assert long(merged) == long(tree(case["expected"]))


@pytest.mark.parametrize("key", PLANNED)
def test_the_projects_of_the_plans_load(key: str) -> None:
    """The steps of docker compose are not made here; its projects are read."""
    case = PLANNED[key]
    told = Told()
    read = TOP.read(tree(case["project"]), (), told)
    assert read is not None
    assert [error.message for error in told.errors] == []
