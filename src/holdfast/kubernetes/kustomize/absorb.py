"""Absorb: what a generator makes, added to the objects, or merged into or put in the place of the one of its name (`behavior`).

As kustomize's resWrangler has it: what was known of the old object stays known of the new one, and a name keeps its hash only where both
were to have one.
"""

from __future__ import annotations

import base64

from holdfast.kubernetes.kustomize.draft import MERGE, REPLACE, Draft
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import MISSING, Value, field_text, is_null, new, text


def absorb(drafts: list[Draft], draft: Draft) -> None:
    """Add a generated object to `drafts`. Raises Trouble where its behavior does not fit what is there."""
    id = draft.identity()
    found = [
        index for index, old in enumerate(drafts) if not old.is_gone and any(id.equals(each) for each in (*old.before(), old.identity()))
    ]
    if not found:
        if draft.behavior in {MERGE, REPLACE}:
            raise Trouble("HF1709", f"there is no {id} to {draft.behavior}", "behavior: create makes it")
        drafts.append(draft)
        return
    if len(found) > 1:
        raise Trouble("HF1710", f"{len(found)} objects could be what {id} is to be merged into", "name its namespace")
    old = drafts[found[0]]
    if draft.behavior not in {MERGE, REPLACE}:
        raise Trouble("HF1710", f"{id} is there already, in {old.origin.path}:{old.origin.line}", "write behavior: merge or replace")
    if draft.behavior == MERGE:
        _merge(draft, old)
    else:
        _inherit(draft, old)
    drafts[found[0]] = draft


def _inherit(draft: Draft, old: Draft) -> None:
    """Take over name, namespace, labels, annotations and history (CopyMergeMetaDataFieldsFrom)."""
    draft.set_labels({**old.labels(), **draft.labels()})
    draft.set_labels({**old.labels("annotations"), **draft.labels("annotations")}, "annotations")
    draft.set_name(old.name)
    draft.set_namespace(old.namespace)
    draft.previous = list(old.previous)
    draft.prefixes = list(old.prefixes)
    draft.suffixes = list(old.suffixes)
    draft.behavior = old.behavior
    draft.is_hashed = draft.is_hashed and old.is_hashed
    draft.variables = list(old.variables)
    draft.transformations = list(old.transformations)


def _merge(draft: Draft, old: Draft) -> None:
    data = _texts(old.value.get("data"))
    if draft.api_version == "v1" and draft.kind == "Secret":
        data |= _plain_secrets(old.value.get("stringData"), draft)
    _inherit(draft, old)
    for key, known in (("data", data), ("binaryData", _texts(old.value.get("binaryData")))):
        both = {**known, **_texts(draft.value.get(key))}
        draft.value.pop(key, None)
        if both:
            draft.value[key] = {name: new(both[name]) for name in sorted(both)}
    if old.source is not None:
        draft.source = old.source


def _texts(found: Value) -> dict[str, str]:
    return {key: field_text(each) for key, each in found.items()} if isinstance(found, dict) else {}


def _plain_secrets(found: Value, draft: Draft) -> dict[str, str]:
    """Return `stringData` as it stands in `data`."""
    if is_null(found) or found is MISSING or not isinstance(found, dict):
        return {}
    if any(isinstance(each, dict | list) for each in found.values()):
        raise Trouble("HF1714", f"stringData of {draft.identity()} holds more than single values")
    return {key: base64.b64encode(text(each).encode()).decode() for key, each in found.items()}
