"""What helm is asked for an Application, and what it is not asked."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kubernetes.helm.call import Chart, File, Placed, Wrong, call_of

CHART = Chart(
    application="shop", namespace="production", root="deploy/chart", revision="c0ffee1234", kube_version="v1.34.1", api_versions=("v1",)
)
THERE = {("", "deploy/chart/values.yaml"), ("", "deploy/prod.yaml"), ("", "root.yaml"), ("values", "shop/prod.yaml")}


def asked(**options: Any) -> list[str]:
    """Return the arguments behind those that are always there, with files by their paths."""
    call = call_of(options, CHART, lambda file: (file.source, file.path) in THERE)
    words = [each if isinstance(each, str) else shown(each, call.files) for each in call.arguments]
    return words[4:]


def shown(it: Placed, files: tuple[File, ...]) -> str:
    if it.file is None:
        return f"{it.prefix}CHART"
    file = files[it.file]
    return it.prefix + (file.text if file.text is not None else f"<{file.source}:{file.path}>")


CAPABLE = ["--kube-version", "v1.34.1", "--api-versions", "v1", "--include-crds"]


def test_a_chart_is_asked_for_its_application() -> None:
    call = call_of({}, CHART, lambda file: False)
    assert call.arguments == ("--name-template", "shop", "--namespace", "production", *CAPABLE, Placed())
    assert call.files == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"kubeVersion": "1.30", "apiVersions": ["a/v1", "b/v1"]},
            ["--kube-version", "1.30", "--api-versions", "a/v1", "--api-versions", "b/v1"],
        ),
        ({"valueFiles": ["values.yaml", "../prod.yaml"]}, ["--values", "<:deploy/chart/values.yaml>", "--values", "<:deploy/prod.yaml>"]),
        ({"valueFiles": ["/root.yaml", "$values/shop/prod.yaml"]}, ["--values", "<:root.yaml>", "--values", "<values:shop/prod.yaml>"]),
        ({"valueFiles": ["gone.yaml"], "ignoreMissingValueFiles": True}, []),
        ({"values": "a: 1", "valuesObject": {"a": 2}}, ["--values", '{"a": 2}']),
        ({"values": "a: 1"}, ["--values", "a: 1"]),
        ({"parameters": [{"name": "a.b", "value": "1,2"}, {"name": "l", "value": "{1,2}"}]}, ["--set", r"a.b=1\,2", "--set", "l={1,2}"]),
        ({"parameters": [{"name": "a", "value": r"1\,2"}]}, ["--set", r"a=1\,2"]),
        ({"parameters": [{"name": "a", "value": "1", "forceString": True}]}, ["--set-string", "a=1"]),
        ({"parameters": [{"name": "a"}]}, ["--set", "a="]),
        (
            {"parameters": [{"name": "a", "value": "$ARGOCD_APP_NAME-${ARGOCD_APP_REVISION_SHORT}-$HOME"}]},
            ["--set", "a=shop-c0ffee1-$HOME"],
        ),
        ({"fileParameters": [{"name": "a", "path": "../prod.yaml"}]}, ["--set-file", "a=<:deploy/prod.yaml>"]),
        ({"skipTests": True, "skipSchemaValidation": True}, ["--skip-tests", "--skip-schema-validation"]),
    ],
)
def test_what_an_application_says_of_its_chart(options: dict[str, Any], words: list[str]) -> None:
    capable = [] if "kubeVersion" in options else CAPABLE
    found = [each for each in asked(**options) if each != "--include-crds" or capable]
    assert found == [*capable, *words, "CHART"]


def test_definitions_may_be_left_out_and_the_release_has_a_name() -> None:
    call = call_of({"skipCrds": True, "releaseName": "mine", "namespace": "other"}, CHART, lambda file: False)
    assert call.arguments[:4] == ("--name-template", "mine", "--namespace", "other")
    assert "--include-crds" not in call.arguments


def test_what_looks_like_a_place_is_a_value() -> None:
    assert asked(parameters=[{"name": "a", "value": "{0}"}, {"name": "b", "value": "{chart}"}])[-5:] == [
        "--set",
        "a={0}",
        "--set",
        "b={chart}",
        "CHART",
    ]


@pytest.mark.parametrize(
    ("options", "path", "reason"),
    [
        ({"valueFiles": ["values.yaml", "gone.yaml"]}, ("valueFiles", 1), "there is no file deploy/chart/gone.yaml in the repository"),
        ({"valueFiles": ["$other/gone.yaml"]}, ("valueFiles", 0), "there is no file gone.yaml in source 'other'"),
        (
            {"valueFiles": ["https://example.org/v.yaml"]},
            ("valueFiles", 0),
            "https://example.org/v.yaml lies elsewhere, and nothing is fetched",
        ),
        ({"valueFiles": ["../../../etc/passwd"]}, ("valueFiles", 0), "../../../etc/passwd leads out of the repository"),
        ({"valueFiles": ["$values/../../x"]}, ("valueFiles", 0), "../../x leads out of the repository"),
        ({"parameters": [{"name": "", "value": "1"}]}, ("parameters", 0, "name"), "'' is no name of a value"),
        ({"parameters": [{"name": "a=b", "value": "1"}]}, ("parameters", 0, "name"), "'a=b' is no name of a value"),
        (
            {"fileParameters": [{"name": "a", "path": "gone"}]},
            ("fileParameters", 0, "path"),
            "there is no file deploy/chart/gone in the repository",
        ),
    ],
)
def test_what_cannot_be_asked_says_why_and_where(options: dict[str, Any], path: tuple[str | int, ...], reason: str) -> None:
    with pytest.raises(Wrong) as found:
        asked(**options)
    assert (found.value.path, found.value.reason) == (path, reason)
    assert found.value.hint
