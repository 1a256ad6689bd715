"""Directories of manifests for a cluster: what is read, in which order, as which objects, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.declare.select import Directory
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.testing.rendering import Repository

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
AT: Mapping[str, Any] = {"destination": "https://kubernetes.default.svc", "namespace": "shop"}


def renderer() -> Renderer:
    return Renderer(Registry(foreign=KubernetesKind(None)))


def origins(files: Mapping[str, str], **more: Any) -> dict[str, str]:
    desired = Repository(dict(files)).render(renderer(), **AT, **more)
    return {str(resource.id): str(resource.origin) for resource in desired.resources}


@pytest.mark.parametrize(
    ("directory", "found"),
    [
        (Directory(), {"a.yml", "b.yaml", "c.json"}),
        (Directory(recurse=True), {"a.yml", "b.yaml", "c.json", "sub/d.yaml", "sub/deep/e.yaml"}),
        (Directory(recurse=True, exclude="sub/*"), {"a.yml", "b.yaml", "c.json"}),
        (Directory(recurse=True, include="{a.yml,sub/d.yaml}"), {"a.yml", "sub/d.yaml"}),
    ],
)
def test_files_are_chosen_as_argo_cd_chooses_them(directory: Directory, found: set[str]) -> None:
    files = {
        path: SERVICE.replace("web", f"s{at}") for at, path in enumerate(["a.yml", "b.yaml", "notes.md", "sub/d.yaml", "sub/deep/e.yaml"])
    }
    files["c.json"] = '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}}'
    assert {origin.partition(":")[0] for origin in origins(files, directory=directory).values()} == found


def test_documents_and_items_of_lists_are_objects_with_their_lines() -> None:
    text = (
        "# nothing yet\n---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n"
        "  - metadata: {name: c}\n"
    )
    assert origins({"all.yaml": text}) == {
        "ConfigMap/shop/a": "all.yaml:4",
        "ConfigMap/shop/c": "all.yaml:18",
        "Secret/shop/b": "all.yaml:12",
    }


def test_yaml_means_what_kubectl_takes_it_for() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: yes, z: 0o17}\n"
    (found,) = Repository({"a.yaml": text}).render(renderer(), **AT).resources
    assert found.state.fields["data"] == {"x": True, "z": 15}


def test_an_object_that_stands_twice_is_named_with_both_places() -> None:
    second = SERVICE.replace("{name: web}", "{name: web, namespace: shop}")
    (error,) = Repository({"a.yaml": SERVICE, "b.yaml": f"\n{second}"}).errors(renderer(), **AT)
    assert error.startswith("HF1200 a.yaml:3:18 b.yaml:4:18: cannot declare Service/shop/web: it is declared twice")


def test_a_file_may_ask_to_be_passed_over() -> None:
    files = {"a.yaml": f"# +argocd:skip-file-rendering\n{SERVICE}", "b.yaml": SERVICE.replace("web", "b")}
    assert origins(files) == {"Service/shop/b": "b.yaml:1"}


def test_a_bundle_of_megabytes_is_read() -> None:
    files = {"a.yaml": SERVICE + "# " + "x" * (2 << 20) + "\n"}
    assert set(origins(files)) == {"Service/shop/web"}
