"""Health of live objects against given cases: Argo CD's verdicts of custom resources and built-in kinds, and kstatus.

`kubernetes_differences.yaml` names each case that is answered otherwise, with its reason; the file and the results must agree.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.given import cases_at
from tests.conformance.kubernetes_cases import lines_of, object_of, shipped_rules

from holdfast.kubernetes.kstatus import compute

CUSTOM = list(lines_of(cases_at("health-argocd", "cases.jsonl")))
BUILT_IN = list(lines_of(cases_at("health-builtin", "cases.jsonl")))
KSTATUS = list(lines_of(cases_at("kstatus", "cases.jsonl")))
DIFFERENCES: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "kubernetes_differences.yaml").read_text())
BUILT_IN_GROUPS = ("", "apps", "batch", "autoscaling", "networking.k8s.io", "extensions", "apiregistration.k8s.io")
NOW = 1_800_000_000.0


def verdict(case: dict[str, Any]) -> tuple[str | None, str | None]:
    health = shipped_rules().judge(object_of(case["input"]), NOW)
    return (health.status.value, health.message) if health else (None, None)


def test_custom_resources_are_judged_as_argo_cd_does() -> None:
    rules = shipped_rules()
    unlike = {}
    for case in CUSTOM:
        health = rules.by_rule(object_of(case["input"]))
        said = (health.status.value, health.message) if health else (None, None)
        if said != (case["expected"]["status"], case["expected"]["message"]):
            unlike[case["key"]] = said
    assert rules.errors == []
    assert unlike.keys() == DIFFERENCES["health-argocd"].keys(), unlike
    assert len(CUSTOM) - len(unlike) >= 0.98 * len(CUSTOM)


@pytest.mark.parametrize("case", BUILT_IN, ids=lambda case: str(case["key"]))
def test_built_in_kinds_are_judged_as_argo_cd_does(case: dict[str, Any]) -> None:
    group = str(object_of(case["input"])["apiVersion"]).rpartition("/")[0]
    if group not in BUILT_IN_GROUPS:
        assert case["expected"]["status"] is None
        return
    assert verdict(case) == (case["expected"]["status"], case["expected"]["message"])


@pytest.mark.parametrize("case", KSTATUS, ids=lambda case: str(case["key"]))
def test_kstatus_is_computed_as_cli_utils_does(case: dict[str, Any]) -> None:
    at = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result = compute(object_of(case["input"].replace("@NOW@", at)), NOW)
    conditions = [{"type": each.type, "status": "True", "reason": each.reason} for each in result.conditions]
    assert result.status.value == case["expected"]["status"]
    assert all(condition in conditions for condition in case["expected"]["conditions"])
    assert {condition["type"] for condition in conditions}.isdisjoint(case["expected"]["absent"])
