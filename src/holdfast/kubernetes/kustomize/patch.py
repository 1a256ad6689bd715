"""Patch: strategic merge and JSON patches of a kustomization, read and then applied to what they mean.

`patches`, `patchesStrategicMerge` and `patchesJson6902` differ in how they name their targets and in what they remember; the details are
kustomize's (builtins/PatchTransformer.go and its like).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.declare.document import Document
from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize import json_patch
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.identity import Identity
from holdfast.kubernetes.kustomize.library import Broken, Home, Library, read_documents
from holdfast.kubernetes.kustomize.merge import merge
from holdfast.kubernetes.kustomize.schema import Schemas
from holdfast.kubernetes.kustomize.selection import select
from holdfast.kubernetes.kustomize.spec import Patch, Selector
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import MISSING, Value, copied, count, field_text, is_empty, is_null, plain, requoted

Act = Callable[[list[Draft]], None]
"""What changes all objects of a build, the list itself included."""
_MOST_COPIED: Final = 5_000_000
ORIGIN: Final = "config.kubernetes.io/origin"
TRANSFORMATIONS: Final = "alpha.config.kubernetes.io/transformations"
Seen = dict[tuple[object, ...], Draft]
"""Group, version and kind, name and namespace → the object."""
Operations = tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What a patch file or text holds: one of the two."""

    drafts: tuple[Draft, ...] = ()
    operations: Operations = ()


class Patches:
    """Reads the patches of one kustomization."""

    def __init__(self, library: Library, home: Home, schema: Schemas) -> None:
        self._library = library
        self._home = home
        self._schema = schema

    def act(self, patch: Patch) -> Act:
        """Return what an entry of `patches` does. Raises Trouble, Broken."""
        if bool(patch.path) == bool(patch.patch.strip()):
            raise Trouble("HF1705", "a patch has both path and patch" if patch.path else "a patch has neither path nor patch")
        read = self._read(*self._documents(patch.path, patch.patch.strip()))
        target = patch.target
        if read.operations:
            if target is None:
                raise Trouble("HF1705", "a JSON patch says nothing of what it changes", "add target with kind and name")
            return _json_act(target, read.operations, remembers=True)
        for draft in read.drafts:
            draft.may_rename = patch.options is not None and patch.options.allow_name_change
            draft.may_change_kind = patch.options is not None and patch.options.allow_kind_change
            if draft.may_rename or draft.may_change_kind:
                draft.set_labels(draft.labels("annotations"), "annotations")  # kustomize notes it there, and so makes text of all
        if target is None:
            return _merge_own_targets(read.drafts)
        if len(read.drafts) > 1:
            raise Trouble("HF1705", "several patches in one entry cannot share a target", "write an entry of patches for each")
        return _merge_selected(target, read.drafts)

    def strategic(self, said: str) -> Act:
        """Return what an entry of `patchesStrategicMerge` does: a patch in place, or the path of one."""
        inline = _inline(said)
        if inline is not None:
            drafts = self._drafts(inline, in_place=True)
        else:
            drafts = self._drafts(self._library.documents(*self._library.load(self._home, said, "a patch")), in_place=False)
        return _merge_each(drafts)

    def json(self, patch: Patch) -> Act:
        """Return what an entry of `patchesJson6902` does."""
        if patch.target is None or not patch.target.name:
            raise Trouble("HF1705", "a JSON patch must name its target", "add target.name")
        if bool(patch.path) == bool(patch.patch):
            raise Trouble("HF1705", "a JSON patch has both path and patch" if patch.path else "a JSON patch has neither path nor patch")
        documents, _ = self._documents(patch.path, patch.patch)
        operations = _operations(documents)
        if not operations:
            raise Trouble("HF1705", "a JSON patch has no operations")
        return _json_act(patch.target, operations, remembers=False)

    def _documents(self, path: str, inline: str) -> tuple[tuple[Document, ...], bool]:
        """Return the documents of a patch, and whether it stands in the kustomization."""
        if path:
            return self._library.documents(*self._library.load(self._home, path, "a patch")), False
        try:
            return read_documents(self._home.path, inline.encode()), True
        except Broken as broken:
            reasons = "; ".join(error.message.partition(": ")[2] for error in broken.errors)
            raise Trouble("HF1705", f"cannot read the patch: {reasons}") from None

    def _read(self, documents: tuple[Document, ...], in_place: bool) -> _Read:
        if documents and isinstance(documents[0].value, list):
            operations = _operations(documents)
            if operations is None:
                raise Trouble("HF1705", "the patch is neither a strategic merge patch nor a JSON patch")
            return _Read(operations=operations)
        return _Read(drafts=self._drafts(documents, in_place=in_place))

    def _drafts(self, documents: tuple[Document, ...], *, in_place: bool) -> tuple[Draft, ...]:
        try:
            return tuple(self._library.drafts(documents, self._schema))
        except Trouble as trouble:
            # The lines of a patch that stands in the kustomization are not those of the file.
            where = () if in_place else trouble.where
            raise Trouble("HF1705", f"the patch is no object: {trouble.reason}", trouble.hint, *where) from None


def _inline(said: str) -> tuple[Document, ...] | None:
    try:
        documents = read_documents("", said.encode())
    except Broken:
        return None
    return documents if documents and all(isinstance(each.value, dict) for each in documents) else None


def _operations(documents: tuple[Document, ...]) -> Operations | None:
    if not documents or not json_patch.is_json_patch(documents[0].value):
        return None
    found = documents[0].value
    return tuple(each for each in found if isinstance(each, dict)) if isinstance(found, list) else None


def _json_act(target: Selector, operations: Operations, *, remembers: bool) -> Act:
    copies = any(each.get("op") == "copy" for each in operations)

    def act(drafts: list[Draft]) -> None:
        made = 0
        for draft in select(drafts, target):
            if remembers:
                draft.remember()
            try:
                value = plain(draft.value)
            except ValueError as error:
                raise Trouble("HF1708", f"{draft.identity()}: {error}") from None
            metadata = value.get("metadata") if isinstance(value, dict) else None
            if draft.has_notes and isinstance(metadata, dict):
                _write_notes(draft, metadata)
            try:
                draft.value = requoted(json_patch.apply(value, operations))
                made += count(draft.value) if copies else 0
                if made > _MOST_COPIED:
                    raise Trouble("HF1713", f"a JSON patch makes more than {_MOST_COPIED:,} values by copying")
            except Trouble as trouble:
                raise Trouble(trouble.code, f"{draft.identity()}: {trouble.reason}", trouble.hint) from None
            if not isinstance(draft.value, dict):
                raise Trouble("HF1705", "the JSON patch leaves no object")
            annotations = draft.labels("annotations")
            draft.source = annotations.pop(ORIGIN, None)
            if annotations.pop(TRANSFORMATIONS, None) is None:
                draft.transformations = []
            draft.set_labels(annotations, "annotations")

    return act


def _write_notes(draft: Draft, metadata: dict[str, Json]) -> None:
    """Write what kustomize keeps in annotations there, so that a patch finds them, and may remove them."""
    found = metadata.get("annotations")
    annotations = found if isinstance(found, dict) else {}
    if draft.source is not None:
        annotations[ORIGIN] = draft.source
    if draft.transformations:
        annotations[TRANSFORMATIONS] = ""
    metadata["annotations"] = annotations


def _merge_own_targets(patches: tuple[Draft, ...]) -> Act:
    """`patches` without a target: each patch names its own object."""

    def act(drafts: list[Draft]) -> None:
        for patch in patches:
            _merge_into(_unique(drafts, patch.identity()), patch)

    return act


def _merge_each(patches: tuple[Draft, ...]) -> Act:
    """`patchesStrategicMerge`."""

    def act(drafts: list[Draft]) -> None:
        for patch in patches:
            _merge_all(drafts, [_unique(drafts, patch.identity())], patch)

    return act


def _merge_selected(target: Selector, patches: tuple[Draft, ...]) -> Act:
    def act(drafts: list[Draft]) -> None:
        for patch in patches:
            _merge_all(drafts, select(drafts, target), patch)

    return act


def _merge_all(drafts: list[Draft], selected: list[Draft], patch: Draft) -> None:
    for draft in selected:
        own = patch.copy()
        own.set_labels(own.labels())
        own.set_labels(own.labels("annotations"), "annotations")
        own.value["apiVersion"] = draft.api_version
        _merge_into(draft, own)
    drafts[:] = [draft for draft in drafts if not draft.is_gone]
    collision(drafts)


def collision(drafts: list[Draft], known: Seen | None = None) -> Seen:
    """Refuse two objects of one id, `known` ones among them, and return all."""
    seen = known if known is not None else {}
    for draft in drafts:
        id = draft.identity()
        first = seen.setdefault((id.gvk, id.name, id.effective_namespace), draft)
        if first is not draft:
            raise Trouble(
                "HF1710",
                f"may not add resource with an already registered id: {id}",
                f"it stands in {first.origin.path}:{first.origin.line} and in {draft.origin.path}:{draft.origin.line}; keep one",
            )
    return seen


def _unique(drafts: list[Draft], wanted: Identity) -> Draft:
    found = [draft for draft in drafts if not draft.is_gone and any(wanted.equals(id) for id in (*draft.before(), draft.identity()))]
    if len(found) == 1:
        return found[0]
    if found:
        raise Trouble("HF1710", f"the patch for {wanted} fits {len(found)} objects", "name its target, with a namespace")
    near = [draft.identity() for draft in drafts if draft.name == wanted.name or draft.kind == wanted.gvk.kind][:3]
    known = f"there are {', '.join(map(str, near))}" if near else None
    raise Trouble("HF1708", f"no object fits the patch for {wanted}", known)


def _replaces_annotations(patch: Value) -> bool:
    """Say whether a patch puts other annotations in the place of all that are there, kustomize's own among them."""
    found = patch
    for key in ("metadata", "annotations"):
        if field_text(found.get("$patch")) in {"delete", "replace"}:
            return True
        found = found.get(key, MISSING)
        if not isinstance(found, dict):
            return found is not MISSING and is_null(found)
    return field_text(found.get("$patch")) in {"delete", "replace"}


def _merge_into(draft: Draft, patch: Draft) -> None:
    name, namespace, kind = draft.name, draft.namespace, draft.kind
    replaces = _replaces_annotations(patch.value)
    if patch.may_rename or patch.may_change_kind:
        draft.remember()
    try:
        merged = merge(draft.value, copied(patch.value), draft.schema)
    except Trouble as trouble:
        raise Trouble(trouble.code, f"{draft.identity()}: {trouble.reason}", trouble.hint) from None
    if merged is MISSING or is_empty(merged):
        draft.value = None
        return
    draft.value = merged
    draft.settle()
    if replaces:
        draft.forget()
    if not patch.may_change_kind:
        draft.value["kind"] = kind
    if not patch.may_rename:
        draft.set_name(name)
    draft.set_namespace(namespace)
