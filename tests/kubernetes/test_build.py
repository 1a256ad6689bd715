"""Builds: refusals by name and with their line, bounds on what may be read and made, and a few features each by itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize.build import Built, build
from holdfast.kubernetes.kustomize.library import Library

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {app: web}\n"


def built(files: Mapping[str, str], folder: str = "top") -> Built:
    return build(Library({path: text.encode() for path, text in files.items()}.get, "c" * 40), folder)


def told(files: Mapping[str, str], folder: str = "top") -> list[str]:
    return [f"{' '.join(map(str, error.where))} {error.code} {error.message.partition(': ')[2]}" for error in built(files, folder).errors]


def first(files: Mapping[str, str], folder: str = "top") -> Json:
    result = built(files, folder)
    assert [error.message for error in result.errors] == []
    return dict(result.manifests[0].value)


@pytest.mark.parametrize(
    ("kustomization", "error"),
    [
        ("resources: [https://example.com/a.yaml]", "1:13 HF1700 a resource 'https://example.com/a.yaml' is somewhere else than in this"),
        ("resources: ['github.com/a/b?ref=v1']", "1:13 HF1700 a resource 'github.com/a/b?ref=v1' is somewhere else than in this"),
        ("resources: [/etc/passwd]", "1:13 HF1703 a resource '/etc/passwd' is a path of a host"),
        ("resources: [../../a]", "1:13 HF1703 a resource '../../a' leads out of the repository"),
        ("resources: [../web.yaml]", "1:13 HF1703 a resource '../web.yaml' lies outside of top"),
        ("resources: [gone.yaml]", "1:13 HF1702 top/gone.yaml is neither a file nor a folder"),
        ("resources: [.]", "1:13 HF1715 '.' leads back to top"),
        ("resources: [..]", "1:13 HF1715 '..' leads back to the top"),
        ("components: [../base]", "1:14 HF1701 base/kustomization.yaml is no Component"),
        ("resources: [../part]", "1:13 HF1701 part/kustomization.yaml is no Kustomization"),
        ("helmCharts: [{name: a}]", "1:13 HF1700 it has Helm charts (helmCharts)"),
        ("resources: [web.yaml]\nvalidators: [a.yaml]", "2:13 HF1700 it has validators"),
        ("resources: [web.yaml]\ntransformers: [plugin.yaml]", "top/plugin.yaml:1 HF1700 example.com/v1 Magic is a plug-in of kustomize"),
        (
            "resources: [web.yaml]\ntransformers: [function.yaml]",
            "top/function.yaml:1 HF1700 Magic m is a function",
        ),
        ("resources: [web.yaml]\ngenerators: [plugin.yaml]", "top/plugin.yaml:1 HF1700 example.com/v1 Magic is a plug-in of kustomize"),
        ("kind: Kustomize\nresources: [web.yaml]", "1:7 HF1701 Kustomize is no kustomization"),
        ("apiVersion: kustomize.config.k8s.io/v1\nresources: [web.yaml]", "1:13 HF1701 the apiVersion of a Kustomization is not"),
        ("resources: [web.yaml]\npatches: [{path: ../base/p.yaml}]", "2:11 HF1703 a patch '../base/p.yaml' lies outside of top"),
        ("resources: [web.yaml]\npatches: [{patch: 'a: 1'}]", "2:11 HF1705 the patch is no object: a document has no kind"),
        ("resources: [web.yaml]\npatches: [{patch: 'a: [', target: {kind: A}}]", "2:11 HF1705 cannot read the patch"),
        (
            "resources: [web.yaml]\npatches: [{patch: '[{op: add, path: /a/b/c}]'}]",
            "2:11 HF1705 a JSON patch says nothing of what",
        ),
        (
            "resources: [web.yaml]\npatches: [{patch: '[{op: add, path: /a/b}]', target: {kind: '('}}]",
            "2:11 HF1707 cannot read the pattern '('",
        ),
        ("resources: [web.yaml]\nreplicas: [{name: web, count: 2}]", "2:12 HF1708 there is no 'web' whose replicas could be set"),
        (
            "resources: [web.yaml, web.yaml]",
            "1:23 HF1710 may not add resource with an already registered id: Service",
        ),
        ("configMapGenerator: [{literals: [a]}]", "1:22 HF1709 a configMapGenerator has no name"),
        ("configMapGenerator: [{name: a, literals: [a]}]", "1:22 HF1709 a literal of the generator a is not key=value"),
        ("secretGenerator: [{name: a, literals: [a=1, a=2]}]", "1:19 HF1709 the generator a has the key 'a' twice"),
        ("configMapGenerator: [{name: a, behavior: merge}]", "1:22 HF1709 there is no ConfigMap.v1.[noGrp]/a.[noNs] to merge"),
        ("resources: [web.yaml]\nvars: [{name: A, objref: {kind: Pod, name: a}}]", "2:7 HF1712 no object fits the variable A"),
        ("resources: [broken.yaml]", "top/broken.yaml:1:5 HF1004"),
        ("resources: [values.yaml]", "top/values.yaml:1:1 HF1714 a document has no kind"),
        ("resources: [web.yaml]\nopenapi: {version: v1.0.0}", "2:10 HF1704 the OpenAPI version v1.0.0 is not built in"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name_and_with_its_line(kustomization: str, error: str) -> None:
    magic = "apiVersion: example.com/v1\nkind: Magic\nmetadata:\n  name: m\n"
    files = {
        "top/kustomization.yaml": kustomization,
        "top/web.yaml": SERVICE,
        "top/broken.yaml": "a: b: c\n",
        "top/values.yaml": "replicas: 1\n",
        "top/plugin.yaml": magic,
        "top/function.yaml": f"{magic}  annotations:\n    config.kubernetes.io/function: 'container: {{image: a}}'\n",
        "web.yaml": SERVICE,
        "kustomization.yaml": "resources: [web.yaml]\n",
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": SERVICE,
        "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: a-\n",
    }
    expected = error if error.startswith("top/") else f"top/kustomization.yaml:{error}"
    (found,) = told(files)
    assert found.startswith(expected)


def test_every_error_of_a_kustomization_is_told_at_once() -> None:
    text = "resource: [a]\nnamePrefix: 5\nimages: [{name: a, tag: b}]\n"
    assert [line.split(" ")[:2] for line in told({"top/kustomization.yaml": text})] == [
        ["top/kustomization.yaml:1:1", "HF1020"],
        ["top/kustomization.yaml:2:13", "HF1021"],
        ["top/kustomization.yaml:3:20", "HF1020"],
    ]


def test_a_key_that_stands_twice_is_a_warning_and_the_later_one_counts() -> None:
    result = built({"top/kustomization.yaml": "namePrefix: a-\nresources: [web.yaml]\nnamePrefix: b-\n", "top/web.yaml": SERVICE})
    assert [each.name for each in result.manifests] == ["b-web"]
    assert [warning.message for warning in result.warnings] == [
        "the key 'namePrefix' stands twice in top/kustomization.yaml; the later one is taken, as kustomize does"
    ]


def test_keys_are_taken_in_any_case() -> None:
    files = {"top/kustomization.yaml": "Resources: [web.yaml]\nnameprefix: a-\n", "top/web.yaml": SERVICE}
    assert [each.name for each in built(files).manifests] == ["a-web"]


def test_origins_are_those_of_the_files() -> None:
    files = {
        "top/kustomization.yaml": "resources: [../base]\nconfigMapGenerator:\n- name: a\n- name: b\n",
        "base/kustomization.yaml": "resources: [all.yaml]\n",
        "base/all.yaml": f"{SERVICE}---\n{SERVICE.replace('web', 'api')}",
    }
    origins = {each.name.split("-")[0]: str(each.origin) for each in built(files).manifests}
    assert origins == {
        "web": "base/all.yaml:1",
        "api": "base/all.yaml:8",
        "a": "top/kustomization.yaml:3",
        "b": "top/kustomization.yaml:4",
    }


def test_a_label_that_was_set_at_once_moves_at_once() -> None:
    """kustomize puts one node in several places; whoever relies on it gets the same here."""
    labels = "labels: [{pairs: {tier: a}, includeSelectors: true}, {pairs: {tier: b}}]\n"
    found = first({"top/kustomization.yaml": f"resources: [web.yaml]\n{labels}", "top/web.yaml": SERVICE})
    assert found == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"labels": {"tier": "b"}, "name": "web"},
        "spec": {"selector": {"app": "web", "tier": "b"}},
    }


def test_a_tower_of_kustomizations_is_not_climbed() -> None:
    """Eleven levels, each of which builds the one below ten times: ten thousand million, of which a few thousand are tried."""
    files = {}
    for level in range(11):
        below = "".join(f"- ../{level - 1}-{copy}\n" for copy in range(10))
        for copy in range(10):
            files[f"{level}-{copy}/kustomization.yaml"] = f"namePrefix: p{copy}-\n" + (f"resources:\n{below}" if level else "")
    (error,) = built(files, "10-0").errors
    assert error.code == "HF1713"


def test_a_chain_that_is_too_deep_is_refused() -> None:
    files = {f"{level}/kustomization.yaml": f"resources: [../{level + 1}]\n" for level in range(30)}
    (error,) = built(files, "0").errors
    assert (error.code, str(error.where[0])) == ("HF1713", "11/kustomization.yaml:1:13")


def test_aliases_do_not_make_a_bomb() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + at)}: &{chr(98 + at)} [{','.join([f'*{chr(97 + at)}'] * 10)}]\n" for at in range(8)
    )
    (error,) = built({"top/kustomization.yaml": "resources: [a.yaml]\n", "top/a.yaml": bomb}).errors
    assert error.code == "HF1010"
