"""What helm says is read: objects with the template that made them, and errors at their place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.kubernetes.helm.format import Helm
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.model.declaration import Ask, Reading, Scope
from holdfast.model.resource import Origin

CLUSTER = "https://kubernetes.default.svc"
SCOPE = Scope(
    application="shop",
    namespace="production",
    destination=CLUSTER,
    revision="r1",
    root="deploy/web",
    annotation_origin=Origin(path="app.yaml", line=3, revision=""),
)
OUTPUT = """\
---
# Source: web/crds/thing.yaml
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
metadata: {name: things.example.org}
---
# Source: web/templates/web.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: web, annotations: {helm.sh/hook: pre-install}}
---
# Source: web/charts/db/templates/db.yaml
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}
---
# Source: web/templates/empty.yaml
"""
ASK = Ask(what="helm", path="Chart.yaml")


def read(**answer: Any) -> Reading:
    return Helm(KubernetesKind(frozenset({CLUSTER}))).read("Chart.yaml", b"", {ASK: json.dumps(answer).encode()}, SCOPE)


def test_a_chart_is_asked_for() -> None:
    form = Helm()
    assert form.matches("Chart.yaml")
    assert not form.matches("sub/Chart.yaml")
    assert form.read("Chart.yaml", b"", {}, SCOPE).asks == (ASK,)


def test_objects_stand_at_the_template_that_made_them() -> None:
    found = read(chart="web", output=OUTPUT, files=["Chart.yaml", "templates/web.yaml"], links=["templates/link.yaml"])
    assert not found.errors
    assert [(each.name, each.origin.path, each.origin.line) for each in found.declarations] == [
        ("things.example.org", "deploy/web/crds/thing.yaml", 1),
        ("web", "deploy/web/templates/web.yaml", 1),
        ("one", "deploy/web/charts/db/templates/db.yaml", 1),
        ("two", "deploy/web/charts/db/templates/db.yaml", 1),
    ]
    assert found.consumed == {"Chart.yaml", "templates/web.yaml"}
    assert [each.message for each in found.warnings] == [
        "deploy/web/templates/link.yaml is a link, and no part of the chart that is rendered"
    ]
    assert [each.path for each in found.models] == ["deploy/web/Chart.yaml"]


@pytest.mark.parametrize(
    ("said", "place", "hint"),
    [
        (
            (
                'Error: template: web/templates/bad.yaml:1:13: executing "web/templates/bad.yaml" at <.Values.x.y>: nil pointer\n\n'
                "Use --debug flag to render out invalid YAML\n"
            ),
            ("deploy/web/templates/bad.yaml", 1, 14),
            "helm template",
        ),
        (
            "Error: parse error at (web/charts/db/templates/_helpers.tpl:7): unclosed action",
            ("deploy/web/charts/db/templates/_helpers.tpl", 7, None),
            "helm template",
        ),
        (
            "Error: YAML parse error on web/templates/x.yaml: error converting YAML to JSON: yaml: line 3: mapping values",
            ("deploy/web/templates/x.yaml", 1, None),
            "helm template",
        ),
        (
            (
                "Error: An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch "
                "missing dependencies: found in Chart.yaml, but missing in charts/ directory: redis"
            ),
            ("deploy/web/Chart.yaml", 1, None),
            "commit charts/",
        ),
        (
            "Error: chart requires kubeVersion: >=1.99.0 which is incompatible with Kubernetes v1.34.1",
            ("deploy/web/Chart.yaml", 1, None),
            "kubeVersion",
        ),
    ],
)
def test_what_helm_refuses_is_told_at_its_place(said: str, place: tuple[str, int, int | None], hint: str) -> None:
    (error,) = read(failed=said).errors
    (where,) = error.where
    assert (error.code, where.path, where.line, where.column) == ("HF1721", *place)
    assert hint in str(error.hint)
    assert "--debug" not in error.message


def test_what_the_application_says_wrong_is_told_at_the_application() -> None:
    (error,) = read(wrong={"path": "valueFiles[0]", "reason": "there is no file x", "hint": "correct it"}).errors
    assert (error.code, error.where[0].path, error.where[0].line) == ("HF1720", "app.yaml", 3)
    assert error.message == "cannot render chart deploy/web: helm.valueFiles[0]: there is no file x"


def test_what_is_no_yaml_names_its_template() -> None:
    found = read(chart="web", output="---\n# Source: web/templates/x.yaml\na: [1\n", files=[])
    assert [(error.code, error.where[0].path) for error in found.errors] == [("HF1722", "deploy/web/templates/x.yaml")]
    assert not found.declarations
