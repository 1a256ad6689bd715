"""Options of an Application: what `kustomize edit` would make of them, and what does not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.kubernetes.kustomize.format import Kustomize
from holdfast.kubernetes.kustomize.option import read_image
from holdfast.kubernetes.kustomize.spec import Image
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.model.resource import Origin
from holdfast.testing.rendering import Repository

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.25"}
      - {name: side, image: "busybox:1"}
"""
SHOP = Repository(
    files={
        "kustomization.yaml": (
            "resources: [web.yaml]\nimages: [{name: nginx, newName: mirror/nginx, newTag: '1.26'}]\ncommonLabels: {a: b}\n"
        ),
        "web.yaml": DEPLOYMENT,
        "part/kustomization.yaml": "kind: Component\nnameSuffix: -part\n",
    }
)
ORIGIN = Origin(path="application.yaml", line=3, revision="")


def renderer() -> Renderer:
    return Renderer(Registry(formats=(Kustomize(is_reached=True),)))


def rendered(repository: Repository = SHOP, **options: Any) -> Any:
    (model,) = repository.render(renderer(), kustomize=options, application_origin=ORIGIN).models
    assert isinstance(model.value, list)
    return model.value[0]


def images(found: Any) -> list[str]:
    return [each["image"] for each in found["spec"]["template"]["spec"]["containers"]]


def test_images_take_the_place_of_those_of_the_same_name() -> None:
    assert images(rendered()) == ["mirror/nginx:1.26", "busybox:1"]
    assert images(rendered(images=["nginx:1.27", "busybox=own/busybox"])) == ["nginx:1.27", "own/busybox:1"]
    assert images(rendered(images=["nginx=*:1.27"])) == ["mirror/nginx:1.27", "busybox:1"]


def test_names_namespace_replicas_labels_and_annotations_are_set() -> None:
    found = rendered(
        namePrefix="p-",
        nameSuffix="-s",
        namespace="prod",
        replicas=[{"name": "web", "count": "3"}],
        commonLabels={"team": "shop"},
        commonAnnotations={"note": "1"},
        version="v5",
    )
    assert found["metadata"] == {
        "name": "p-web-s",
        "namespace": "prod",
        "labels": {"a": "b", "team": "shop"},
        "annotations": {"note": "1"},
    }
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["selector"]["matchLabels"] == {"app": "web", "a": "b", "team": "shop"}


def test_labels_may_leave_selectors_alone() -> None:
    found = rendered(commonLabels={"team": "shop"}, labelWithoutSelector=True)
    assert found["metadata"]["labels"] == {"a": "b", "team": "shop"}
    assert "team" not in found["spec"]["selector"]["matchLabels"]


def test_patches_and_components_are_added() -> None:
    patch = "[{op: replace, path: /spec/template/spec/containers/1/name, value: other}]"
    found = rendered(patches=[{"patch": patch, "target": {"kind": "Deployment"}}], components=["part"])
    assert found["metadata"]["name"] == "web-part"
    assert found["spec"]["template"]["spec"]["containers"][1]["name"] == "other"


def test_a_component_that_is_not_there_may_be_passed_over() -> None:
    assert rendered(components=["part", "gone"], ignoreMissingComponents=True)["metadata"]["name"] == "web-part"
    (error,) = SHOP.errors(renderer(), kustomize={"components": ["gone"]})
    assert "gone is neither a file nor a folder with a kustomization" in error


def test_what_both_say_is_refused_unless_it_is_forced() -> None:
    (error,) = SHOP.errors(renderer(), kustomize={"commonLabels": {"a": "c"}}, application_origin=ORIGIN)
    assert error.startswith("HF1717 application.yaml:3: cannot build the repository: the Application adds commonLabels a, and the")
    assert rendered(commonLabels={"a": "c"}, forceCommonLabels=True)["metadata"]["labels"] == {"a": "c"}


def test_another_option_renders_again() -> None:
    it = renderer()
    first = SHOP.render(it, kustomize={"namePrefix": "a-"}).models[0].value
    assert SHOP.render(it, kustomize={"namePrefix": "b-"}).models[0].value != first


def test_without_a_kustomization_options_are_told_of() -> None:
    empty = replace(SHOP, files={"notes.txt": "words"})
    desired = empty.render(renderer(), kustomize={"namePrefix": "a-"}, had_resources=True, application_origin=ORIGIN)
    assert [warning.reason for warning in desired.warnings] == ["OptionsNotHonoured"]


@pytest.mark.parametrize(
    ("said", "image"),
    [
        ("nginx:1", Image(name="nginx", new_tag="1")),
        ("host:5000/nginx:1", Image(name="host:5000/nginx", new_tag="1")),
        ("nginx@sha256:a", Image(name="nginx", digest="sha256:a")),
        ("nginx=other", Image(name="nginx", new_name="other")),
        ("nginx=other:2", Image(name="nginx", new_name="other", new_tag="2")),
    ],
)
def test_an_image_is_read_as_kustomize_edit_reads_it(said: str, image: Image) -> None:
    assert read_image(said) == image


def test_an_image_that_says_nothing_new_is_refused() -> None:
    with pytest.raises(Trouble):
        read_image("nginx")
