"""Sync options of an object: its own word over its Application's, and less deletion over more."""

from __future__ import annotations

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.sync_option import in_vain_for_object, read_policy
from holdfast.model.resource import ResourcePolicy
from holdfast.model.terms import IgnoredFields, IgnoreRule, Terms

OPTIONS, COMPARE = "argocd.argoproj.io/sync-options", "argocd.argoproj.io/compare-options"
MANIFEST: dict[str, Json] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}


def policy(options: str = "", terms: Terms | None = None, manifest: dict[str, Json] = MANIFEST, **more: str) -> ResourcePolicy:
    annotations = {**({OPTIONS: options} if options else {}), **{key.replace("_", "/"): value for key, value in more.items()}}
    return read_policy(manifest, annotations, "shop", terms or Terms())


def test_an_object_without_a_word_has_no_options() -> None:
    assert policy() == ResourcePolicy(adopt=True)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("Prune=false", ResourcePolicy(adopt=True, prune=False)),
        ("Prune=confirm", ResourcePolicy(adopt=True, protect=True)),
        ("Delete=false", ResourcePolicy(adopt=True, delete=False)),
        ("Delete=confirm", ResourcePolicy(adopt=True, protect_delete=True)),
        ("PruneLast=true", ResourcePolicy(adopt=True, last=True)),
        ("Force=true, Replace=true", ResourcePolicy(adopt=True, options={"Force": "true", "Replace": "true"})),
        ("PrunePropagationPolicy=orphan", ResourcePolicy(adopt=True, options={"PrunePropagationPolicy": "orphan"})),
    ],
)
def test_what_an_object_says(options: str, wanted: ResourcePolicy) -> None:
    assert policy(options) == wanted


def test_its_own_word_counts_over_its_applications() -> None:
    terms = Terms(options={"Replace": "true", "PruneLast": "true", "Delete": "confirm"})
    assert policy(terms=terms) == ResourcePolicy(adopt=True, last=True, protect_delete=True, options={"Replace": "true"})
    assert policy("Replace=false,PruneLast=false,Delete=true", terms) == ResourcePolicy(adopt=True)


def test_what_helm_keeps_and_definitions_stay() -> None:
    kept = read_policy(MANIFEST, {"helm.sh/resource-policy": "keep"}, "shop", Terms())
    assert (kept.prune, kept.delete) == (False, False)
    definition: dict[str, Json] = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a"}}
    assert not policy(manifest=definition).delete
    assert policy("Delete=true", manifest=definition).delete


def test_rules_are_those_that_fit() -> None:
    terms = Terms(
        ignored=(
            IgnoreRule(group="apps", kind="Deployment", json_pointers=("/spec/replicas",)),
            IgnoreRule(group="apps", kind="Deployment", namespace="elsewhere", json_pointers=("/a",)),
            IgnoreRule(kind="ConfigMap", json_pointers=("/data",)),
        )
    )
    assert policy(terms=terms).ignored == (IgnoredFields(json_pointers=("/spec/replicas",)),)


def test_what_is_said_in_vain() -> None:
    annotations = {OPTIONS: "ServerSideApply=false,CreateNamespace=true,Prune=false", COMPARE: "IgnoreExtraneous,ServerSideDiff=false,Else"}
    told = [message.split(" is ")[0] for _, message in in_vain_for_object(annotations)]
    assert told == [
        "sync option ServerSideApply=false",
        "sync option CreateNamespace",
        "compare option ServerSideDiff=false",
        "compare option Else=true",
    ]
