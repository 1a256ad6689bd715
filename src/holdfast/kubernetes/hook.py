"""Hooks, phases and waves: when an object of a sync is applied, and when it goes again, by Argo CD's and Helm's annotations.

As pure values on the house's own planner: a phase and a wave together are one number, so that the planner's waves are Argo CD's, mirrored
for deletes. Laws: PreSync comes before Sync before PostSync, whatever the waves; an object that names both tools' hooks follows Argo CD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

HOOK = "argocd.argoproj.io/hook"
HOOK_DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HELM_HOOK = "helm.sh/hook"
HELM_HOOK_WEIGHT = "helm.sh/hook-weight"
HELM_HOOK_DELETE_POLICY = "helm.sh/hook-delete-policy"

PHASE_SPAN = 1_000_000
"""Waves of one phase: a wave beyond half of it would reach into the next."""


class Phase(StrEnum):
    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"
    SKIP = "Skip"


class DeletePolicy(StrEnum):
    BEFORE_HOOK_CREATION = "BeforeHookCreation"
    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"


_ORDER: Mapping[Phase, int] = MappingProxyType({Phase.PRE_SYNC: -1, Phase.SYNC: 0, Phase.POST_SYNC: 1, Phase.SYNC_FAIL: 2})
_OF_HELM: Mapping[str, Phase] = MappingProxyType(
    {
        "crd-install": Phase.PRE_SYNC,
        "pre-install": Phase.PRE_SYNC,
        "pre-upgrade": Phase.PRE_SYNC,
        "post-install": Phase.POST_SYNC,
        "post-upgrade": Phase.POST_SYNC,
        "pre-delete": Phase.PRE_DELETE,
        "post-delete": Phase.POST_DELETE,
    }
)
"""gitops-engine `pkg/sync/hook/helm`; what is not here (tests, rollbacks) is never applied."""
_POLICY_OF_HELM: Mapping[str, DeletePolicy] = MappingProxyType(
    {
        "before-hook-creation": DeletePolicy.BEFORE_HOOK_CREATION,
        "hook-succeeded": DeletePolicy.HOOK_SUCCEEDED,
        "hook-failed": DeletePolicy.HOOK_FAILED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When an object is applied."""

    phases: tuple[Phase, ...] = (Phase.SYNC,)
    """Empty: never (`Skip`, a Helm test)."""
    wave: int = 0
    is_hook: bool = False
    """Whether it is run anew by each sync, and is no part of what should stand."""
    delete_policies: frozenset[DeletePolicy] = frozenset()

    def place(self, phase: Phase) -> int:
        """Return the planner's wave of this object in `phase`."""
        return _ORDER[phase] * PHASE_SPAN + self.wave


def read_turn(annotations: Mapping[str, str]) -> Turn:
    """Return when an object with these annotations is applied. ValueError where a wave is no number, or a phase or policy is unknown."""
    if HOOK in annotations:
        phases = _phases(_words(annotations[HOOK]))
        is_hook = phases != (Phase.SYNC,) or Phase.SYNC.value in _words(annotations[HOOK])
        return Turn(phases=phases, wave=_wave(annotations), is_hook=is_hook, delete_policies=_policies(annotations, is_hook))
    if HELM_HOOK in annotations:
        named = [_OF_HELM[word] for word in _words(annotations[HELM_HOOK]) if word in _OF_HELM]
        phases = tuple(dict.fromkeys(named))
        is_crd = "crd-install" in _words(annotations[HELM_HOOK])
        is_hook = bool(phases) and not is_crd
        return Turn(
            phases=(Phase.SYNC,) if is_crd else phases,
            wave=_wave(annotations),
            is_hook=is_hook,
            delete_policies=_policies(annotations, is_hook),
        )
    return Turn(wave=_wave(annotations))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _phases(words: tuple[str, ...]) -> tuple[Phase, ...]:
    known = {phase.value: phase for phase in Phase}
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"unknown hook {unknown[0]!r}; known: {', '.join(known)}")
    return () if Phase.SKIP.value in words else tuple(dict.fromkeys(known[word] for word in words)) or (Phase.SYNC,)


def _wave(annotations: Mapping[str, str]) -> int:
    key = SYNC_WAVE if SYNC_WAVE in annotations else HELM_HOOK_WEIGHT
    text = annotations.get(key, "0")
    try:
        wave = int(text)
    except ValueError:
        raise ValueError(f"{key}: {text!r} is no whole number") from None
    if abs(wave) >= PHASE_SPAN // 2:
        raise ValueError(f"{key}: {wave} is beyond ±{PHASE_SPAN // 2 - 1}")
    return wave


def _policies(annotations: Mapping[str, str], is_hook: bool) -> frozenset[DeletePolicy]:
    if not is_hook:
        return frozenset()
    known = {policy.value: policy for policy in DeletePolicy}
    words = _words(annotations.get(HOOK_DELETE_POLICY, ""))
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"unknown hook delete policy {unknown[0]!r}; known: {', '.join(known)}")
    helm = [_POLICY_OF_HELM[word] for word in _words(annotations.get(HELM_HOOK_DELETE_POLICY, "")) if word in _POLICY_OF_HELM]
    return frozenset([known[word] for word in words] or helm or [DeletePolicy.BEFORE_HOOK_CREATION])
