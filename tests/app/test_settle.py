"""When `up --once` may end, and with which exit code."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.app.settle import DEGRADED, FAILED, OK, REFUSED, all_proven, judge
from holdfast.core.view import SYNCED, ApplicationView, OperationView, ProofView, ResourceView, View
from holdfast.model.ids import ResourceId
from holdfast.model.proof import Claim
from holdfast.model.resource import Resource
from holdfast.model.state import State

WEB = ResourceId("host", "Process", "shop", "web")


def view(sync: str = SYNCED, status: str = "Healthy", **more: Any) -> ApplicationView:
    web = ResourceView(sync=sync, status=status, digest="d", is_declared=True, is_seen=True)
    return ApplicationView(desired_digest="d", resources={WEB: web}, **more)


FAILED_OPERATION = OperationView(id="o", trigger="commit", phase="Failed", revision="r", started_at=0.0)


@pytest.mark.parametrize(
    ("it", "code"),
    [
        (view(), OK),
        (view(status="Suspended"), OK),
        (view(status="Progressing"), None),
        (view(status="Degraded"), DEGRADED),
        (view(pin={"reason": "it failed"}), DEGRADED),
        (view(suspended="by a person"), DEGRADED),
        (view(sync="OutOfSync", held={"kind": "not-automated", "code": "HF2010", "reason": "", "until": None}), DEGRADED),
        (view(sync="OutOfSync", held={"kind": "retrying", "code": "HF2014", "reason": "", "until": 5.0}), None),
        (view(sync="OutOfSync", held={"kind": "exhausted", "code": "HF2015", "reason": "", "until": None}), FAILED),
        (view(refused=[{"id": "Process/shop/web"}]), REFUSED),
        (view(render_errors=[{"code": "HF1000"}]), FAILED),
        (view(source_error="cannot read it"), FAILED),
        (view(sync="OutOfSync", operation=FAILED_OPERATION), FAILED),
        (view(sync="OutOfSync"), None),
    ],
)
def test_an_application_is_judged(it: ApplicationView, code: int | None) -> None:
    assert judge(it) == code


def test_a_claim_counts_once_it_was_looked_at() -> None:
    resource = Resource(id=WEB, state=State.of({}), claims=(Claim(text="answers on port 3000", method="tcp"),))
    it = view()
    shown = View(applications={"shop": it})
    assert not all_proven(shown, [resource])
    it.resources[WEB].proofs["answers on port 3000"] = ProofView(
        claim="answers on port 3000", verdict="refuted", proven_at=1.0, valid_for_s=300.0
    )
    assert all_proven(shown, [resource])
