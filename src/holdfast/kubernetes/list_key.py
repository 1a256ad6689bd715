"""List keys: by what the items of a list in a built-in object are known, and what the server adds to such a key where nobody said it.

The answer of the API's own schema (`x-kubernetes-list-map-keys`, `patchMergeKey`) for the lists that manifests hold, so that a comparison
needs no schema of the cluster. A list that is not named here is compared item by item, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.kit.canonical import Json

DEFAULTS: Mapping[str, Json] = MappingProxyType({"protocol": "TCP"})
"""Of keys that may be left out."""

_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conditions": ("type",),
        "containers": ("name",),
        "env": ("name",),
        "ephemeralContainers": ("name",),
        "hostAliases": ("ip",),
        "imagePullSecrets": ("name",),
        "initContainers": ("name",),
        "ownerReferences": ("uid",),
        "resourceClaims": ("name",),
        "secrets": ("name",),
        "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
        "volumeDevices": ("devicePath",),
        "volumeMounts": ("mountPath",),
        "volumes": ("name",),
        "webhooks": ("name",),
    }
)
_PORTS = (("containerPort", "protocol"), ("port", "protocol"))


def list_keys(field: str, items: list[Json]) -> tuple[str, ...]:
    """Return the keys of the items of the list `field`, empty where they are known by their place alone."""
    keys = _KEYS.get(field, ())
    if field == "ports":
        keys = next((each for each in _PORTS if all(isinstance(item, dict) and each[0] in item for item in items)), ())
    return keys if keys and all(isinstance(item, dict) and keys[0] in item for item in items) else ()


def key_of(item: Mapping[str, Json], keys: tuple[str, ...]) -> tuple[Json, ...]:
    return tuple(item.get(key, DEFAULTS.get(key)) for key in keys)
