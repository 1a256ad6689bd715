"""Texts of compose as compose-go reads them: templates, env files, ports and volumes in short syntax."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.compose_cases import cases, tree

from holdfast.kit.canonical import Json
from holdfast.workload.compose import short
from holdfast.workload.compose.env_file import read_env_file
from holdfast.workload.compose.interpolate import Interpolation
from holdfast.workload.compose.node import made, nothing
from holdfast.workload.compose.shape import FLAG, WHOLE, MapOf, Record, yes
from holdfast.workload.compose.template import substitute
from holdfast.workload.compose.told import Told

TEMPLATES = cases("template")
ENV_FILES = cases("dotenv")
SHORT = cases("short-syntax")
MODELS = cases("interpolation")
CASTS = {int: WHOLE, bool: FLAG}


def test_the_cases_are_all_there() -> None:
    assert [len(each) for each in (TEMPLATES, ENV_FILES, SHORT, MODELS)] == [30, 46, 49, 16]


@pytest.mark.parametrize("key", TEMPLATES)
def test_a_template_is_replaced_or_refused(key: str) -> None:
    case = TEMPLATES[key]
    if "error" in case["expected"]:
        with pytest.raises(ValueError, match=r"required variable|is no variable|does not close"):
            substitute(case["input"], case["vars"].get)
    else:
        assert substitute(case["input"], case["vars"].get) == case["expected"]["output"]


@pytest.mark.parametrize("key", ENV_FILES)
def test_an_env_file_is_read_or_refused_at_its_line(key: str) -> None:
    case = ENV_FILES[key]
    read = read_env_file(".env", case["input"].encode(), case["vars"].get)
    if "error" in case["expected"]:
        assert [(error.code, error.where[0].line) for error in read.errors] == [("HF1401", 1)]
    else:
        assert (read.errors, read.values) == ((), case["expected"]["vars"])


@pytest.mark.parametrize("key", SHORT)
def test_a_short_syntax_has_one_long_form(key: str) -> None:
    case = SHORT[key]

    def long() -> Any:
        return list(short.ports(case["input"])) if case["kind"] == "port" else short.volume(case["input"])

    if "error" in case["expected"]:
        with pytest.raises(ValueError, match=r"\w"):
            long()
    else:
        assert without_empty(long()) == without_empty(case["expected"]["output"])


def without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [without_empty(each) for each in value]
    return {key: each for key, each in value.items() if each != {}} if isinstance(value, dict) else value


@pytest.mark.parametrize("key", MODELS)
def test_a_model_is_interpolated_and_cast(key: str) -> None:
    case = MODELS[key]
    told = Told()
    source = tree("a: 1").source
    model = Interpolation({name: value for name, value in case["vars"].items() if value is not None}, told).tree(
        made(case["input"], nothing(source))
    )
    if "error" in case["expected"]:
        path = case["expected"]["error"].partition("interpolating ")[2].partition(":")[0]
        assert [path in error.message for error in told.errors] == [True]
        return
    assert told.errors == ()
    assert cast(model.to_json(), case, told) == case["expected"]["output"]


def cast(model: Json, case: dict[str, Any], told: Told) -> Json:
    """Return the model with its casts done by the shapes that the tables are made of."""
    if not case["casts"]:
        return model
    wanted = next(iter(case["expected"]["output"].values()))
    shape = MapOf(
        item=Record(fields={path.rpartition(".")[2]: yes(CASTS[type(wanted[path.rpartition(".")[2]])]) for path in case["casts"]})
    )
    read = shape.read(made(model, tree("a: 1")), (), told)
    assert read is not None
    assert told.errors == ()
    return read.to_json()
