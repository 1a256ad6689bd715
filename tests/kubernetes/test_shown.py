"""What people are shown of a Secret holds none of its values, wherever they stand in it."""

from __future__ import annotations

import json

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.manifest import Manifest
from holdfast.kubernetes.normal import LAST_APPLIED
from holdfast.kubernetes.shown import masked
from holdfast.model.resource import Origin

VALUE = "c2VjcmV0LWNhbmFyeQ=="


def secret(**more: Json) -> dict[str, Json]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, **more}


def shown(value: dict[str, Json]) -> Json:
    return masked(Manifest(value=value, origin=Origin(path="secret.yaml", line=1, revision="r1")))


@pytest.mark.parametrize(
    "value",
    [
        secret(data={"password": VALUE}),
        secret(stringData={"password": VALUE}),
        secret(data=VALUE),
        secret(metadata={"name": "db", "annotations": {LAST_APPLIED: json.dumps(secret(data={"password": VALUE}))}}),
        secret(metadata={"name": "db", "annotations": {LAST_APPLIED: f"not JSON: {VALUE}"}}),
    ],
)
def test_no_value_of_a_secret_is_shown(value: dict[str, Json]) -> None:
    assert VALUE in json.dumps(value)
    assert VALUE not in json.dumps(shown(value))


def test_anything_else_is_shown_as_it_is() -> None:
    value: dict[str, Json] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "annotations": {"b": "c"}},
        "data": {"d": "e"},
    }
    assert shown(value) == value
