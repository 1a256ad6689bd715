"""Normal form: what a manifest says and what a server keeps of it, written the same way.

A server rewrites what it is given: `cpu: 1000m` becomes `1`, `stringData` goes into `data`, null and empty fields vanish. Here both sides
are brought to one form, so that equal things compare equal without asking the server. Laws: normalising twice is normalising once; two
manifests that a server would store alike have the same form, as far as these rules know; nothing else changes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from holdfast.kit.canonical import Json, same_parts
from holdfast.kit.quantity import parse_quantity

SERVER_FIELDS = frozenset({"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields"}) | {
    "resourceVersion",
    "selfLink",
    "uid",
}
"""Of metadata: written by the server alone."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_QUANTITIES = frozenset({"limits", "requests", "capacity", "allocatable", "hard", "overhead"})
"""Mappings whose values are quantities."""
_QUANTITY_FIELDS = frozenset({"sizeLimit", "divisor", "averageValue"})


def normalize(manifest: Mapping[str, Json], *, ignore_aggregated_roles: bool = False) -> dict[str, Json]:
    """Return the normal form of a manifest or a live object: without status, what only the server writes, and empty fields.

    A part that was in this form already is that of `manifest` itself; the whole and its metadata are new.
    """
    form: dict[str, Json] = {key: value for key, value in manifest.items() if key != "status"}
    metadata = form.get("metadata")
    if isinstance(metadata, dict):
        form["metadata"] = {key: value for key, value in metadata.items() if key not in SERVER_FIELDS}
    match form.get("kind"):
        case "Secret" if form.get("apiVersion") == "v1":
            _secret(form)
        case "ClusterRole" | "Role" if ignore_aggregated_roles and form.get("aggregationRule"):
            form.pop("rules", None)
        case "Endpoints" if form.get("apiVersion") == "v1":
            form["subsets"] = _endpoints(form.get("subsets"))
        case "Ingress" | "Service" | "ConfigMap" | "Namespace" | _:
            pass
    result = _tidy(form, "")
    assert isinstance(result, dict), "a mapping stays one"
    return result


def _secret(form: dict[str, Json]) -> None:
    """Put `stringData` into `data`, as the server does on writing; a null value is an empty one."""
    given, plain = form.get("data"), form.pop("stringData", None)
    data: dict[str, Json] = {key: "" if value is None else value for key, value in given.items()} if isinstance(given, dict) else {}
    for key, value in plain.items() if isinstance(plain, dict) else ():
        data[key] = base64.b64encode(str(value).encode()).decode()
    if data:
        form["data"] = data


def _endpoints(subsets: Json) -> Json:
    if not isinstance(subsets, list):
        return subsets
    tidy: list[Json] = []
    for subset in subsets:
        if not isinstance(subset, dict):
            return subsets
        ordered = {key: sorted(value, key=_place) if isinstance(value, list) else value for key, value in subset.items()}
        tidy.append(ordered)
    return tidy


def _place(item: Json) -> tuple[str, str]:
    return (str(item.get("ip") or item.get("port")), str(item.get("name"))) if isinstance(item, dict) else ("", "")


def _tidy(value: Json, field: str) -> Json:
    """Drop nulls and what became empty; write quantities one way. An item of a list stays, since its place counts."""
    if isinstance(value, dict):
        if field in _QUANTITIES:
            return {key: quantity(each) for key, each in value.items() if each is not None}
        tidied = {key: _tidy(each, key) for key, each in value.items() if each is not None}
        # An empty mapping is something where it is written so: `emptyDir: {}`, `podSelector: {}`.
        full = {key: each for key, each in tidied.items() if not (each == {} and value[key] != {})}
        return value if same_parts(full, value) else full
    if isinstance(value, list):
        items = [_tidy(each, field) for each in value]
        return value if all(one is other for one, other in zip(items, value, strict=True)) else items
    return quantity(value) if field in _QUANTITY_FIELDS else value


def quantity(value: Json) -> Json:
    """Return a quantity as the server writes it: the largest unit of its own kind that keeps it whole; anything else as it is."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return value
    sign = text[:1] if text[:1] in "+-" else ""
    try:
        amount = parse_quantity(text.removeprefix(sign))
    except ValueError:
        return value
    return ("-" if sign == "-" and amount else "") + (_binary(amount) if text.endswith("i") else _decimal(amount))


def _binary(amount: Decimal) -> str:
    if amount != int(amount):
        return _decimal(amount)
    whole = int(amount)
    for power, unit in ((60, "Ei"), (50, "Pi"), (40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if whole and whole % (1 << power) == 0:
            return f"{whole >> power}{unit}"
    return str(whole)


def _decimal(amount: Decimal) -> str:
    for power, unit in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "u"), (-9, "n")):
        scaled = amount.scaleb(-power)
        if scaled == int(scaled) and (scaled or power == 0):
            return f"{int(scaled)}{unit}"
    return str(amount)


def decoded(data: Json) -> Any:
    """Return the bytes of a Secret's value; None where it is not base64."""
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else None
    except (ValueError, binascii.Error):
        return None
