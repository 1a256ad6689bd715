"""Drift, masking of Secrets and server-side apply against given cases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from tests.conformance.given import cases_at
from tests.conformance.kubernetes_cases import lines_of, value_of

from holdfast.kit.canonical import Json
from holdfast.kubernetes.drift import drift, server_drift
from holdfast.kubernetes.field_set import fields_v1, read_fields, shown
from holdfast.kubernetes.mask import hide
from holdfast.kubernetes.normal import LAST_APPLIED
from holdfast.kubernetes.object_type import Schema, TypeRef, read_schema
from holdfast.kubernetes.server_side_apply import FieldConflict, Managed
from holdfast.kubernetes.structured_merge import same

DIFFS = list(lines_of(cases_at("diff", "cases.jsonl")))
SECRETS = list(lines_of(cases_at("diff", "hide-secrets.jsonl")))
APPLIES = list(lines_of(cases_at("server-side-apply", "cases.jsonl")))
SCHEMAS = {
    name: read_schema(yaml.safe_load(text)) for name, text in json.loads(cases_at("server-side-apply", "schemas.json").read_text()).items()
}


def is_modified(case: dict[str, Any]) -> bool:
    options = case.get("options") or {}
    if case["live"] is None or case["config"] is None:
        return True
    if case["mode"] == "server-side":
        answer = server_drift(case["live"], case["dryRun"], manager=options["manager"], ignore_webhooks=options["ignoreMutationWebhook"])
        return bool(answer)
    manager = options.get("manager") if case["mode"] == "structured-merge" else None
    return bool(drift(case["config"], case["live"], manager=manager, aggregated=options.get("ignoreAggregatedRoles", False)))


@pytest.mark.parametrize("case", DIFFS, ids=lambda case: str(case["key"]))
def test_the_same_is_modified(case: dict[str, Any]) -> None:
    assert is_modified(case) is case["expected"]["modified"]


def readable(manifest: Any) -> Any:
    """Return a masked manifest with the JSON of its last-applied annotation as a value."""
    annotations = ((manifest or {}).get("metadata") or {}).get("annotations") or {}
    text = annotations.get(LAST_APPLIED, "")
    if not text.startswith("{"):
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {**annotations, LAST_APPLIED: json.loads(text)}}}


@pytest.mark.parametrize("case", SECRETS, ids=lambda case: str(case["key"]))
def test_secrets_are_masked_alike(case: dict[str, Any]) -> None:
    target, live = hide(case["target"], case["live"], case["hideAnnotations"])
    assert (readable(target), readable(live)) == (readable(case["expected"]["target"]), readable(case["expected"]["live"]))


@pytest.mark.parametrize("case", APPLIES, ids=lambda case: str(case["key"]))
def test_a_server_would_answer_so(case: dict[str, Any]) -> None:
    expected = case["expected"]
    if "error" in expected:
        with pytest.raises(ValueError, match="duplicate entries"):
            played(case)
        return
    managed = played(case)
    if "object" in expected:
        assert same(managed.live, value_of(expected["object"]))
    if "managed" in expected:
        owned = {name: (own.version, fields_v1(own.fields)) for name, own in managed.managers.items()}
        wanted = {name: (own["version"], fields_v1(read_fields(own["fields"]))) for name, own in expected["managed"].items()}
        assert owned == wanted


def played(case: dict[str, Any]) -> Managed:
    """Return what the operations of a case come to; each apply meets exactly the conflicts that it names."""
    name = case["schema"]
    managed = Managed(
        schema=SCHEMAS[name] if name else Schema(),
        type=TypeRef(name=case.get("type") or "v1") if name else None,
        ignored={version: read_fields(fields) for version, fields in case.get("ignoredFields", {}).items()},
    )
    for op in case["ops"]:
        if op["op"] == "change-schema":
            managed = replace(managed, schema=SCHEMAS[op["schema"]])
            continue
        given: Json = value_of(op["object"]) or {}
        match op["op"]:
            case "update":
                managed = managed.update(op["manager"], op["version"], given)
            case "extract-apply":
                managed = managed.extract_apply(op["manager"], op["version"], given)
            case verb:
                try:
                    managed = managed.apply(op["manager"], op["version"], given, force=verb == "force-apply")
                except FieldConflict as conflict:
                    met = sorted((each.manager, shown(each.path)) for each in conflict.contested)
                else:
                    met = []
                assert met == sorted((each["manager"], each["path"]) for each in op.get("conflicts", ()))
    return managed
