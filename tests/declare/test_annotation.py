"""An annotation of ours is understood or refused; one of Argo CD's is honoured, moot, or a warning."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.declare.annotation import Directions, Orders, parse_sync_option, read_directions, read_orders
from holdfast.errors import Where
from holdfast.model import labels
from holdfast.model.declaration import Declaration
from holdfast.model.resource import Origin, ResourcePolicy
from holdfast.testing.rendering import told

PLACE = Where(path="a.yaml", line=4, column=2)


def declaration(annotations: dict[str, str]) -> Declaration:
    origin = Origin(path="a.yaml", line=1, revision="r")
    return Declaration(kind="Thing", name="a", namespace=None, spec=None, origin=origin, place=lambda _: PLACE, annotations=annotations)


def directions(**annotations: str) -> Directions:
    found = read_directions(declaration({KEYS[name]: value for name, value in annotations.items()}))
    assert isinstance(found, Directions), found
    return found


KEYS = {"wave": labels.SYNC_WAVE, "options": labels.SYNC_OPTIONS, "adopt": labels.ADOPT, "heal": labels.HEAL}
DIRECTIONS: list[tuple[dict[str, str], Directions]] = [
    ({}, Directions()),
    ({"wave": "-2"}, Directions(wave=-2)),
    ({"options": "Prune=false"}, Directions(policy=ResourcePolicy(prune=False))),
    ({"options": "Delete=false"}, Directions(policy=ResourcePolicy(prune=False))),
    ({"options": "Prune=confirm, Validate=false"}, Directions(policy=ResourcePolicy(protect=True))),
    ({"options": "Delete=confirm,ServerSideApply=true"}, Directions(policy=ResourcePolicy(protect=True))),
    ({"options": " , "}, Directions()),
    ({"adopt": "true", "heal": "off"}, Directions(policy=ResourcePolicy(adopt=True, heal=False))),
    ({"adopt": "off", "heal": "on"}, Directions()),
]


@pytest.mark.parametrize(("annotations", "expected"), DIRECTIONS)
def test_a_resource_is_directed(annotations: dict[str, str], expected: Directions) -> None:
    assert directions(**annotations) == expected


def test_what_is_understood_and_not_honoured_is_a_warning_with_its_place() -> None:
    found = read_directions(declaration({labels.SYNC_OPTIONS: "Replace=true", f"{labels.ARGO}hook": "PreSync", "team": "x"}))
    assert isinstance(found, Directions)
    assert [(warning.message, str(warning.origin)) for warning in found.warnings] == [
        ("sync option Replace=true is not honoured for a resource yet", "a.yaml:4"),
        ("annotation argocd.argoproj.io/hook is understood, but not honoured yet", "a.yaml:4"),
    ]


WRONG: dict[str, tuple[str, str, str]] = {
    "wave": (labels.SYNC_WAVE, "first", "HF1207 {}: 'first' is no whole number | write a number in quotes, such as \"-1\""),
    "option": (labels.SYNC_OPTIONS, "Prun=false", "HF1207 {}: unknown sync option 'Prun', did you mean Prune?"),
    "value": (labels.SYNC_OPTIONS, "Prune=no", "HF1207 {}: sync option Prune takes true or false or confirm: write Prune=true"),
    "switch": (labels.HEAL, "never", 'HF1207 {}: expected on or off, got \'never\' | write "on" or "off" in quotes'),
    "unknown": (f"{labels.OWN}heel", "on", "HF1208 {}: it is unknown | did you mean holdfast.dev/heal?"),
    "of an Application": (labels.PREPARE, "[]", "HF1208 {}: it is unknown | known here: holdfast.dev/adopt, holdfast.dev/heal"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_understood_is_refused(case: str) -> None:
    key, value, expected = WRONG[case]
    found = read_directions(declaration({key: value}))
    assert not isinstance(found, Directions)
    assert [told(error) for error in found] == [expected.format(f"a.yaml:4:2: cannot read annotation {key}")]


def test_every_wrong_annotation_of_a_resource_is_told() -> None:
    found = read_directions(declaration({labels.HEAL: "x", labels.ADOPT: "y", labels.SYNC_WAVE: "z", labels.SYNC_OPTIONS: "A=1,B=2"}))
    assert not isinstance(found, Directions)
    assert len(found) == 5


ORDERS: list[tuple[dict[str, str], Orders]] = [
    ({}, Orders()),
    ({labels.FORMAT: "pm2", labels.PM2_ENV: "stage"}, Orders(format="pm2", pm2_env="stage")),
    ({labels.PREPARE: '["npm", "ci"]'}, Orders(prepare=("npm", "ci"))),
    ({labels.PROGRESS_DEADLINE: "1m30s"}, Orders(progress_deadline_s=90.0)),
    ({labels.ROLLBACK: "off"}, Orders(rollback=False)),
    ({f"{labels.ARGO}refresh": "hard", "team": "x"}, Orders()),
]


@pytest.mark.parametrize(("annotations", "expected"), ORDERS)
def test_an_application_is_ordered(annotations: dict[str, str], expected: Orders) -> None:
    assert read_orders(annotations, lambda _: PLACE) == (expected, ())


BAD_ORDERS: list[tuple[dict[str, str], str]] = [
    ({labels.PREPARE: "npm ci"}, '| write ["npm", "ci"]'),
    ({labels.PREPARE: "[]"}, '| write ["npm", "ci"]'),
    ({labels.PREPARE: '["npm", 1]'}, "expected a JSON array of a program and its arguments"),
    ({labels.PREPARE: '["a\\u0000b"]'}, "expected a JSON array of a program and its arguments"),
    ({labels.PROGRESS_DEADLINE: "90"}, "expected a duration such as 90s, got '90'"),
    ({labels.PROGRESS_DEADLINE: "0s"}, "expected a duration such as 90s, got '0s'"),
    ({labels.ROLLBACK: "maybe"}, "expected on or off, got 'maybe'"),
    ({labels.HEAL: "off"}, "it is unknown"),
]


@pytest.mark.parametrize(("annotations", "words"), BAD_ORDERS)
def test_an_order_that_cannot_be_understood_is_refused(annotations: dict[str, str], words: str) -> None:
    _, errors = read_orders(annotations, lambda _: PLACE)
    (error,) = map(told, errors)
    assert words in error


OPTIONS: list[tuple[str, Any]] = [
    ("Prune=false", ("Prune", "false")),
    (" PruneLast = true ", ("PruneLast", "true")),
    ("PrunePropagationPolicy=orphan", ("PrunePropagationPolicy", "orphan")),
]


@pytest.mark.parametrize(("text", "expected"), OPTIONS)
def test_a_sync_option_is_a_name_and_one_of_its_values(text: str, expected: tuple[str, str]) -> None:
    assert parse_sync_option(text) == expected


@pytest.mark.parametrize("text", ["Prune", "Prune=", "prune=true", "", "=true"])
def test_a_sync_option_is_never_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="sync option"):
        parse_sync_option(text)
