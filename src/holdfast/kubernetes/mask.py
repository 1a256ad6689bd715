"""Mask: how a Secret is shown. Equal values of a key look equal, different ones different, and nothing of a value remains.

Argo CD's form (gitops-engine `diff.HideSecretData`): eight plus signs for the first value of a key, four more for each further one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from holdfast.kit.canonical import Json
from holdfast.kubernetes.normal import LAST_APPLIED

_SHORTEST, _LONGER = 8, 4


class _Masks:
    """One for each key: value → how it is shown."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, str]] = {}

    def of(self, space: str, key: str, value: Json) -> str:
        masks = self._known.setdefault((space, key), {})
        text = json.dumps(value, sort_keys=True)
        return masks.setdefault(text, "+" * (_SHORTEST + _LONGER * len(masks)))


def hide(
    target: Mapping[str, Json] | None, live: Mapping[str, Json] | None, annotations: Collection[str] = ()
) -> tuple[dict[str, Json] | None, dict[str, Json] | None]:
    """Return a manifest and a live object with the values of a Secret, and of these annotations, masked alike on both sides."""
    masks = _Masks()
    shown = [_masked(each, masks, annotations) if each is not None else None for each in (target, live)]
    for original, form in zip((target, live), shown, strict=True):
        if original is not None and form is not None:
            _last_applied(original, form, masks, annotations)
    return shown[0], shown[1]


def is_secret(manifest: Mapping[str, Json]) -> bool:
    return manifest.get("kind") == "Secret" and manifest.get("apiVersion") in ("v1", None)


def _masked(manifest: Mapping[str, Json], masks: _Masks, annotations: Collection[str]) -> dict[str, Json]:
    form = dict(manifest)
    if is_secret(manifest):
        data, plain = form.get("data"), form.pop("stringData", None)
        values = {**(data if isinstance(data, dict) else {}), **(plain if isinstance(plain, dict) else {})}
        if values:
            form["data"] = {key: masks.of("data", key, value) for key, value in values.items()}
    metadata = form.get("metadata")
    held = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(metadata, dict) and isinstance(held, dict):
        hidden = {key: masks.of("annotation", key, value) if key in annotations else value for key, value in held.items()}
        form["metadata"] = {**metadata, "annotations": hidden}
    return form


def _last_applied(original: Mapping[str, Json], form: dict[str, Json], masks: _Masks, annotations: Collection[str]) -> None:
    metadata = form.get("metadata")
    held = metadata.get("annotations") if isinstance(metadata, dict) else None
    text = held.get(LAST_APPLIED) if isinstance(held, dict) else None
    if not (isinstance(metadata, dict) and isinstance(held, dict) and isinstance(text, str)) or LAST_APPLIED in annotations:
        return
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    # What cannot be read cannot be shown either: it may hold the values.
    masked = json.dumps(_masked(said, masks, annotations), separators=(",", ":"), sort_keys=True) if isinstance(said, dict) else ""
    form["metadata"] = {**metadata, "annotations": {**held, LAST_APPLIED: masked or "+" * _SHORTEST}}
