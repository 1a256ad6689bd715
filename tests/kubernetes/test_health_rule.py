"""Rule files: what each form of rule says, and that a wrong file names its lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import holdfast.kubernetes
from holdfast.kit.canonical import Json
from holdfast.kubernetes.health_rule import RuleFile, read_rules
from holdfast.model.live import Health, Status

SHIPPED = sorted((Path(holdfast.kubernetes.__file__).parent / "health").glob("*.yaml"))


def judged(rules: str, live: Mapping[str, Json]) -> Health | None:
    file = read_rules("x.yaml", f"Thing:\n{rules}".encode())
    assert isinstance(file, RuleFile), file
    return file.judge("Thing", dict(live))


READY: Json = [{"type": "Busy", "status": "False", "reason": "Idle"}, {"type": "Ready", "status": "True", "message": "fine"}]


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ("- Healthy", Health(Status.HEALTHY)),
        ("- [Degraded, 'is {phase}']", Health(Status.DEGRADED, "is up")),
        ("- {when: phase == 'down', is: Degraded}", None),
        ("- {switch: phase, is: {'up|on': Healthy}, message: '{phase}'}", Health(Status.HEALTHY, "up")),
        ("- {switch: phase, is: {off: Healthy, '*': Suspended}}", Health(Status.SUSPENDED)),
        ("- {switch: nothing, is: {'*': Healthy}}", None),
        ("- {conditions: {Ready=True: Healthy, Busy=False: Degraded}}", Health(Status.DEGRADED)),
        ("- {conditions: {Ready=True: Healthy, Busy=False: Degraded}, last: true}", Health(Status.HEALTHY, "fine")),
        ("- {conditions: {'*=False:Idle': [Suspended, '{type}']}}", Health(Status.SUSPENDED, "Busy")),
        ("- {conditions: {Ready!=True: Degraded}}", None),
        ("- {each: status.conditions, rules: [{when: message != null, is: [Healthy, '{message}']}]}", Health(Status.HEALTHY, "fine")),
        ("- {let: {word: phase}}\n- [Healthy, '{$word}']", Health(Status.HEALTHY, "up")),
        ("- {when: phase == 'up', rules: [{when: false, is: Healthy}, Progressing]}", Health(Status.PROGRESSING)),
        ("- '{wanted}'", Health(Status.MISSING)),
    ],
)
def test_what_a_rule_says(rules: str, verdict: Health | None) -> None:
    assert judged(rules, {"phase": "up", "wanted": "Missing", "status": {"conditions": READY}}) == verdict


def test_rules_of_any_kind_are_for_kinds_without_their_own() -> None:
    file = read_rules("x.yaml", b"_: [Healthy]\nThing, Other: [Degraded]\n")
    assert isinstance(file, RuleFile)
    assert [file.judge(kind, {}) for kind in ("Thing", "Other", "Third")] == [
        Health(Status.DEGRADED),
        Health(Status.DEGRADED),
        Health(Status.HEALTHY),
    ]


def test_a_wrong_file_names_every_line() -> None:
    errors = read_rules("x.yaml", b"Thing:\n- Fine\n- {wen: a, is: Healthy}\n- {when: 'a ==', is: Healthy}\nOther: yes\n")
    assert isinstance(errors, tuple)
    assert [error.where[0].line for error in errors] == [2, 3, 4, 5]
    assert {error.code for error in errors} == {"HF1650"}


def test_broken_yaml_is_an_error_of_its_own() -> None:
    errors = read_rules("x.yaml", b"Thing: [\n")
    assert isinstance(errors, tuple)
    assert errors


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.stem))
def test_shipped_rules_are_read(path: Path) -> None:
    file = read_rules(path.name, path.read_bytes())
    assert isinstance(file, RuleFile), [str(error) for error in file]
    for kind in file.kinds:
        file.judge(kind, {"kind": kind, "metadata": {}, "spec": {}})
