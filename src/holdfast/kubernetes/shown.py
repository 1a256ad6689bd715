"""Shown: the objects of an Application as people look at them: in their own words, and nothing of a Secret in them."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.errors import Where
from holdfast.kit.canonical import Json
from holdfast.kubernetes.manifest import Manifest
from holdfast.kubernetes.mask import hide
from holdfast.model.resource import Located, Model

_HIDDEN = "++++++++"


def model(path: str, manifests: Iterable[Manifest]) -> Model:
    """Return the model that `holdfast render` prints; `holdfast explain Deployment/web` finds where an object stands."""
    found = tuple(manifests)
    return Model(path=path, value=[masked(each) for each in found], locate=lambda text: locate(found, text))


def masked(manifest: Manifest) -> Json:
    """Return an object with the values of a Secret hidden, whatever they are, also where kubectl remembers them in an annotation."""
    value = dict(manifest.value)
    if manifest.kind == "Secret" and not manifest.group:
        for key in ("data", "stringData"):
            held = value.get(key)
            if held is not None:
                value[key] = dict.fromkeys(held, _HIDDEN) if isinstance(held, dict) else _HIDDEN
        form, _ = hide(manifest.value, None)
        if form is not None and "metadata" in form:
            value["metadata"] = form["metadata"]
    return value


def locate(manifests: Iterable[Manifest], text: str) -> Located | None:
    """Return the object that is called `Deployment/web`, `Deployment/shop/web` or `apps/Deployment/shop/web`, and where it stands."""
    for each in manifests:
        if text in {str(each), f"{each.kind}/{each.name}", f"{each.kind}/{each.namespace}/{each.name}"}:
            return Located(value=masked(each), where=Where(path=each.origin.path, line=each.origin.line))
    return None
