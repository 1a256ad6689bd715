"""Users' Lua checks against the given cases of Argo CD's own: the scripts are ours (lua/argocd-cm.yaml), the verdicts are given."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conformance.given import cases_at
from tests.conformance.kubernetes_cases import lines_of, object_of

from holdfast.engines.kubernetes.custom import CustomHealth
from holdfast.host.lua import Lua
from holdfast.kubernetes.customization import read_file
from holdfast.kubernetes.object_id import kind_name

SCRIPTS = Path(__file__).parent / "lua" / "argocd-cm.yaml"


def test_given_verdicts_are_reached_by_scripts_of_a_users_config_map() -> None:
    said = read_file("argocd-cm.yaml", SCRIPTS.read_bytes())
    assert said.errors == ()
    cases = [case for case in lines_of(cases_at("health-argocd", "cases.jsonl")) if said.of(f"{case['group']}/{case['kind']}").health]
    kinds = {case["kind"] for case in cases}
    assert {"Certificate", "ScaledObject", "ExternalSecret"} <= kinds

    async def verdicts() -> dict[str, tuple[str, str] | None]:
        custom = CustomHealth(lambda: said, Lua())
        found: dict[str, tuple[str, str] | None] = {}
        for case in cases:
            live = object_of(case["input"])
            assert kind_name(live) == f"{case['group']}/{case['kind']}"
            live["metadata"] = {**live["metadata"], "uid": case["key"], "resourceVersion": "1"}
            health = await custom.judge(live)
            found[case["key"]] = (health.status.value, health.message) if health else None
        await custom.aclose()
        return found

    found = asyncio.run(verdicts())
    given = {case["key"]: (case["expected"]["status"], case["expected"]["message"]) for case in cases}
    assert {key: found[key] for key in given if found[key] != given[key]} == {}
