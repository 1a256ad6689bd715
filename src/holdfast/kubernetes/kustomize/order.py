"""Order: in which order a build gives its objects: as they were read, or by kind as kustomize did before (`sortOptions`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cmp_to_key

from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.identity import Identity, default_order, order, spelled
from holdfast.kubernetes.kustomize.spec import SortOptions
from holdfast.kubernetes.kustomize.trouble import Trouble


def arranged(drafts: list[Draft], options: SortOptions | None, *, sorts: bool) -> list[Draft]:
    """Return the objects in order; `sorts`: whether by kind where the kustomization does not say. Raises Trouble."""
    if options is None:
        return _by_kind(drafts, default_order()) if sorts else drafts
    legacy = options.legacy_sort_options
    if options.order == "fifo":
        if legacy is not None:
            raise Trouble("HF1701", "legacySortOptions are given and the order is fifo", "write order: legacy")
        return drafts
    ranks = default_order() if legacy is None else order(legacy.order_first, legacy.order_last)
    return _by_kind(drafts, ranks)


def _by_kind(drafts: list[Draft], ranks: Mapping[str, int]) -> list[Draft]:
    ids = [draft.identity() for draft in drafts]

    def compare(one: int, other: int) -> int:
        return _compare(ids[one], ids[other], ranks)

    return [drafts[index] for index in sorted(range(len(ids)), key=cmp_to_key(compare))]


def _compare(one: Identity, other: Identity, ranks: Mapping[str, int]) -> int:
    if one.gvk == other.gvk:
        return _sign(_text(one), _text(other))
    mine, theirs = ranks.get(one.gvk.kind, 0), ranks.get(other.gvk.kind, 0)
    if mine != theirs:
        return _sign(mine, theirs)
    if one.gvk.kind == other.gvk.kind == "Namespace" and not (one.gvk.group and other.gvk.group):
        return _sign(spelled(other.gvk), spelled(one.gvk))
    return _sign(spelled(one.gvk), spelled(other.gvk))


def _text(id: Identity) -> str:
    return f"{id.gvk}|{id.namespace or '~X'}|{id.name or '~N'}"


def _sign(one: str | int, other: str | int) -> int:
    return 0 if one == other else -1 if one < other else 1  # type: ignore[operator]
