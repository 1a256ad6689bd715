"""The kustomize format: an overlay whose bases lie elsewhere in the repository, rendered the way a controller drives it, and not twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.kubernetes.kustomize.format import Kustomize, beside
from holdfast.testing.rendering import Reads, Repository

FILE = "apps/shop/overlays/prod/kustomization.yaml"
CANNOT = "cannot build apps/shop/overlays/prod:"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n"
SHOP = Repository(
    path="apps/shop/overlays/prod",
    files={
        "kustomization.yaml": "resources:\n- ../../base\n- extra.yaml\nnamePrefix: p-\nsecretGenerator:\n- name: s\n  literals: [p=word]\n",
        "extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n",
        "unlisted.yaml": DEPLOYMENT,
    },
    around={
        "apps/shop/base/kustomization.yaml": "resources: [web.yaml]\n",
        "apps/shop/base/web.yaml": DEPLOYMENT,
        "README.md": "words",
    },
)


def renderer(*, is_reached: bool = True) -> Renderer:
    return Renderer(Registry(formats=(Kustomize(is_reached=is_reached),)))


def objects(repository: Repository, it: Renderer, reads: Reads | None = None) -> list[Any]:
    (model,) = repository.render(it, reads).models
    assert isinstance(model.value, list)
    return model.value


def test_bases_anywhere_in_the_repository_are_asked_for_and_built() -> None:
    reads = Reads()
    names = [each["metadata"]["name"].split("-")[:2] for each in objects(SHOP, renderer(), reads)]
    assert names == [["p", "extra"], ["p", "s"], ["p", "web"]]
    asked = {ask.path for ask in reads.asks}
    assert asked == {"extra.yaml", "../../base/kustomization.yaml", "../../base/web.yaml"}


def test_values_of_secrets_are_never_shown() -> None:
    (secret,) = (each for each in objects(SHOP, renderer()) if each["kind"] == "Secret")
    assert secret["data"] == {"p": "++++++++"}


def test_nothing_is_rendered_twice_and_whatever_changes_is_rendered_again() -> None:
    it = renderer()
    first = objects(SHOP, it)
    reads = Reads()
    assert objects(replace(SHOP, commit="d" * 40), it, reads) == first
    assert reads.asks == []
    moved = replace(SHOP, around={**SHOP.around, "apps/shop/base/web.yaml": DEPLOYMENT.replace("replicas: 1", "replicas: 2")})
    reads = Reads()
    (web,) = (each for each in objects(moved, it, reads) if each["kind"] == "Deployment")
    assert web["spec"] == {"replicas": 2}
    assert {ask.path for ask in reads.asks} >= {"../../base/web.yaml"}
    # A file that was not there and now is: two kustomizations in one folder.
    second = replace(SHOP, around={**SHOP.around, "apps/shop/base/Kustomization": "resources: []\n"})
    assert [error.split(" ")[0] for error in second.errors(it)] == ["HF1701"]
    reads = Reads()
    assert objects(SHOP, it, reads) == first
    assert reads.asks == []


def test_errors_name_the_file_of_the_repository() -> None:
    broken = replace(SHOP, around={**SHOP.around, "apps/shop/base/kustomization.yaml": "resources:\n- web.yml\n"})
    assert [error.split(" | ")[0] for error in broken.errors(renderer())] == [
        f"HF1702 apps/shop/base/kustomization.yaml:2:3: {CANNOT} apps/shop/base/web.yml is neither a file nor a folder with a kustomization"
    ]
    typed = replace(SHOP, files={**SHOP.files, "kustomization.yaml": "resource: []\nnamePrefix: 5\n"})
    assert [error.split(":")[0] for error in typed.errors(renderer())] == [
        "HF1020 apps/shop/overlays/prod/kustomization.yaml",
        "HF1021 apps/shop/overlays/prod/kustomization.yaml",
    ]


def test_a_path_out_of_the_repository_is_refused() -> None:
    astray = replace(SHOP, files={"kustomization.yaml": "resources: [../../../../../etc]\n"})
    assert [error.split(" | ")[0] for error in astray.errors(renderer())] == [
        f"HF1703 {FILE}:1:13: {CANNOT} a resource '../../../../../etc' leads out of the repository"
    ]


def test_at_a_host_it_is_refused_with_what_to_do() -> None:
    assert [error.split(":")[0] for error in SHOP.errors(renderer(is_reached=False))] == [
        "HF1716 apps/shop/overlays/prod/kustomization.yaml"
    ]


def test_an_object_is_found_by_its_name() -> None:
    (model,) = SHOP.render(renderer()).models
    found = model.locate("Deployment/p-web")
    assert found is not None
    assert str(found.where) == "apps/shop/base/web.yaml:1"
    assert model.locate("Deployment/none") is None


@pytest.mark.parametrize(
    ("root", "file", "path"),
    [
        ("", "a/b", "a/b"),
        ("a", "a/b", "b"),
        ("a/b", "a/c", "../c"),
        ("a/b", "c", "../../c"),
        ("a/b", "a/b", "../b"),
        ("a/b", "a/bc/d", "../bc/d"),
    ],
)
def test_a_path_of_the_repository_is_written_from_the_applications(root: str, file: str, path: str) -> None:
    assert beside(root, file) == path
