"""Whose logs a name means."""

from __future__ import annotations

import pytest

from holdfast.app.speaking import speaking
from holdfast.errors import UsageError
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.plan import Owned
from holdfast.model.resource import Resource
from holdfast.model.state import State

CLUSTER = "https://c"
WEB = ResourceId(HOST, "Process", "shop", "web")
DEPLOYMENT = ResourceId(CLUSTER, "apps/Deployment", "shop", "web")
SERVICE = ResourceId(CLUSTER, "Service", "shop", "web")
JOB = ResourceId(CLUSTER, "batch/Job", "shop", "migrate")


def found(name: str) -> tuple[ResourceId, ...]:
    resources = [Resource(id=id, state=State.of({})) for id in (WEB, DEPLOYMENT, SERVICE, JOB)]
    return speaking({each.id: Owned(application="shop", resource=each, revision="r1", operation="op") for each in resources}, name)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("shop", {WEB, DEPLOYMENT, JOB}),
        ("web", {WEB, DEPLOYMENT}),
        ("Deployment/web", {DEPLOYMENT}),
        ("apps/Deployment/shop/web", {DEPLOYMENT}),
        ("migrate", {JOB}),
    ],
)
def test_a_name_means_what_writes_logs(name: str, ids: set[ResourceId]) -> None:
    assert set(found(name)) == ids


@pytest.mark.parametrize("name", ["Service/web", "Service/shop/web", "nobody"])
def test_what_writes_none_is_not_found(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        found(name)
    assert refused.value.code == "HF8023"
