"""Live object: what an Application object declares, and what its deletion means."""

from __future__ import annotations

from typing import Any

import pytest
from tests.delivery.test_child import CONTEXT, manifest

from holdfast.delivery.build import FINALIZER
from holdfast.delivery.live_object import cascades, declared, finalizers, is_deleted, origin_of, read_object, refresh_of
from holdfast.errors import RefusedDeclaration


def live(**metadata: Any) -> dict[str, Any]:
    """Return an object as a cluster has it."""
    written = {"uid": "u", "resourceVersion": "7", "generation": 3, "managedFields": [], "finalizers": [FINALIZER], **metadata}
    it = manifest(syncPolicy={"automated": {"prune": True}})
    return {**it, "metadata": {**it["metadata"], **written}, "status": {"health": {}}, "operation": {"sync": {}}}


def test_what_the_cluster_writes_is_no_declaration() -> None:
    notes = {"argocd.argoproj.io/refresh": "hard", "holdfast.dev/rollback": "on"}
    before = declared(live(annotations=notes), "Application")
    assert before == declared(live(resourceVersion="8", generation=4, annotations={"holdfast.dev/rollback": "on"}), "Application")
    assert set(before) == {"apiVersion", "kind", "metadata", "spec"}
    assert before["metadata"] == {"name": "web", "annotations": {"holdfast.dev/rollback": "on"}, "finalizers": [FINALIZER]}


def test_it_is_read_as_a_file_is_and_its_absence_takes_nothing_along() -> None:
    said = declared(live(), "Application")
    it = read_object(said, origin_of("in-cluster/argocd", "Application", said), CONTEXT)
    assert (it.name, it.settings.automated, it.cascade) == ("web", True, False)
    assert str(it.origin) == "in-cluster/argocd/Application/web:1"


def test_it_may_not_run_on_a_host() -> None:
    said = declared({**live(), "spec": manifest(destination={"server": "host://local"})["spec"]}, "Application")
    with pytest.raises(RefusedDeclaration) as error:
        read_object(said, origin_of("in-cluster/argocd", "Application", said), CONTEXT)
    assert error.value.code == "HF1156"


@pytest.mark.parametrize(
    ("found", "options", "does"),
    [
        ([FINALIZER], [], True),
        ([f"{FINALIZER}/background"], ["Prune=confirm"], True),
        ([FINALIZER], ["Delete=false"], False),
        (["post-delete-finalizer.argocd.argoproj.io/cleanup"], [], False),
        (["example.com/mine"], [], False),
    ],
)
def test_the_finalizer_says_what_goes_along(found: list[str], options: list[str], does: bool) -> None:
    it = live(finalizers=found, deletionTimestamp="2026-01-01T00:00:00Z")
    it["spec"]["syncPolicy"]["syncOptions"] = options
    assert (is_deleted(it), cascades(it)) == (True, does)
    assert finalizers(it) == tuple(each for each in found if "argocd" in each)


def test_a_refresh_is_seen() -> None:
    assert refresh_of(live()) is None
    assert refresh_of(live(annotations={"argocd.argoproj.io/refresh": "normal"})) == "normal"


@pytest.mark.parametrize("it", [{}, {"metadata": None}, {"metadata": {"finalizers": "no", "annotations": []}, "spec": []}])
def test_nonsense_is_nothing(it: dict[str, Any]) -> None:
    assert (finalizers(it), cascades(it), refresh_of(it), is_deleted(it)) == ((), False, None, False)
