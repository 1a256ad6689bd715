"""The Status document, word by word: every condition with its place, and the one thing that is said of an Application."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.core.view import ApplicationView, OperationView, ProofView, ResourceView, View, conditions, from_json, status, to_json
from holdfast.model.ids import ResourceId

WEB, DB = ResourceId("docker", "Container", "shop", "web"), ResourceId("host", "Process", "shop", "db")
WELL: dict[str, Any] = {"sync": "Synced", "status": "Healthy", "is_seen": True, "is_declared": True}
OPERATION = OperationView(id="op", trigger="commit", phase="Succeeded", revision="r2", started_at=1.0, finished_at=2.0)


def application(**more: Any) -> ApplicationView:
    return ApplicationView(**{"desired_digest": "d", "resources": {WEB: ResourceView(**WELL, origin="web.yaml:4")}, **more})


def told(it: ApplicationView, store_error: str | None = None) -> list[str]:
    """Return `type status reason: message (origin)` of each condition."""
    return [
        f"{one.type} {one.status} {one.reason}: {one.message}" + (f" ({one.origin})" if one.origin else "")
        for one in conditions(it, store_error)
    ]


def said(it: ApplicationView, store_error: str | None = None) -> str:
    [shown] = status(View(applications={"shop": it}, store_error=store_error), 10.0)["applications"]
    return str(shown["message"])


STILL = ["Ready True AsDeclared: ", "Reconciling False Idle: ", "Stalled False Moving: "]
MESS = application(
    source_error="no answer",
    suspended="a holiday",
    pin={"reason": "it died"},
    held={"kind": "window", "code": "HF2013", "reason": "a deny window"},
    is_declared=False,
    warnings=[{"reason": "NotHonoured", "message": "replicas", "origin": "app.yaml:9"}],
    render_warnings=[{"reason": "Renamed", "message": "a_b", "origin": "Procfile:1"}],
    resources={
        WEB: ResourceView(**WELL),
        DB: ResourceView(**{**WELL, "sync": "OutOfSync", "orphaned": "is no longer declared"}),
    },
)
STUCK = application(
    render_errors=[
        {"code": "HF1005", "message": "cannot read a", "where": [{"path": "a.yaml", "line": 3, "column": 7}, {"path": "b.yaml"}]},
        {"code": "HF1006", "message": "cannot read b", "where": [{"path": "b.yaml", "line": None}]},
        {"code": "HF1007", "message": "cannot read c", "where": []},
    ],
    refused=[{"id": "Process/shop/db", "reason": "is protected", "code": "HF2001", "origin": "db.yaml:2", "approve": "p"}],
    held={"kind": "exhausted", "code": "HF2016", "reason": "five times"},
    resources={
        DB: ResourceView(**WELL, contended="fights", origin="db.yaml:2"),
        WEB: ResourceView(**WELL, contended="fights too", origin="web.yaml:4"),
    },
)


def test_where_all_is_well_nothing_more_is_told() -> None:
    assert told(application()) == STILL
    assert said(application()) == ""


def test_every_note_is_told_in_order_with_its_place() -> None:
    assert told(MESS) == [
        "Ready False NotAsDeclared: ",
        "Reconciling False Idle: ",
        "Stalled False Moving: ",
        "SourceError True SourceFailed: no answer",
        "Suspended True Suspended: a holiday",
        "Pinned True RolledBack: it died",
        "Held True HF2013: a deny window",
        "Orphaned True ApplicationRemoved: its file was taken away; what it had stays",
        "OrphanedResource True NoLongerDeclared: Process/shop/db is no longer declared",
        "Warning True NotHonoured: replicas (app.yaml:9)",
        "Warning True Renamed: a_b (Procfile:1)",
    ]


def test_everything_that_stalls_is_told_in_order_with_its_place() -> None:
    assert told(STUCK, "disk full") == [
        "Ready False NotAsDeclared: ",
        "Reconciling False Idle: ",
        "Stalled True HF1005: ",
        "RenderError True HF1005: cannot read a (a.yaml:3:7)",
        "RenderError True HF1006: cannot read b (b.yaml)",
        "RenderError True HF1007: cannot read c",
        "Refused True HF2001: Process/shop/db is protected (db.yaml:2)",
        "RetryExhausted True HF2016: five times",
        "StoreError True StoreFailed: disk full",
        "Contended True Contended: Container/shop/web fights too (web.yaml:4)",
        "Contended True Contended: Process/shop/db fights (db.yaml:2)",
    ]


@pytest.mark.parametrize("kind", ["exhausted", "suspended", "pinned"])
def test_what_has_a_condition_of_its_own_is_not_held_as_well(kind: str) -> None:
    it = application(held={"kind": kind, "code": "HF2016", "reason": "why"})
    assert [line.split()[0] for line in told(it)][3:] == (["RetryExhausted"] if kind == "exhausted" else [])


@pytest.mark.parametrize(
    ("more", "ready"),
    [
        ({}, True),
        ({"operation": replace(OPERATION, phase="Running")}, False),
        ({"operation": OPERATION}, True),
        ({"pin": {"reason": "x"}}, False),
        ({"resources": {WEB: ResourceView(**{**WELL, "status": "Degraded"})}}, False),
        ({"resources": {WEB: ResourceView(**{**WELL, "sync": "OutOfSync"})}}, False),
    ],
)
def test_ready_is_synced_and_healthy_and_at_rest(more: dict[str, Any], ready: bool) -> None:
    assert told(application(**more))[0] == (STILL[0] if ready else "Ready False NotAsDeclared: ")


def test_an_operation_is_what_reconciling_means() -> None:
    assert told(application(operation=replace(OPERATION, phase="Running")))[1] == "Reconciling True OperationRunning: "


FAILED = replace(OPERATION, phase="Failed", message="one failed")


@pytest.mark.parametrize(
    ("it", "message"),
    [
        (STUCK, "cannot read a"),
        (replace(STUCK, render_errors=[]), "Process/shop/db is protected"),
        (MESS, "it died"),
        (replace(MESS, pin=None), "a holiday"),
        (replace(MESS, pin=None, suspended=None), "a deny window"),
        (replace(MESS, pin=None, suspended=None, held=None), "no answer"),
        (replace(STUCK, render_errors=[], refused=[]), "five times"),
        (replace(STUCK, render_errors=[], refused=[], held=None), "Container/shop/web fights too"),
        (application(desired_digest=None, source_error="no answer", operation=FAILED), "no answer"),
        (application(source_error="no answer", operation=replace(FAILED, message="")), "no answer"),
        (application(operation=FAILED), ""),
        (application(operation=replace(FAILED, phase="Running")), "one failed"),
        (application(operation=FAILED, resources={WEB: ResourceView(**{**WELL, "sync": "OutOfSync"})}), "one failed"),
        (application(operation=FAILED, resources={WEB: ResourceView(**{**WELL, "status": "Degraded", "message": "down"})}), "one failed"),
        (application(resources={WEB: ResourceView(**{**WELL, "status": "Degraded", "message": "down"})}), "down"),
    ],
)
def test_the_one_thing_to_say_is_what_stops_it_then_what_it_does_then_how_it_is(it: ApplicationView, message: str) -> None:
    assert said(it) == message


def test_a_store_that_fails_is_said_before_a_fight_and_after_a_spent_retry() -> None:
    assert said(replace(STUCK, render_errors=[], refused=[], held=None), "disk full") == "disk full"
    assert said(replace(STUCK, render_errors=[], refused=[]), "disk full") == "five times"


def test_the_document_holds_all_of_an_application() -> None:
    proof = ProofView(claim="answers", verdict="proven", proven_at=4.0, valid_for_s=6.0, evidence="200")
    resource = ResourceView(**WELL, live={"pid": 7}, proofs={"answers": proof}, declared="Container/shop/web", needs=["a"], wave=2)
    it = application(
        resources={WEB: resource}, operation=OPERATION, revision="r1", desired_revision="r2", pin={"reason": "x"}, suspended="y"
    )
    [shown] = status(View(applications={"shop": it}), 9.9)["applications"]
    assert {name: value for name, value in shown.items() if name not in ("conditions", "message")} == {
        "name": "shop",
        "revision": "r1",
        "desired_revision": "r2",
        "pinned": True,
        "suspended": True,
        "sync": "OutOfSync",
        "health": "Healthy",
        "operation": {
            "id": "op",
            "trigger": "commit",
            "phase": "Succeeded",
            "revision": "r2",
            "started_at": 1.0,
            "finished_at": 2.0,
            "message": "",
        },
        "orphans": None,
        "resources": [
            {
                "id": "Container/shop/web",
                "destination": "docker",
                "sync": "Synced",
                "health": "Healthy",
                "proofs": [{"claim": "answers", "verdict": "proven", "proven_at": 4.0, "evidence": "200"}],
                "message": "",
                "live": {"pid": 7},
                "origin": None,
                "declared": "Container/shop/web",
                "needs": ["a"],
                "wave": 2,
                "orphaned": False,
            }
        ],
    }
    assert status(View(applications={"shop": it}), 10.0)["applications"][0]["resources"][0]["proofs"][0]["verdict"] == "stale"
    [condition] = [one for one in shown["conditions"] if one["type"] == "Pinned"]
    assert condition == {"type": "Pinned", "status": True, "reason": "RolledBack", "message": "x", "origin": None}


def test_a_snapshot_of_the_whole_mess_reads_back() -> None:
    view = View(seq=7, at=3.0, applications={"shop": replace(MESS, operation=OPERATION), "blog": STUCK}, store_error="disk full")
    data = to_json(view)
    assert from_json(data) == view
    assert [*data["applications"]] == ["blog", "shop"]
    assert data["applications"]["shop"]["operation"]["id"] == "op"
    assert data["applications"]["blog"]["operation"] is None


def orphans(**more: object) -> dict[str, object]:
    found = [{"id": f"ConfigMap/shop/{name}", "destination": "k"} for name in "abcdefg"]
    return {"namespace": "shop", "warn": True, "count": 9, "found": found, "unknown": [], **more}


def warned(**more: object) -> list[tuple[str, str]]:
    it = application(orphans=orphans(**more))
    [shown] = status(View(applications={"shop": it}), 9.9)["applications"]
    assert shown["orphans"] == orphans(**more)
    assert all(one["status"] is True for one in shown["conditions"] if one["type"] == "OrphanedResourceWarning")
    return [(one["reason"], one["message"]) for one in shown["conditions"] if one["type"] == "OrphanedResourceWarning"]


def test_orphans_are_a_warning_that_names_the_first() -> None:
    names = ", ".join(f"ConfigMap/shop/{name}" for name in "abcde")
    assert warned() == [("OrphanedResources", f"no Application has {names} and 4 more")]
    assert warned(count=5) == [("OrphanedResources", f"no Application has {names}")]
    assert warned(warn=False) == []
    assert warned(count=0, found=[]) == []


def test_what_could_not_be_listed_is_a_warning_too() -> None:
    secrets = {"kind": "Secret", "reason": "forbidden"}
    assert warned(count=0, found=[], unknown=[secrets]) == [
        ("NotListed", "it is not known what nobody has of Secret in namespace shop: forbidden")
    ]
    maps = {"kind": "ConfigMap", "reason": "no answer"}
    assert "of ConfigMap, Secret in namespace shop: no answer" in warned(count=0, found=[], unknown=[maps, secrets])[0][1]
    everything = {"kind": "*", "reason": "connection refused"}
    assert warned(count=0, found=[], unknown=[everything])[0][1].startswith("it is not known what nobody has of its kinds in namespace")
    many = [{"kind": f"Kind{number}", "reason": "forbidden"} for number in range(7)]
    assert "Kind4 and 2 more kinds in" in warned(count=0, found=[], unknown=many)[0][1]


def test_each_of_several_sources_stands_at_its_own_commit() -> None:
    """Two of them follow the same branch of one repository, which is one commit."""
    sources = [
        {"repository": repository, "path": path, "target_revision": branch}
        for repository, path, branch in (("/a", "one", "main"), ("/b", "", "main"), ("/a", "two", "main"), ("/a", "one", "next"))
    ]
    one, two, three = (letter * 40 for letter in "abc")
    it = application(sources=sources, revision=f"{one}+{two}+{three}")
    assert it.commits_at(it.revision) == [one, two, one, three]
    for other in (None, one, f"{one}+{two}", f"{one}+{two}+{three}+{one}"):
        assert it.commits_at(other) == [None] * 4
    [shown] = status(View(applications={"shop": it}), 9.9)["applications"]
    assert shown["sources"] == [{**source, "revision": commit} for source, commit in zip(sources, (one, two, one, three), strict=True)]
    [plain] = status(View(applications={"shop": application()}), 9.9)["applications"]
    assert "sources" not in plain
