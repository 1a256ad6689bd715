"""Which object of a cluster a name means."""

from __future__ import annotations

import pytest

from holdfast.app.objects import object_named
from holdfast.errors import UsageError
from holdfast.model.ids import ResourceId

WEB = ResourceId("https://c", "apps/Deployment", "shop", "web")
SERVICE = ResourceId("https://c", "Service", "shop", "web")
DB = ResourceId("https://c", "apps/StatefulSet", "shop", "db")
KNOWN = [WEB, SERVICE, DB]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("apps/Deployment/shop/web", WEB),
        ("Deployment/web", WEB),
        ("deployment/web", WEB),
        ("apps/Deployment/web", WEB),
        ("service/web", SERVICE),
        ("db", DB),
    ],
)
def test_a_name_means_one_object(name: str, id: ResourceId) -> None:
    assert object_named(name, KNOWN) == id


@pytest.mark.parametrize(
    ("name", "words"),
    [("web", "there are 2"), ("wbe", "no object"), ("StatefulSet/web", "no object"), ("", "no object"), ("Deployment/", "no object")],
)
def test_none_or_several_is_said(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        object_named(name, KNOWN)
    assert refused.value.code == "HF8073"
    assert refused.value.hint
