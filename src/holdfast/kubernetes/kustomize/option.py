"""Option: what an Application adds to a kustomization (`spec.source.kustomize`), as Argo CD does by `kustomize edit`.

Applied to the kustomization of the Application's path and to no base. Law: without options a kustomization is what its file says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from holdfast.kubernetes.kustomize.spec import Image, Kustomization, Label, Patch, PatchOptions, Replica, Selector
from holdfast.kubernetes.kustomize.transform import split_image
from holdfast.kubernetes.kustomize.trouble import Trouble

_SAME = "*"
"""In an image: what the kustomization says already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaOption:
    name: str
    count: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchOption:
    path: str = ""
    patch: str = ""
    target: Selector | None = None
    options: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Field names are Argo CD's; those that only Helm or another kustomize would look at are left out by whoever reads them."""

    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[str, ...] = ()
    replicas: tuple[ReplicaOption, ...] = ()
    patches: tuple[PatchOption, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    common_labels: Mapping[str, str] = field(default_factory=dict)
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    force_common_labels: bool = False
    force_common_annotations: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False


def with_options(spec: Kustomization, options: Options, missing: Collection[str] = ()) -> Kustomization:
    """Return a kustomization with an Application's options. `missing`: components that are not there. Raises Trouble."""
    components = [each for each in options.components if not (options.ignore_missing_components and each in missing)]
    labels = spec.labels
    if options.label_without_selector and options.common_labels:
        labels = (*labels, Label(pairs=options.common_labels, include_templates=options.label_include_templates))
        common = spec.common_labels
    else:
        common = _added(spec.common_labels, options.common_labels, "commonLabels", is_forced=options.force_common_labels)
    return replace(
        spec,
        name_prefix=options.name_prefix or spec.name_prefix,
        name_suffix=options.name_suffix or spec.name_suffix,
        namespace=options.namespace or spec.namespace,
        images=tuple(_images(spec.images, options.images)) if options.images else spec.images,
        replicas=tuple(_replicas(spec.replicas, options.replicas)),
        patches=(*spec.patches, *map(_patch, options.patches)),
        components=tuple(dict.fromkeys((*spec.components, *components))),
        labels=labels,
        common_labels=common,
        common_annotations=_added(
            spec.common_annotations, options.common_annotations, "commonAnnotations", is_forced=options.force_common_annotations
        ),
    )


def _added(known: Mapping[str, str], more: Mapping[str, str], key: str, *, is_forced: bool) -> Mapping[str, str]:
    twice = sorted(known.keys() & more.keys())
    if twice and not is_forced:
        force = f"force{key[0].upper()}{key[1:]}"
        raise Trouble(
            "HF1717", f"the Application adds {key} {twice[0]}, and the kustomization has it", f"write {force}: true in the Application"
        )
    return {**known, **more}


def read_image(said: str) -> Image:
    """Return `[old=]name[:tag][@digest]`. Raises Trouble where it changes nothing."""
    old, equals, new = said.partition("=")
    name, tag, digest = split_image(new if equals else said)
    if equals:
        return Image(name=old, new_name=name, new_tag=tag, digest=digest)
    if not tag and not digest:
        raise Trouble(
            "HF1717", f"the Application names the image {said!r} and says nothing new of it", "write name:tag, name@digest or old=new"
        )
    return Image(name=name, new_tag=tag, digest=digest)


def _images(known: tuple[Image, ...], said: tuple[str, ...]) -> Iterator[Image]:
    """Yield the images in the order of their names, as `kustomize edit set image` writes them."""
    found = {image.name: image for image in map(read_image, said)}
    for old in known:
        new = found.get(old.name)
        found[old.name] = old if new is None else _filled(new, old)
    yield from (_filled(found[name], Image()) for name in sorted(found))


def _filled(new: Image, old: Image) -> Image:
    return replace(
        new,
        new_name=old.new_name if new.new_name == _SAME else new.new_name,
        new_tag=old.new_tag if new.new_tag == _SAME else new.new_tag,
        digest=old.digest if new.digest == _SAME else new.digest,
    )


def _replicas(known: tuple[Replica, ...], said: tuple[ReplicaOption, ...]) -> Iterator[Replica]:
    found = {each.name: each for each in known}
    for each in said:
        count = str(each.count)
        if not count.isdecimal() or len(count) > 9:
            raise Trouble("HF1717", f"the Application wants {count!r} replicas of {each.name}", "write a whole number")
        found[each.name] = Replica(name=each.name, count=int(count))
    yield from found.values()


def _patch(said: PatchOption) -> Patch:
    options = PatchOptions(
        allow_name_change=said.options.get("allowNameChange", False), allow_kind_change=said.options.get("allowKindChange", False)
    )
    return Patch(path=said.path, patch=said.patch, target=said.target, options=options if said.options else None)
