"""Transform: names, namespace, labels, annotations, images and replicas, set in all objects at once.

Each is a bare verb over the drafts, with the fields that the configuration names. Special cases are kustomize's: a Namespace and a
CustomResourceDefinition keep their names, a cluster-scoped object gets no namespace, subjects named `default` do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, Literal

from holdfast.kit.linear_pattern import LinearPattern
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.field import MAPPING, SCALAR, Change, FieldSpec, Specs, change_all, change_field
from holdfast.kubernetes.kustomize.identity import Gvk
from holdfast.kubernetes.kustomize.pattern import compile_pattern
from holdfast.kubernetes.kustomize.spec import Image, Replica
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import FRESH, Tie, Tied, Value, field_text, is_null, put, put_loose, text

_NAME: Final = "metadata/name"
_NAMESPACE: Final = FieldSpec(Gvk(), "metadata/namespace", create=True)
_KEEP_NAMES: Final = (
    Gvk("", "", "CustomResourceDefinition"),
    Gvk("apiregistration.k8s.io", "", "APIService"),
    Gvk("", "", "Namespace"),
)
_BINDINGS: Final = frozenset({"RoleBinding", "ClusterRoleBinding"})
_CONTAINERS: Final = frozenset({"containers", "initContainers"})
_TAGS: Final = r"(:[a-zA-Z0-9_.{}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?$"
_PLAIN_TAGS: Final = re.compile(_TAGS)
Subjects = Literal["defaultOnly", "allServiceAccounts", "none", ""]


def add_prefix(drafts: Iterable[Draft], prefix: str, specs: Specs) -> None:
    _rename(drafts, specs, lambda name: prefix + name, prefix, "prefixes")


def add_suffix(drafts: Iterable[Draft], suffix: str, specs: Specs) -> None:
    _rename(drafts, specs, lambda name: name + suffix, suffix, "suffixes")


def _rename(drafts: Iterable[Draft], specs: Specs, named: Callable[[str], str], part: str, kept: str) -> None:
    for draft in drafts:
        first = draft.first()
        if any(first.gvk.is_selected(each) for each in _KEEP_NAMES):
            continue
        for spec in specs:
            if not first.gvk.is_selected(spec.gvk):
                continue
            if spec.path == _NAME and part:
                getattr(draft, kept).append(part)
                draft.remember()
            change_field(draft, spec, lambda old: put_loose(old, named(text(old))), SCALAR)


def set_namespace(drafts: Sequence[Draft], namespace: str, specs: Specs, subjects: Subjects = "", *, unset_only: bool = False) -> None:
    """Set the namespace of all objects that have one. Raises Trouble where two become the same."""

    def change(old: Value) -> Value:
        return old if unset_only and old is not FRESH and field_text(old) else put(old, namespace)

    for draft in drafts:
        if draft.is_gone:
            continue
        draft.remember()
        _set_namespace(draft, change, specs, subjects)
    seen: dict[tuple[object, ...], Draft] = {}
    for draft in drafts:
        id = draft.identity()
        key = (id.gvk, id.name, id.effective_namespace)
        if key in seen:
            raise Trouble("HF1710", f"the namespace {namespace!r} makes two objects one: {id}", "rename one of them, or leave one out")
        seen[key] = draft


def _set_namespace(draft: Draft, change: Change, specs: Specs, subjects: Subjects) -> None:
    if not draft.identity().is_cluster:
        change_field(draft, _NAMESPACE, change, SCALAR)
    wanted = [each for each in specs if each.path != "metadata/namespace" and (each.path != _NAME or draft.api_version == "v1")]
    if draft.kind in _BINDINGS:
        wanted = [each for each in wanted if each.gvk.kind not in _BINDINGS or each.path != "subjects/namespace"]
        for subject in _subjects(draft, subjects):
            subject["namespace"] = change(subject.get("namespace", FRESH))
    change_all(draft, wanted, change, SCALAR)


def _subjects(draft: Draft, subjects: Subjects) -> Iterator[dict[str, Value]]:
    """Yield the subjects of a binding that are in the namespace."""
    if subjects == "none":
        return
    key, value = ("kind", "ServiceAccount") if subjects == "allServiceAccounts" else ("name", "default")
    found = draft.value.get("subjects")
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and field_text(each.get(key)) == value:
            yield each


def set_pairs(drafts: Iterable[Draft], pairs: Mapping[str, str], specs: Specs) -> None:
    """Set labels, or annotations, in every field that `specs` names."""

    for draft in drafts if pairs else ():
        ties = {key: Tie(pairs[key]) for key in sorted(pairs)}
        change_all(draft, specs, partial(_with_pairs, ties), MAPPING)
        draft.settle()


def _with_pairs(ties: Mapping[str, Tie], old: Value) -> Value:
    if is_null(old):
        return old
    if not isinstance(old, dict):
        raise Trouble("HF1706", "there is no mapping to put labels or annotations into")
    for key, tie in ties.items():
        value = str(tie.value)
        old[key] = put(old[key], value) if key in old else Tied(value, tie)
    return old


def set_replicas(drafts: Sequence[Draft], replica: Replica, specs: Specs) -> None:
    """Set how many replicas the workloads of a name have. Raises Trouble where there is none."""
    found = False
    for spec in specs:
        for draft in drafts:
            ids = [*draft.before(), draft.identity()]
            if not draft.is_gone and any(id.name == replica.name and id.gvk.is_selected(spec.gvk) for id in ids):
                found = True
                change_field(draft, spec, lambda old: put(old, replica.count), SCALAR)
    if not found:
        kinds = ", ".join(str(each.gvk.kind) for each in specs)
        raise Trouble("HF1708", f"there is no {replica.name!r} whose replicas could be set", f"it must be one of {kinds}")


def set_image(drafts: Iterable[Draft], image: Image, specs: Specs) -> None:
    """Set name, tag or digest of an image wherever it is used."""

    def change(old: Value) -> Value:
        if is_null(old):
            return old
        if isinstance(old, dict | list):
            raise Trouble("HF1706", "an image is no single value")
        named = _changed(text(old), image)
        return old if named is None else put_loose(old, named)

    for draft in drafts:
        if draft.kind != "CustomResourceDefinition":
            _containers(draft.value, change)
            change_all(draft, specs, change)


def _containers(value: Value, change: Change) -> None:
    """Change `image` in the items of every list that is called containers or initContainers."""
    if isinstance(value, list):
        for each in value:
            _containers(each, change)
    elif isinstance(value, dict):
        for key, each in value.items():
            _containers(each, change)
            if key in _CONTAINERS and isinstance(each, list):
                for item in each:
                    if isinstance(item, dict) and "image" in item:
                        item["image"] = change(item["image"])


@lru_cache(maxsize=256)
def _pattern(name: str) -> LinearPattern | None:
    try:
        return compile_pattern(f"^{name}{_TAGS}")
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _is_image(value: str, name: str) -> bool:
    """Say whether an image is the one that is meant; a name is a regular expression, one that is none fits nothing."""
    if re.fullmatch(r"[\w/:@-]*", name, re.ASCII):
        return value.startswith(name) and _PLAIN_TAGS.match(value, len(name)) is not None
    pattern = _pattern(name)
    return pattern is not None and pattern.search(value) is not None


def _changed(value: str, image: Image) -> str | None:
    if not _is_image(value, image.name):
        return None
    name, tag, digest = split_image(value)
    name = image.new_name or name
    if image.new_tag or image.digest:
        tag, digest = image.new_tag, image.digest
    elif image.tag_suffix:
        tag, digest = tag + image.tag_suffix, ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def split_image(value: str) -> tuple[str, str, str]:
    """Return name, tag and digest of an image reference; a colon in the registry's part is a port."""
    start = max(value.find("/"), 0)
    rest, _, digest = value[start:].partition("@")
    name, _, tag = rest.partition(":")
    return value[:start] + name, tag, digest
