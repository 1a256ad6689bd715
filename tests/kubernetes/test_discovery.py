"""What a cluster serves, from its aggregated discovery."""

from __future__ import annotations

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.discovery import read_discovery


def version(name: str, *kinds: str, scope: str = "Namespaced") -> Json:
    resources: Json = [
        {"resource": f"{kind.lower()}s", "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list"]} for kind in kinds
    ]
    return {"version": name, "resources": resources}


DOCUMENT: Json = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {"metadata": {"name": "example.com"}, "versions": [version("v2", "Thing"), version("v1", "Thing", "Old")]},
        {"metadata": {}, "versions": [version("v1", "Node", scope="Cluster")]},
        {"versions": "nonsense"},
    ],
}


def test_the_preferred_version_counts_unless_another_is_named() -> None:
    found = read_discovery(DOCUMENT)
    thing, old, node = found.find("example.com/Thing"), found.find("example.com/Old"), found.find("Node")
    assert thing is not None
    assert old is not None
    assert node is not None
    assert (thing.api_version, old.api_version, node.api_version) == ("example.com/v2", "example.com/v1", "v1")
    named = found.find("example.com/Thing", "v1")
    assert named is not None
    assert named.version == "v1"
    assert found.find("example.com/Nothing") is None


def test_a_name_is_one_step_of_a_path_whatever_is_in_it() -> None:
    found = read_discovery(DOCUMENT)
    thing, node = found.find("example.com/Thing"), found.find("Node")
    assert thing is not None
    assert node is not None
    assert thing.path("a", "../../x", "status") == "/apis/example.com/v2/namespaces/a/things/..%2F..%2Fx/status"
    assert thing.path() == "/apis/example.com/v2/things"
    assert node.path("ignored", "n") == "/api/v1/nodes/n"


@pytest.mark.parametrize("document", [None, {}, {"kind": "APIGroupList", "items": []}, {"kind": "APIGroupDiscoveryList"}])
def test_another_answer_is_no_discovery(document: Json) -> None:
    with pytest.raises(ValueError, match="APIGroupDiscoveryList"):
        read_discovery(document)
