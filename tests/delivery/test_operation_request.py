"""Operation request: what is asked is done, or named as what is not."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.delivery.operation_request import Requested, read_operation

SPEC: dict[str, Any] = {
    "source": {"repoURL": "https://git.example/shop", "path": "web", "targetRevision": "main"},
    "syncPolicy": {"syncOptions": ["CreateNamespace=true"], "retry": {"limit": 2}},
}
OURS = "its object's operation"


def read(operation: Any) -> Requested:
    return read_operation(operation, SPEC)


def test_a_sync_is_read_whole() -> None:
    resources = [
        {"group": "apps", "kind": "Deployment", "name": "web", "namespace": "shop"},
        {"kind": "ConfigMap", "name": "web", "exclude": True},
    ]
    sync = {"revision": "abc", "prune": True, "dryRun": True, "resources": resources, "syncOptions": ["CreateNamespace=true"]}
    asked = read({"sync": sync, "initiatedBy": {"username": "eve"}, "retry": {"limit": 2}})
    assert asked == Requested(
        person="eve", revision="abc", prune=True, is_dry_run=True, resources=("apps:Deployment:shop/web", "!:ConfigMap:web")
    )


def test_nothing_said_is_a_plain_sync() -> None:
    assert read({"sync": {}}) == Requested(person=OURS)


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({}, "it asks for no sync"),
        ("now", "it asks for no sync"),
        ({"sync": {"manifests": ["kind: ConfigMap"]}}, "manifests of its own"),
        ({"sync": {"revisions": ["a", "b"]}}, "a commit for each of the sources"),
    ],
)
def test_what_cannot_be_done_is_refused(operation: Any, why: str) -> None:
    assert why in read(operation).refused


def test_a_single_revision_of_a_list_counts() -> None:
    assert read({"sync": {"revisions": ["a"]}}).revision == "a"


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ({"sync": {"syncOptions": ["Replace=true"]}}, "sync option Replace=true"),
        ({"sync": {"syncStrategy": {"apply": {}}}}, "syncStrategy.apply"),
        ({"sync": {"syncStrategy": {"hook": {"force": True}}}}, "syncStrategy force"),
        ({"sync": {"source": {"repoURL": "https://git.example/other"}}}, "source"),
        ({"sync": {"sources": [{}]}}, "sources"),
        ({"sync": {}, "retry": {"limit": 9}}, "retry"),
    ],
)
def test_what_is_not_honoured_is_named(operation: Any, what: str) -> None:
    (said,) = read(operation).unhonoured
    assert said.startswith(what)


def test_what_says_nothing_else_than_the_application_is_honoured() -> None:
    same = {"sync": {"source": {**SPEC["source"], "targetRevision": "abc"}, "syncStrategy": {"hook": {}}}, "retry": {}}
    assert read(same).unhonoured == ()


def test_commits_of_several_sources_are_one_revision() -> None:
    one, two = "1" * 40, "2" * 40
    first, second = {"repoURL": "https://git.example/a", "path": "x"}, {"repoURL": "https://git.example/b", "targetRevision": "v1"}

    def asked(*revisions: str, sources: list[Any]) -> Requested:
        return read_operation({"sync": {"revisions": list(revisions)}}, {"sources": sources})

    assert asked(one, two, sources=[first, second]).revision == f"{one}+{two}"
    assert asked(one, one, two, sources=[first, {**first, "path": "y"}, second]).revision == f"{one}+{two}"
    refused = "it does not name a commit for each of the sources"
    assert asked(one, two, sources=[first, {**first, "path": "y"}]).refused == refused, "they follow the same"
    assert asked(one, two, sources=[first]).refused == refused
    assert asked("main", two, sources=[first, second]).refused == refused
    again = {"sync": {"revisions": [one, two], "sources": [first, second]}}
    assert read_operation(again, {"sources": [first, second]}).unhonoured == ()
    assert read_operation(again, {"sources": [first, {"repoURL": "https://git.example/c"}]}).unhonoured == (
        "sources: those of the Application count",
    )
