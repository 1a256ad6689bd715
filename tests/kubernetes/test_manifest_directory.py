"""Directories of manifests: what is read, in which order, as which objects, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.declare.select import Directory
from holdfast.kubernetes.manifest_directory import ReadManifests, chosen, joined, read_manifests

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"


def read(files: Mapping[str, str], namespace: str = "") -> ReadManifests:
    return joined((read_manifests(path, text.encode(), "r" * 40) for path, text in files.items()), namespace)


def told(text: str, path: str = "a.yaml") -> list[str]:
    return [f"{error.where[0]} {error.code} {error.message}" for error in read_manifests(path, text.encode(), "r" * 40).errors]


def test_files_are_chosen_as_argo_cd_chooses_them() -> None:
    paths = dict.fromkeys(["b.yaml", "a.yml", "c.json", "notes.md", "sub/d.yaml", "sub/deep/e.yaml", "f.yaml.tmpl"])
    assert chosen(paths, Directory()) == ("a.yml", "b.yaml", "c.json")
    assert chosen(paths, Directory(recurse=True)) == ("a.yml", "b.yaml", "c.json", "sub/d.yaml", "sub/deep/e.yaml")
    assert chosen(paths, Directory(recurse=True, exclude="sub/*")) == ("a.yml", "b.yaml", "c.json")
    assert chosen(paths, Directory(recurse=True, include="{a.yml,sub/d.yaml}")) == ("a.yml", "sub/d.yaml")


def test_documents_and_items_of_lists_are_objects_with_their_lines() -> None:
    text = (
        "# nothing yet\n---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n"
        "  - metadata: {name: c}\n"
    )
    found = read({"all.yaml": text})
    assert [(str(each), each.origin.line) for each in found.manifests] == [("ConfigMap/a", 4), ("Secret/b", 12), ("ConfigMap/c", 18)]
    assert found.manifests[2].value == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    assert found.errors == ()


def test_yaml_means_what_kubectl_takes_it_for() -> None:
    (found,) = read({"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: yes, z: 0o17}\n"}).manifests
    assert found.value["data"] == {"x": True, "z": 15}


def test_an_object_that_stands_twice_is_named_with_both_places_and_the_last_counts() -> None:
    second = SERVICE.replace("{name: web}", "{name: web, namespace: shop}")
    found = read({"a.yaml": SERVICE, "b.yaml": f"\n{second}"}, "shop")
    assert [(each.origin.path, each.origin.line) for each in found.manifests] == [("b.yaml", 2)]
    assert [warning.message for warning in found.warnings] == [
        "Service/shop/web stands in a.yaml:1 and again in b.yaml:2; the last one counts"
    ]
    assert len(read({"a.yaml": SERVICE, "b.yaml": second}, "other").manifests) == 2
    other_version = "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: web}\n"
    assert len(read({"a.yaml": other_version, "b.yaml": other_version.replace("v1beta1", "v1")}).manifests) == 1


def test_what_is_no_object_is_told_with_its_place_and_hides_no_other() -> None:
    text = "kind: ConfigMap\n---\napiVersion: v1\n---\napiVersion: v1\nkind: Pod\nmetadata: {}\n---\n- a\n---\n" + SERVICE
    assert told(text) == [
        "a.yaml:1:1 HF1714 cannot read a.yaml: an object has no apiVersion",
        "a.yaml:3:1 HF1714 cannot read a.yaml: an object has no kind",
        "a.yaml:5:1 HF1714 cannot read a.yaml: the Pod has no metadata.name",
        "a.yaml:9:1 HF1714 cannot read a.yaml: a document is no object",
    ]
    assert [str(each) for each in read({"a.yaml": text}).manifests] == ["Service/web"]


def test_a_file_may_ask_to_be_passed_over() -> None:
    assert read({"a.yaml": f"# +argocd:skip-file-rendering\n{SERVICE}"}) == ReadManifests()


def test_json_is_read_as_json() -> None:
    (found,) = read({"a.json": '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}'}).manifests
    assert str(found) == "Service/web"
    assert told("{a: 1}", "a.json") == ["a.json:1:2 HF1005 cannot read a.json: expected a key in double quotes, found 'a'"]
