"""Object status: what is known of an Application, in Argo CD's words, and nothing to write while nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.view import SYNCED, ApplicationView, OperationView, ResourceView, conditions
from holdfast.delivery.object_status import Asked, Known, object_status, rfc3339, status_patch
from holdfast.model.ids import ResourceId
from holdfast.model.live import Condition
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger

IN = "https://kubernetes.default.svc"
MAP, WEB = ResourceId(IN, "ConfigMap", "shop", "web"), ResourceId(IN, "apps/Deployment", "shop", "web")
SPACE = ResourceId(IN, "Namespace", "-", "shop")
SPEC: dict[str, Any] = {
    "source": {"repoURL": "https://git.example/shop", "path": "web"},
    "destination": {"server": IN, "namespace": "shop"},
    "project": "default",
}
MANIFESTS: Mapping[ResourceId, Mapping[str, Any]] = {
    MAP: {"apiVersion": "v1", "kind": "ConfigMap"},
    WEB: {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"image": "web:1"}]}}}},
}
DONE = Operation(
    id="op1",
    application="web",
    trigger=Trigger.COMMIT,
    revision="r1",
    desired_digest="d",
    plan_digest="p",
    phase=Phase.SUCCEEDED,
    started_at=100.0,
    finished_at=102.0,
    message="2 changes applied",
    outcomes=(
        Outcome(id=WEB, status=Applied.APPLIED, attempts=1, started_at=100.0, finished_at=102.0),
        Outcome(id=MAP, status=Applied.APPLIED, attempts=1, started_at=100.0, finished_at=101.0),
    ),
)


def view(**more: Any) -> ApplicationView:
    resources = {id: ResourceView(sync=SYNCED, status="Healthy", is_declared=True, is_seen=True) for id in (WEB, MAP)}
    return ApplicationView(desired_revision="r1", desired_digest="d", resources=resources, **more)


def known(**more: Any) -> Known:
    it = more.pop("view", view())
    said: dict[str, Any] = {"spec": SPEC, "compared": SPEC, "view": it, "revision": "r1", "operations": (DONE,), "manifests": MANIFESTS}
    return Known(**{**said, "conditions": conditions(it) if it is not None else (), **more})


def merged(before: Any, patch: Any) -> Any:
    """Do what a server does with a merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def written(it: Known, before: dict[str, Any] | None = None, now: float = 200.0) -> dict[str, Any]:
    """Return the status after it was written over `before`."""
    before = before or {}
    found: dict[str, Any] = merged(before, status_patch(before, object_status(it, before, now), now))
    return found


def test_it_is_argo_cds_shape() -> None:
    status = written(known(source_type="Directory"))
    assert status["sync"] == {
        "status": "Synced",
        "revision": "r1",
        "comparedTo": {"source": SPEC["source"], "destination": SPEC["destination"]},
    }
    assert status["health"] == {"status": "Healthy", "lastTransitionTime": rfc3339(200.0)}
    well = {"status": "Synced", "health": {"status": "Healthy"}}
    assert status["resources"] == [
        {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "web", **well},
        {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web", **well},
    ]
    state = status["operationState"]
    assert (state["phase"], state["startedAt"], state["finishedAt"]) == ("Succeeded", rfc3339(100.0), rfc3339(102.0))
    assert state["operation"] == {"initiatedBy": {"automated": True}, "sync": {"revision": "r1"}}
    assert [(each["group"], each["kind"], each["status"]) for each in state["syncResult"]["resources"]] == [
        ("", "ConfigMap", "Synced"),
        ("apps", "Deployment", "Synced"),
    ]
    assert status["history"] == [
        {
            "id": 0,
            "revision": "r1",
            "deployStartedAt": rfc3339(100.0),
            "deployedAt": rfc3339(102.0),
            "initiatedBy": {"automated": True},
            "source": SPEC["source"],
        }
    ]
    assert (status["sourceType"], status["summary"], status["reconciledAt"]) == ("Directory", {"images": ["web:1"]}, rfc3339(200.0))
    assert "conditions" not in status


@pytest.mark.parametrize(
    "it",
    [
        known(),
        known(view=None, compared=None, problems=(("InvalidSpecError", "it is wrong"),)),
        known(view=view(source_error="no answer")),
        known(asked=Asked(operation={"sync": {}}, started_at=150.0)),
        known(operations=(replace(DONE, phase=Phase.FAILED),)),
    ],
)
def test_nothing_is_to_be_written_twice(it: Known) -> None:
    once = written(it)
    assert status_patch(once, object_status(it, once, 900.0), 900.0) == {}
    assert status_patch(once, object_status(it, once, 900.0), 900.0, is_refreshed=True) == {"reconciledAt": rfc3339(900.0)}


def test_what_others_wrote_stays_and_what_is_ours_is_mended() -> None:
    once = written(known())
    foreign = {**once, "controllerNamespace": "argocd", "resources": [], "resourceHealthSource": "appTree"}
    assert written(known(), foreign, 900.0) == {**once, "controllerNamespace": "argocd", "reconciledAt": rfc3339(900.0)}


def test_times_stay_while_what_they_date_does() -> None:
    bad = known(view=view(source_error="no answer"))
    once = written(bad, now=200.0)
    again = written(replace(bad, revision="r2"), once, now=300.0)
    assert again["health"]["lastTransitionTime"] == rfc3339(200.0)
    assert [(each["type"], each["lastTransitionTime"]) for each in again["conditions"]] == [("ComparisonError", rfc3339(200.0))]
    other = written(known(view=view(source_error="another")), again, now=400.0)
    assert [each["lastTransitionTime"] for each in other["conditions"]] == [rfc3339(400.0)]


def test_an_object_that_never_read_says_so_and_no_more() -> None:
    status = written(Known(spec=SPEC, problems=(("InvalidSpecError", "there is no AppProject x"),)))
    assert (status["sync"]["status"], status["health"]["status"]) == ("Unknown", "Unknown")
    assert "revision" not in status["sync"]
    assert [(each["type"], each["message"]) for each in status["conditions"]] == [("InvalidSpecError", "there is no AppProject x")]
    assert not {"operationState", "history", "resources"} & status.keys()


def test_a_commit_that_was_only_fetched_is_not_what_was_compared() -> None:
    once = written(known())
    ahead = known(view=replace(view(), desired_revision="r2"))
    assert written(ahead, once)["sync"]["revision"] == "r1"
    assert written(replace(ahead, revision=None), once)["sync"]["revision"] == "r1"
    broken = replace(view(), desired_revision="r2", render_errors=[{"code": "HF1", "message": "no"}])
    status = written(known(view=broken), once)
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("OutOfSync", "r2")


def test_conditions_are_argo_cds_words() -> None:
    told = [
        Condition(type="Ready", status=True, reason="AsDeclared"),
        Condition(type="RenderError", status=True, reason="HF1", message="cannot read it", origin="a.yaml:1"),
        Condition(type="Refused", status=True, reason="HF2", message="ConfigMap/shop/web too many"),
        Condition(type="Pinned", status=True, reason="RolledBack", message="by eve"),
        Condition(type="Warning", status=True, reason="SharedResource", message="another has it"),
        Condition(type="SourceError", status=True, reason="SourceFailed", message="it is wrong"),
        Condition(type="Held", status=True, reason="HF3", message="later"),
        Condition(type="Warning", status=True, reason="Wordless"),
    ]
    status = written(known(conditions=told, problems=[("InvalidSpecError", "it is wrong (mend it)")]))
    assert [(each["type"], each["message"]) for each in status["conditions"]] == [
        ("InvalidSpecError", "it is wrong (mend it)"),
        ("ComparisonError", "cannot read it (a.yaml:1)"),
        ("SyncError", "ConfigMap/shop/web too many"),
        ("PinnedWarning", "by eve"),
        ("SharedResourceWarning", "another has it"),
        ("WordlessWarning", ""),
    ]


def test_what_is_left_over_asks_for_pruning_and_what_is_wide_has_no_namespace() -> None:
    it = view()
    it.resources[SPACE] = ResourceView(sync="OutOfSync", status="Healthy", is_seen=True, has_stood=True, wave=2)
    (left,) = [each for each in written(known(view=it))["resources"] if each["kind"] == "Namespace"]
    assert left == {
        "kind": "Namespace",
        "name": "shop",
        "status": "OutOfSync",
        "health": {"status": "Healthy"},
        "requiresPruning": True,
        "syncWave": 2,
    }


def test_results_tell_what_failed_and_what_went() -> None:
    outcomes = (
        Outcome(
            id=MAP,
            status=Applied.FAILED,
            attempts=1,
            started_at=1.0,
            finished_at=2.0,
            failure=Failure(code="HF1", message="the server said no"),
        ),
        Outcome(id=WEB, status=Applied.SKIPPED, attempts=0, started_at=1.0, finished_at=2.0),
        Outcome(id=SPACE, status=Applied.APPLIED, attempts=1, started_at=1.0, finished_at=2.0),
    )
    state = written(known(operations=(replace(DONE, phase=Phase.FAILED, outcomes=outcomes),)))["operationState"]
    assert state["phase"] == "Failed"
    assert [(each["kind"], each["status"], each.get("message")) for each in state["syncResult"]["resources"]] == [
        ("ConfigMap", "SyncFailed", "the server said no"),
        ("Namespace", "Pruned", None),
        ("Deployment", "SyncFailed", "what it needs failed"),
    ]
    assert "history" not in written(known(operations=(replace(DONE, phase=Phase.FAILED),)))


def running(**more: Any) -> OperationView:
    said = {"id": "op2", "trigger": "commit", "phase": "Running", "revision": "r2", "started_at": 150.0, "message": "begins", **more}
    return OperationView(**said)


def test_an_operation_runs_until_the_store_has_its_end() -> None:
    """What its resources came to is known only then, and is told once."""
    once = written(known())
    state = written(known(view=replace(view(), operation=running())), once)["operationState"]
    assert (state["phase"], "finishedAt" in state, state["syncResult"]) == ("Running", False, {"revision": "r2"})
    ended = running(phase="Succeeded", finished_at=151.0)
    assert written(known(view=replace(view(), operation=ended)), once)["operationState"]["phase"] == "Running"
    stored = replace(DONE, id="op2", revision="r2", started_at=150.0, finished_at=151.0)
    status = written(known(view=replace(view(), operation=ended), operations=(stored, DONE)), once)
    assert (status["operationState"]["phase"], len(status["operationState"]["syncResult"]["resources"])) == ("Succeeded", 2)
    assert [(each["id"], each["revision"]) for each in status["history"]] == [(0, "r1"), (1, "r2")]


def test_how_an_operation_ended_is_not_told_otherwise_later() -> None:
    once = written(known())
    bare = view()
    del bare.resources[MAP]
    assert written(known(view=bare), once)["operationState"] == once["operationState"]


def test_what_was_asked_is_what_it_became() -> None:
    asked = Asked(operation={"sync": {"prune": True}, "initiatedBy": {"username": "eve"}}, started_at=99.0)
    going = known(asked=asked, operations=(), view=replace(view(), operation=running(started_at=100.0)))
    state = written(going)["operationState"]
    assert (state["operation"], state["phase"], state["startedAt"]) == (dict(asked.operation), "Running", rfc3339(99.0))
    over = replace(asked, phase="Succeeded", message="done; not honoured: retry", finished_at=102.0)
    state = written(known(asked=over))["operationState"]
    assert (state["phase"], state["message"], len(state["syncResult"]["resources"])) == ("Succeeded", "done; not honoured: retry", 2)
    later = replace(DONE, id="op3", started_at=300.0, finished_at=301.0)
    assert written(known(asked=over, operations=(later, DONE)))["operationState"]["startedAt"] == rfc3339(300.0)


def test_what_was_asked_and_came_to_nothing_says_why() -> None:
    asked = Asked(operation={"sync": {}}, started_at=150.0, phase="Failed", message="refused", finished_at=151.0)
    once = written(known(asked=asked))
    assert (once["operationState"]["phase"], once["operationState"]["message"]) == ("Failed", "refused")
    assert written(known(), once)["operationState"] == once["operationState"]  # after a restart


def test_what_was_asked_is_told_though_another_ended_in_the_same_second() -> None:
    swift = replace(DONE, started_at=100.1, finished_at=100.3)
    once = written(known(operations=(swift,)))
    asked = Asked(operation={"sync": {}}, started_at=100.5, phase="Succeeded", message="nothing to do", finished_at=100.6)
    state = written(known(operations=(swift,), asked=asked), once)["operationState"]
    assert (state["operation"], state["message"]) == ({"sync": {}}, "nothing to do")
    assert written(known(operations=(swift,), asked=asked), {"operationState": state})["operationState"] == state


def test_one_that_nobody_runs_any_more_has_ended() -> None:
    left = {"operationState": {"phase": "Running", "operation": {"sync": {}}, "startedAt": rfc3339(180.0)}}
    state = written(known(), left, 200.0)["operationState"]
    assert (state["phase"], state["finishedAt"]) == ("Error", rfc3339(200.0))


@given(st.lists(st.sampled_from([Phase.SUCCEEDED, Phase.FAILED, Phase.SUPERSEDED]), max_size=15), st.integers(0, 12))
def test_history_only_grows_at_its_end(phases: list[Phase], limit: int) -> None:
    """Law: told one after another or at once, by a new daemon or the old one, the history is the same."""
    operations = [
        replace(DONE, id=f"op{at}", revision=f"r{at}", phase=phase, started_at=10.0 * at, finished_at=10.0 * at + 1)
        for at, phase in enumerate(phases)
    ]
    spec = {**SPEC, "revisionHistoryLimit": limit}
    status: dict[str, Any] = {}
    for at in range(len(operations)):
        status = written(known(spec=spec, operations=tuple(reversed(operations[: at + 1]))), status)
    brought = [f"r{at}" for at, phase in enumerate(phases) if phase is Phase.SUCCEEDED]
    history = status.get("history", [])
    assert [each["revision"] for each in history] == (brought[-limit:] if limit else [])
    if limit:
        assert [each["id"] for each in history] == list(range(len(brought)))[-limit:]
    assert written(known(spec=spec, operations=tuple(reversed(operations))), status).get("history", []) == history


def test_it_goes_on_where_argo_cds_history_ends() -> None:
    before = {"history": [{"id": 41, "revision": "r0", "deployedAt": rfc3339(50.0), "source": SPEC["source"]}]}
    history = written(known(operations=(DONE, replace(DONE, id="op0", started_at=40.0, finished_at=45.0))), before)["history"]
    assert [(each["id"], each["revision"]) for each in history] == [(41, "r0"), (42, "r1")]


def test_a_part_and_a_heal_are_no_history() -> None:
    part, heal = replace(DONE, is_selective=True), replace(DONE, trigger=Trigger.DRIFT)
    assert "history" not in written(known(operations=(part, heal)))


def test_several_sources_are_told_with_a_revision_for_each() -> None:
    one, two, three = "1" * 40, "2" * 40, "3" * 40
    places = [
        ("https://git.example/shop", "main", "web"),
        ("https://git.example/shop", "main", "db"),
        ("https://git.example/values", "v1", ""),
    ]
    said = [{"repoURL": repository, "targetRevision": at, "path": path} for repository, at, path in places]
    sources = [{"repository": repository, "path": path, "target_revision": at} for repository, at, path in places]
    spec = {**{key: value for key, value in SPEC.items() if key != "source"}, "sources": said}
    done = replace(DONE, revision=f"{one}+{two}")
    it = known(spec=spec, compared=spec, view=view(sources=sources), revision=f"{one}+{two}", operations=(done,))
    status = written(it)
    revisions = [one, one, two]
    assert (status["sync"]["revisions"], status["sync"].get("revision")) == (revisions, None)
    assert status["sync"]["comparedTo"]["sources"] == said
    assert status["operationState"]["operation"]["sync"] == {"revisions": revisions}
    result = status["operationState"]["syncResult"]
    assert (result["revisions"], result["sources"]) == (revisions, said)
    [entry] = status["history"]
    assert (entry["revisions"], entry["sources"], entry.get("revision"), entry.get("source")) == (revisions, said, None, None)
    assert status_patch(status, object_status(it, status, 300.0), 300.0) == {}
    quiet = replace(it, revision=None)
    assert status_patch(status, object_status(quiet, status, 300.0), 300.0) == {}, "nothing was rendered yet since the start"
    moved = replace(it, revision=f"{one}+{three}")
    assert written(moved, status)["sync"]["revisions"] == [one, one, three]
    alone = written(known(), status)
    assert (alone["sync"]["revision"], alone["sync"].get("revisions")) == ("r1", None)
