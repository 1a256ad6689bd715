"""Hooks and waves become turns; the planner's waves keep phases apart."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.hook import HELM_HOOK, HOOK, HOOK_DELETE_POLICY, SYNC_WAVE, Turn, is_at_work, read_turn
from holdfast.model.hook import DeletePolicy, HookPhase

BEFORE = frozenset({DeletePolicy.BEFORE_HOOK_CREATION})


@pytest.mark.parametrize(
    ("annotations", "turn"),
    [
        ({}, Turn()),
        ({SYNC_WAVE: "-3"}, Turn(wave=-3)),
        ({HOOK: "PreSync"}, Turn(phases=(HookPhase.PRE_SYNC,), is_hook=True, delete_policies=BEFORE)),
        ({HOOK: "PreSync, PostSync"}, Turn(phases=(HookPhase.PRE_SYNC, HookPhase.POST_SYNC), is_hook=True, delete_policies=BEFORE)),
        ({HOOK: "Skip"}, Turn(phases=(), is_hook=True, delete_policies=BEFORE)),
        (
            {HOOK: "SyncFail", HOOK_DELETE_POLICY: "HookSucceeded,HookFailed"},
            Turn(
                phases=(HookPhase.SYNC_FAIL,),
                is_hook=True,
                delete_policies=frozenset({DeletePolicy.HOOK_SUCCEEDED, DeletePolicy.HOOK_FAILED}),
            ),
        ),
        ({HELM_HOOK: "pre-install,pre-upgrade"}, Turn(phases=(HookPhase.PRE_SYNC,), is_hook=True, delete_policies=BEFORE)),
        (
            {HELM_HOOK: "post-upgrade", "helm.sh/hook-weight": "5"},
            Turn(phases=(HookPhase.POST_SYNC,), wave=5, is_hook=True, delete_policies=BEFORE),
        ),
        ({HELM_HOOK: "test"}, Turn(phases=())),
        ({HELM_HOOK: "crd-install"}, Turn()),
        ({HELM_HOOK: "pre-install", HOOK: "PostSync"}, Turn(phases=(HookPhase.POST_SYNC,), is_hook=True, delete_policies=BEFORE)),
    ],
)
def test_annotations_say_the_turn(annotations: Mapping[str, str], turn: Turn) -> None:
    assert read_turn(annotations) == turn


@pytest.mark.parametrize(
    "annotations", [{HOOK: "Later"}, {SYNC_WAVE: "one"}, {SYNC_WAVE: "500000"}, {HOOK: "Sync", HOOK_DELETE_POLICY: "Never"}]
)
def test_what_is_no_turn_is_told(annotations: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_turn(annotations)


@pytest.mark.parametrize(
    ("live", "is_it"),
    [
        ({"kind": "Job", "status": {"active": 1, "ready": 1}}, True),
        ({"kind": "Job", "status": {"active": 1, "ready": 0}}, False),
        ({"kind": "Pod", "status": {"phase": "Running"}}, True),
        ({"kind": "Pod", "status": {"phase": "Pending"}}, False),
        ({"kind": "ConfigMap"}, False),
    ],
)
def test_what_is_at_work(live: dict[str, Json], is_it: bool) -> None:
    assert is_at_work(live) is is_it
