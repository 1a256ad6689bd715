"""CEL in rules of health, by the real runtime: what an expression has, and what it may not take."""

from __future__ import annotations

import pytest

from holdfast.engines.kubernetes.cel import compiler
from holdfast.kit.canonical import Json
from holdfast.kubernetes.health_rule import RuleFile, read_rules
from holdfast.model.live import Health, Status

RULES = b"""
Database:
  - {cel: 'has(status.failed) && status.failed > 0', is: [Degraded, '{status.failed} failed']}
  - {cel: 'status.members.all(m, m.ready) && status.members.size() == spec.replicas', is: Healthy}
  - cel: 'kind == "Database" && object.metadata.?labels.hasValue()'
    rules: [{when: status.paused, is: Suspended}]
  - [Progressing, Waiting for members]
"""


def judge(rules: bytes, **more: Json) -> Health | None:
    file = read_rules("example.com.yaml", rules, compiler())
    assert isinstance(file, RuleFile), file
    return file.judge("Database", {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {}, "spec": {"replicas": 2}, **more})


def test_a_condition_in_cel_is_a_rule_like_any_other() -> None:
    ready: Json = {"ready": True}
    assert judge(RULES, status={"failed": 2}) == Health(Status.DEGRADED, "2 failed")
    assert judge(RULES, status={"members": [ready, ready]}) == Health(Status.HEALTHY)
    assert judge(RULES, status={"members": [ready]}) == Health(Status.PROGRESSING, "Waiting for members")
    assert judge(RULES) == Health(Status.PROGRESSING, "Waiting for members")
    assert judge(RULES, status={"paused": True}, metadata={"labels": {}}) == Health(Status.SUSPENDED)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spec.replicas.nothing.there", "Applying SELECT"),
        ("spec.replicas", "neither true nor false"),
        ("status.items.all(a, status.items.all(b, status.items.all(c, true)))", "Iteration budget exceeded"),
        ("status.items.exists(i, i)", ""),
    ],
)
def test_what_fails_is_unknown_never_healthy(text: str, words: str) -> None:
    health = judge(f"Database: [{{cel: '{text}', is: Healthy}}, Healthy]\n".encode(), status={"items": list(range(1, 101))})
    assert health is not None
    assert health.status is Status.UNKNOWN
    assert words in health.message


@pytest.mark.parametrize("text", ["status.", "nope == 1", '1 + "a" == 2'])
def test_an_expression_that_cannot_be_meant_is_an_error_of_the_file(text: str) -> None:
    errors = read_rules("x.yaml", f"Database:\n- {{cel: '{text}', is: Healthy}}\n".encode(), compiler())
    assert isinstance(errors, tuple)
    assert [(error.code, error.where[0].line) for error in errors] == [("HF1650", 2)]


def test_without_the_extra_a_rule_in_cel_is_unknown() -> None:
    file = read_rules("x.yaml", b"Database: [{cel: 'true', is: Healthy}]\n", None)
    assert isinstance(file, RuleFile)
    health = file.judge("Database", {})
    assert health is not None
    assert health.status is Status.UNKNOWN
    assert "`cel` is not installed" in health.message
