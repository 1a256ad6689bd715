"""A file of own kinds is read whole; an application's own data is left alone."""

from __future__ import annotations

import pytest
from tests.declare.kinds import registry, thing

from holdfast.declare.manifest import Place, read_manifest
from holdfast.model.declaration import Reading
from holdfast.testing.rendering import told


def read(text: str, path: str = "a.yaml") -> Reading:
    place = Place(path=path, shown=f"shop/{path}", destination="host", revision="r")
    return read_manifest(place, text.encode(), registry())


OWN_DATA = {
    "no mention": "a: 1\n",
    "no YAML at all": "a: [\n",
    "kind deeper down": "items:\n  - kind: x\n",
    "broken, kind deeper down": "items:\n  - kind: [\n",
    "a list": "- kind: x\n",
    "empty": "",
}


@pytest.mark.parametrize("case", OWN_DATA)
def test_an_applications_own_data_declares_nothing_and_stays_in_the_release(case: str) -> None:
    assert read(OWN_DATA[case]) == Reading()


def test_kind_alone_is_a_common_word_in_json() -> None:
    assert read('{"kind": "x"}', "a.json") == Reading()
    assert [error.code for error in read('{"apiVersion": "holdfast.dev/v1alpha1", "kind": "x"}', "a.json").errors] == ["HF1111"]
    assert [error.code for error in read('{"apiVersion": }', "a.json").errors] == ["HF1005"]


def test_every_document_is_read_with_its_place() -> None:
    reading = read(thing("a") + "---\n" + thing("b", "{size: 3}", namespace="blog"))
    assert [(each.name, each.namespace, str(each.origin), each.spec.size) for each in reading.declarations] == [
        ("a", None, "shop/a.yaml:1", 1),
        ("b", "blog", "shop/a.yaml:6", 3),
    ]
    assert reading.consumed == {"a.yaml"}
    assert str(reading.declarations[1].place(("spec", "size"))) == "shop/a.yaml:9:14"


def test_errors_of_metadata_and_spec_are_told_together() -> None:
    errors = read(thing("a", "{sise: 3}").replace("name: a", "name: A")).errors
    assert [error.code for error in errors] == ["HF1021", "HF1020"]


def test_a_good_document_beside_a_bad_one_is_read_and_the_bad_one_told() -> None:
    reading = read(thing("a") + "---\n" + thing("b", "{sise: 3}"))
    assert ([each.name for each in reading.declarations], [error.code for error in reading.errors]) == (["a"], ["HF1020"])


STRANGERS = {
    ("holdfast.dev/v1alpha1", "Think"): "HF1111 shop/a.yaml:2:7: cannot read shop/a.yaml: unknown kind 'Think' | did you mean Thing?",
    ("holdfast.dev/v1alpha1", "Zebra"): "HF1111 shop/a.yaml:2:7: cannot read shop/a.yaml: unknown kind 'Zebra' | known here: Thing",
    ("holdfast.dev/v1", "Thing"): "HF1111 shop/a.yaml:1:13: cannot read shop/a.yaml: unknown apiVersion 'holdfast.dev/v1' | did you mean",
    ("holdfats.dev/v1", "Thing"): "HF1111 shop/a.yaml:1:13: cannot read shop/a.yaml: unknown apiVersion 'holdfats.dev/v1' | did you mean",
    ("apps/v1", "Deployment"): "HF1110 shop/a.yaml:2:1: cannot run apps/v1 Deployment at destination host: it is a kind of a Kubernetes",
}


@pytest.mark.parametrize(("api_version", "kind"), STRANGERS)
def test_a_stranger_is_told_apart(api_version: str, kind: str) -> None:
    (error,) = read(f"apiVersion: {api_version}\nkind: {kind}\n").errors
    assert told(error).startswith(STRANGERS[api_version, kind])


def test_half_a_head_is_a_resource_with_an_error() -> None:
    (error,) = read("kind: Thing\nmetadata: {name: a}\n").errors
    assert told(error).startswith("HF1022 shop/a.yaml:1:1: cannot read shop/a.yaml: apiVersion is missing")


def test_files_of_argo_cd_declare_nothing_and_are_no_part_of_a_release() -> None:
    reading = read(
        "\n---\n".join(f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}" for kind in ("Application", "AppProject"))
    )
    assert [(name, warning.reason, str(warning.origin)) for name, warning in reading.applications.items()] == [
        ("x", "AppOfAppsNotHonoured", "shop/a.yaml:2")
    ]
    assert [(warning.reason, str(warning.origin)) for warning in reading.warnings] == [("AppOfAppsNotHonoured", "shop/a.yaml:6")]
    assert reading.declarations + reading.errors == ()
    assert reading.consumed == {"a.yaml"}


def test_what_a_cluster_writes_into_metadata_is_a_warning() -> None:
    reading = read(thing("a").replace("name: a", "name: a, generation: 7"))
    assert [warning.message for warning in reading.warnings] == [
        "metadata.generation of Thing a is written by a cluster; it is not honoured"
    ]
