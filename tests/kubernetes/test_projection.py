"""What is ours of an object."""

from __future__ import annotations

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import read_fields
from holdfast.kubernetes.projection import project, taken

LIVE: dict[str, Json] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"ours": "1", "theirs": "2"}},
    "spec": {
        "clusterIP": "10.0.0.1",
        "ports": [{"port": 443, "protocol": "TCP", "name": "theirs"}, {"port": 80, "protocol": "TCP", "targetPort": 8080}],
        "selector": {"app": "web"},
    },
}
OURS = read_fields(
    {
        "f:metadata": {"f:labels": {"f:ours": {}}},
        "f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:targetPort": {}}}, "f:selector": {}},
    }
)


def test_what_others_own_never_shows() -> None:
    assert project(LIVE, OURS) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"ours": "1"}},
        "spec": {"ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "web"}},
    }


def test_of_nothing_there_is_the_name() -> None:
    assert project(LIVE, frozenset()) == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}


def test_what_was_taken_says_by_whom() -> None:
    lost = ("f:spec", "f:selector")
    assert taken(OURS - {lost}, OURS, {lost: ("somebody",)}) == {lost: "somebody"}
    assert taken(OURS - {lost}, OURS, {}) == {}
