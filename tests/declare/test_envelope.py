"""Envelope: who a resource is, and what a stranger looks like."""

from __future__ import annotations

import pytest

from holdfast.declare.document import Document, Failed
from holdfast.declare.envelope import Envelope, Metadata, read_envelope
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml


def document(text: str) -> Document:
    return read_yaml("a.yaml", text.encode(), Dialect.CORE).documents[0]


def errors(text: str) -> list[tuple[str, str, str, str | None]]:
    result = read_envelope(document(text))
    assert isinstance(result, Failed)
    return [(error.code, str(error.where[0])[7:], error.message, error.hint) for error in result.errors]


def test_a_whole_envelope() -> None:
    read = document(
        """
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata:
  name: web.front
  namespace: shop
  labels: {tier: front}
  annotations: {holdfast.dev/format: procfile}
  finalizers: [resources-finalizer.argocd.argoproj.io]
  uid: 1234
spec: {command: [x]}
status: {phase: old}
"""
    )
    assert read_envelope(read) == Envelope(
        api_version="holdfast.dev/v1alpha1",
        kind="Process",
        metadata=Metadata(
            name="web.front",
            namespace="shop",
            labels={"tier": "front"},
            annotations={"holdfast.dev/format": "procfile"},
            finalizers=("resources-finalizer.argocd.argoproj.io",),
            ignored=("uid",),
        ),
        spec={"command": ["x"]},
        document=read,
    )


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("services: {web: {image: nginx}}", "a compose file"),
        ("apps: [{script: a.js}]", "a PM2 file"),
        ("'on': push\njobs: {}", "a GitHub Actions workflow"),
        ("resources: [a.yaml]", "a kustomization"),
        ("replicaCount: 1", "Helm values"),
    ],
)
def test_a_stranger_is_told_what_it_looks_like(text: str, looks: str) -> None:
    ((code, place, message, hint),) = errors(text)
    assert (code, place) == ("HF1030", "1:1")
    assert message == "cannot read a.yaml: it is no resource, apiVersion and kind are missing"
    assert hint is not None
    assert f"looks like {looks}" in hint


def test_no_mapping_is_no_resource() -> None:
    assert errors("- a\n")[0][0] == "HF1030"
    assert errors("hello: world\n")[0][3] == "every resource begins with apiVersion and kind; other files belong outside this path"


def test_every_error_of_an_envelope() -> None:
    text = "apiVersion: 1\nmetadata:\n  name: Web\n  labels: {a: 1}\n  nme: x\nspecs: {}\n"
    assert [(code, place) for code, place, _, _ in errors(text)] == [
        ("HF1020", "6:1"),
        ("HF1021", "1:13"),
        ("HF1022", "1:1"),
        ("HF1021", "3:9"),
        ("HF1021", "4:15"),
        ("HF1020", "5:3"),
    ]


def test_a_name_is_needed_and_not_generated() -> None:
    head = "apiVersion: v1\nkind: X\n"
    assert errors(head)[0][:3] == ("HF1022", "1:1", "cannot read a.yaml: metadata.name is missing")
    assert errors(head + "metadata: {labels: {}}\n")[0][:2] == ("HF1022", "3:1")
    assert errors(head + "metadata:\n  generateName: x-\n")[0][:2] == ("HF1031", "4:3")


def test_a_kind_may_have_more_fields() -> None:
    read = document("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: y}\n")
    assert isinstance(read_envelope(read), Failed)
    assert isinstance(read_envelope(read, more=("data",)), Envelope)
    assert isinstance(read_envelope(read, more=None), Envelope)
