"""Selection: which objects a patch or a replacement means."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.identity import Gvk, Identity
from holdfast.kubernetes.kustomize.label_selector import selects
from holdfast.kubernetes.kustomize.pattern import fits
from holdfast.kubernetes.kustomize.spec import Selector
from holdfast.kubernetes.kustomize.trouble import Trouble


def select(drafts: Iterable[Draft], selector: Selector) -> list[Draft]:
    """Return the objects that a patch's target means, by what they were called first or are called now. Raises Trouble."""
    return [draft for draft in drafts if _selects(selector, draft)]


def _selects(selector: Selector, draft: Draft) -> bool:
    now, first = draft.identity(), draft.first()
    if not any(_fits(selector.namespace, id.effective_namespace) for id in (first, now)):
        return False
    if not any(_fits(selector.name, id.name) for id in (first, now)):
        return False
    return _fits_gvk(selector, now.gvk) and selects_labels(selector, draft)


def selects_id(selector: Selector, id: Identity) -> bool:
    return _fits_gvk(selector, id.gvk) and _fits(selector.name, id.name) and _fits(selector.namespace, id.namespace)


def selects_labels(selector: Selector, draft: Draft) -> bool:
    try:
        return selects(selector.label_selector, draft.labels()) and selects(selector.annotation_selector, draft.labels("annotations"))
    except ValueError as error:
        said = selector.label_selector or selector.annotation_selector
        raise Trouble("HF1707", f"cannot read the selector {said!r}: {error}") from None


def _fits_gvk(selector: Selector, gvk: Gvk) -> bool:
    return _fits(selector.group, gvk.group) and _fits(selector.version, gvk.version) and _fits(selector.kind, gvk.kind)


def _fits(pattern: str, text: str) -> bool:
    try:
        return not pattern or fits(pattern, text)
    except ValueError as error:
        raise Trouble("HF1707", f"cannot read the pattern {pattern!r}: {error}") from None
