"""Hooks, phases and waves: when an object of a sync is applied, and when it goes again, by Argo CD's and Helm's annotations.

As pure values; who runs them is `walk.hook`. Law: an object that names both tools' hooks follows Argo CD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from holdfast.kit.canonical import Json
from holdfast.model.hook import DeletePolicy, HookPhase

HOOK = "argocd.argoproj.io/hook"
HOOK_DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HELM_HOOK = "helm.sh/hook"
HELM_HOOK_WEIGHT = "helm.sh/hook-weight"
HELM_HOOK_DELETE_POLICY = "helm.sh/hook-delete-policy"

WIDEST = 500_000
"""A wave beyond it is a typing error."""


_OF_HELM: Mapping[str, HookPhase] = MappingProxyType(
    {
        "crd-install": HookPhase.PRE_SYNC,
        "pre-install": HookPhase.PRE_SYNC,
        "pre-upgrade": HookPhase.PRE_SYNC,
        "post-install": HookPhase.POST_SYNC,
        "post-upgrade": HookPhase.POST_SYNC,
        "pre-delete": HookPhase.PRE_DELETE,
        "post-delete": HookPhase.POST_DELETE,
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

    phases: tuple[HookPhase, ...] = (HookPhase.SYNC,)
    """Empty: never (`Skip`, a Helm test)."""
    wave: int = 0
    is_hook: bool = False
    """Whether it is run anew by each sync, and is no part of what should stand."""
    delete_policies: frozenset[DeletePolicy] = frozenset()


_PLAIN = Turn()
"""Of what has no annotations, as most objects have none."""


def read_turn(annotations: Mapping[str, str]) -> Turn:
    """Return when an object with these annotations is applied. ValueError where a wave is no number, or a phase or policy is unknown."""
    if not annotations:
        return _PLAIN
    if HOOK in annotations:
        phases = _phases(_words(annotations[HOOK]))
        is_hook = phases != (HookPhase.SYNC,) or HookPhase.SYNC.value in _words(annotations[HOOK])
        return Turn(phases=phases, wave=_wave(annotations), is_hook=is_hook, delete_policies=_policies(annotations, is_hook))
    if HELM_HOOK in annotations:
        named = [_OF_HELM[word] for word in _words(annotations[HELM_HOOK]) if word in _OF_HELM]
        phases = tuple(dict.fromkeys(named))
        is_crd = "crd-install" in _words(annotations[HELM_HOOK])
        is_hook = bool(phases) and not is_crd
        return Turn(
            phases=(HookPhase.SYNC,) if is_crd else phases,
            wave=_wave(annotations),
            is_hook=is_hook,
            delete_policies=_policies(annotations, is_hook),
        )
    return Turn(wave=_wave(annotations))


def is_at_work(live: Mapping[str, Json]) -> bool:
    """Say whether a Job has a pod that runs, or a Pod runs."""
    status = live.get("status")
    if not isinstance(status, dict):
        return False
    ready = status.get("ready")
    return (live.get("kind") == "Job" and isinstance(ready, int) and ready > 0) or (
        live.get("kind") == "Pod" and status.get("phase") == "Running"
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _phases(words: tuple[str, ...]) -> tuple[HookPhase, ...]:
    known = {phase.value: phase for phase in HookPhase}
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"unknown hook {unknown[0]!r}; known: {', '.join(known)}")
    return () if HookPhase.SKIP.value in words else tuple(dict.fromkeys(known[word] for word in words)) or (HookPhase.SYNC,)


def _wave(annotations: Mapping[str, str]) -> int:
    key = SYNC_WAVE if SYNC_WAVE in annotations else HELM_HOOK_WEIGHT
    text = annotations.get(key, "0")
    try:
        wave = int(text)
    except ValueError:
        raise ValueError(f"{key}: {text!r} is no whole number") from None
    if abs(wave) >= WIDEST:
        raise ValueError(f"{key}: {wave} is beyond ±{WIDEST - 1}")
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
