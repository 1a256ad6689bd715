"""Real compose files: each loads, or is refused at its line with the reason; the same answer each time, and nothing takes long."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from tests.conformance.given import cases_at
from tests.workload.compose_files import read

from holdfast.errors import DeclarationError
from holdfast.model.declaration import Reading

FOLDER = cases_at("compose", "corpus")
CASES: list[dict[str, Any]] = json.loads((FOLDER / "expect.json").read_text())


def answer(case: dict[str, Any]) -> Reading:
    return read({"compose.yaml": (FOLDER / case["file"]).read_bytes()})


def told(errors: tuple[DeclarationError, ...]) -> list[str]:
    return [f"{error.code} {error.where[0]} {error.message}" for error in errors]


def test_the_cases_are_all_there() -> None:
    assert len(CASES) == 215


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["key"])
def test_a_real_file_loads_or_is_refused_with_its_reason(case: dict[str, Any]) -> None:
    data = (FOLDER / case["file"]).read_text()
    reading = answer(case)
    for error in reading.errors:
        where = error.where[0]
        assert where.line is not None
        assert 1 <= where.line <= len(data.splitlines()), error.message
        assert error.message.startswith("cannot ")
    if not case["yaml"]:
        assert reading.errors != ()
    if reading.errors:
        assert reading.declarations == ()
    else:
        services = yaml.safe_load(data)["services"]
        assert {each.spec.service for each in reading.declarations if each.kind == "Container"} == set(services)
    assert told(answer(case).errors) == told(reading.errors)


def test_most_files_of_people_load_and_the_others_say_why() -> None:
    """The templates of the second collection leave their volumes to another program, which docker compose refuses as well."""
    readings = {case["key"]: answer(case) for case in CASES}
    refused = {key: reading.errors for key, reading in readings.items() if reading.errors and key.startswith("awesome-compose")}
    assert len(refused) == 5
    # Files beside them are no part of the collection.
    assert {error.message.partition(": ")[2] for errors in refused.values() for error in errors} == {
        "secrets.db-password: there is no file db/password.txt"
    }
    codes = {error.code for reading in readings.values() for error in reading.errors}
    assert codes == {"HF1015", "HF1402", "HF1403", "HF1404", "HF1410", "HF1411", "HF1421", *(f"HF144{number}" for number in range(1, 6))}
