"""Hooks of an Application that runs, on a real API server: Jobs are brought to their end by its real controllers."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, name_of

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: [CreateNamespace=true]
    retry: {{ limit: 0 }}
"""
HOOK, POLICY = "argocd.argoproj.io/hook", "argocd.argoproj.io/hook-delete-policy"


@pytest.fixture
def house(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[House]:
    with house_on(cluster, name_of(request)) as house:
        house.file.write_text(APPLICATION.format(name=house.name, repository=house.repository))
        yield house


def config(name: str, **data: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def job(name: str, phase: str, *, policy: str = "", is_stuck: bool = False, lasts_s: int = 0, **more: Any) -> str:
    """Return a hook whose pod ends well at once; where it is stuck no node takes it, and its deadline of `lasts_s` passes."""
    annotations = {HOOK: phase, **({POLICY: policy} if policy else {})}
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "containers": [{"name": "run", "image": "run:1", "env": [{"name": "A", "value": name}]}],
    }
    if is_stuck:
        pod["nodeSelector"] = {"no": "node"}
    spec: dict[str, Any] = {"backoffLimit": 0, "template": {"spec": pod}, **({"activeDeadlineSeconds": lasts_s} if lasts_s else {})}
    metadata = {**({} if "generateName" in more else {"name": name}), **more, "annotations": annotations}
    return json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})


def there(cluster: Cluster, house: House, name: str, kind: str = "jobs", group: str = "apis/batch/v1") -> dict[str, Any] | None:
    status, body = cluster.ask("GET", f"/{group}/namespaces/{house.name}/{kind}/{name}")
    return body if status == 200 else None


def uid(cluster: Cluster, house: House, name: str) -> str | None:
    found = there(cluster, house, name)
    return found["metadata"]["uid"] if found else None


def put(house: House, subject: str, **files: str | None) -> str:
    return house.commit(subject, **{f"{name}_yaml": text for name, text in files.items()})


def ended(house: House, after: int = 0) -> list[str]:
    """Return the hooks that ended, in order."""
    events = house.client.get("/v1/events", after=after, limit=500)["data"]["events"]
    return [f"{each['data']['phase']} {each['subject'].rpartition('/')[2]}" for each in events if each["type"] == "hook.ended"]


def order(house: House) -> list[str]:
    """Return what was applied and what ran, in order."""
    events = house.client.get("/v1/events", after=0, limit=500)["data"]["events"]
    return [each["subject"].rpartition("/")[2] for each in events if each["type"] in ("hook.ended", "change.applied")]


def test_phases_come_in_their_order_and_each_sync_runs_them_anew(cluster: Cluster, house: House) -> None:
    put(
        house,
        "first",
        post=job("post", "PostSync"),
        pre=job("pre", "PreSync"),
        during=job("during", "Sync"),
        fail=job("fail", "SyncFail"),
        helm=job("helm", "PreSync").replace(f'"{HOOK}": "PreSync"', '"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "-1"'),
        a=config("a", of="1"),
    )
    house.up()
    house.well()
    house.until("it ends", lambda: len(ended(house)) == 4)
    assert order(house)[:2] == ["helm", "pre"]
    assert order(house)[-1] == "post"
    assert sorted(order(house)[2:4]) == ["a", "during"]
    first = uid(cluster, house, "pre")
    assert "pre" not in str(house.application()["resources"])
    cluster.ask("DELETE", f"/apis/batch/v1/namespaces/{house.name}/jobs/post?propagationPolicy=Background")
    path = f"/api/v1/namespaces/{house.name}/configmaps/a"
    cluster.ask("PATCH", path, {"data": {"of": "hand"}}, kind="application/merge-patch+json")
    house.until("the drift is healed", lambda: cluster.ask("GET", path)[1]["data"]["of"] == "1")
    assert uid(cluster, house, "pre") == first  # a heal is no sync
    house.until("a hook is gone, and nobody minds", lambda: there(cluster, house, "post") is None)
    house.well(put(house, "second", a=config("a", of="2")))
    house.until("all ran again", lambda: len(ended(house)) == 8)
    assert uid(cluster, house, "pre") not in (None, first)
    assert there(cluster, house, "post") is not None
    assert there(cluster, house, "fail") is None


def test_a_hook_that_fails_stops_what_comes_after_and_says_why(cluster: Cluster, house: House) -> None:
    put(
        house,
        "first",
        pre=job("pre", "PreSync", is_stuck=True, lasts_s=1),
        fail=job("fail", "SyncFail"),
        post=job("post", "PostSync"),
        a=config("a"),
    )
    house.up()
    failed = house.happened("operation.failed")
    assert "PreSync" in str(failed["data"])
    assert "pre.yaml:1" in str(failed["data"])
    assert "deadline" in str(failed["data"]).lower()
    assert ended(house) == ["PreSync pre", "SyncFail fail"]
    assert there(cluster, house, "a", "configmaps", "api/v1") is None
    house.well(put(house, "mended", pre=job("pre", "PreSync")))
    house.until("it ends", lambda: ended(house)[2:] == ["PreSync pre", "PostSync post"])


def test_when_a_hook_goes_again(cluster: Cluster, house: House) -> None:
    put(
        house,
        "first",
        good=job("good", "PreSync", policy="HookSucceeded"),
        kept=job("kept", "PreSync", policy="HookFailed"),
        bad=job("bad", "PostSync", policy="HookFailed", is_stuck=True, lasts_s=1),
        a=config("a"),
    )
    house.up()
    house.happened("operation.failed")
    house.until("what failed goes", lambda: there(cluster, house, "bad") is None)
    assert there(cluster, house, "good") is None
    assert there(cluster, house, "kept") is not None


def test_a_plan_says_which_hooks_would_run(cluster: Cluster, house: House) -> None:
    before = job("early", "PreSync", policy="HookSucceeded").replace(
        '"annotations": {', '"annotations": {"argocd.argoproj.io/sync-wave": "-1", '
    )
    put(
        house,
        "first",
        early=before,
        pre=job("pre", "PreSync"),
        post=job("post", "PostSync"),
        last=job("last", "PreDelete"),
        a=config("a", of="1"),
    )
    house.up()
    house.well()
    house.until("all ran", lambda: len(ended(house)) == 3)

    def planned(*words: str, expect: int) -> list[tuple[str, str, bool, list[str]]]:
        (plan,) = house.answer("plan", house.name, *words, expect=expect)["data"]["applications"]
        return [(each["phase"], each["id"].rpartition("/")[2], each["runs"], each["delete"]) for each in plan["hooks"]]

    def hooks(*, run: bool) -> list[tuple[str, str, bool, list[str]]]:
        usual = ["BeforeHookCreation"]
        due = [("PreSync", "early", run, ["HookSucceeded"]), ("PreSync", "pre", run, usual), ("PostSync", "post", run, usual)]
        return [*due, ("PreDelete", "last", False, usual)]

    assert planned(expect=0) == hooks(run=False)
    house.git("checkout", "--quiet", "-b", "feature")
    put(house, "otherwise", a=config("a", of="2"))
    house.git("checkout", "--quiet", "main")
    assert planned("--revision", "feature", expect=2) == hooks(run=True)
    words = house.run("plan", house.name, "--revision", "feature", "--markdown", "--state", str(house.state), expect=2).stdout
    assert f"| PreSync | `batch/Job/{house.name}/early` | wave -1; deleted when it succeeds | `early.yaml:1` |" in words
    assert len(ended(house)) == 3, "a plan runs nothing"
    house.git("merge", "--quiet", "feature")
    house.until("just those run", lambda: ended(house)[3:] == ["PreSync early", "PreSync pre", "PostSync post"])


def test_a_hook_without_a_name_has_one_of_its_own_in_each_sync(cluster: Cluster, house: House) -> None:
    put(house, "first", run=job("run", "PreSync", generateName="run-"), a=config("a", of="1"))
    house.up()
    house.well()
    house.well(put(house, "second", a=config("a", of="2")))
    house.until("both ran", lambda: len(ended(house)) == 2)
    _, jobs = cluster.ask("GET", f"/apis/batch/v1/namespaces/{house.name}/jobs")
    names = [each["metadata"]["name"] for each in jobs["items"]]
    assert len(names) == 2
    assert all(name.startswith("run-") and "-presync-" in name for name in names)


def test_an_edit_of_a_hook_alone_runs_it(cluster: Cluster, house: House) -> None:
    put(house, "first", pre=job("pre", "PreSync"), a=config("a"))
    house.up()
    house.well()
    house.until("it ran", lambda: len(ended(house)) == 1)
    put(house, "second", pre=job("pre", "PreSync", lasts_s=60))
    house.until("it ran again", lambda: len(ended(house)) == 2)
    assert (there(cluster, house, "pre") or {})["spec"]["activeDeadlineSeconds"] == 60


def test_a_daemon_that_is_killed_waits_for_the_hook_that_runs(cluster: Cluster, house: House) -> None:
    stuck = job("stuck", "PreSync", is_stuck=True, lasts_s=600)
    put(
        house,
        "first",
        one=job("one", "PreSync").replace('"annotations": {', '"annotations": {"argocd.argoproj.io/sync-wave": "-1", '),
        stuck=stuck,
        a=config("a"),
    )
    house.up()
    house.until("the second hook runs", lambda: there(cluster, house, "stuck") is not None)
    before = uid(cluster, house, "one"), uid(cluster, house, "stuck")

    house.end(signal.SIGKILL)
    house.up()
    house.until(
        "it looked again",
        lambda: (
            len([1 for each in house.client.get("/v1/events", after=0, limit=500)["data"]["events"] if each["type"] == "operation.started"])
            == 2
        ),
    )
    for number in range(2):
        cluster.ask("PATCH", f"/api/v1/nodes/node-{number}", {"metadata": {"labels": {"no": "node"}}}, kind="application/merge-patch+json")
    try:
        house.well()
    finally:
        for number in range(2):
            cluster.ask(
                "PATCH", f"/api/v1/nodes/node-{number}", {"metadata": {"labels": {"no": None}}}, kind="application/merge-patch+json"
            )
    assert (uid(cluster, house, "one"), uid(cluster, house, "stuck")) == before
    assert ended(house) == ["PreSync one", "PreSync stuck"]


def test_a_commit_does_not_wait_for_a_hook_that_cannot_start(cluster: Cluster, house: House) -> None:
    put(house, "first", pre=job("pre", "PreSync", is_stuck=True), a=config("a"))
    house.up()
    house.until("it hangs", lambda: there(cluster, house, "pre") is not None)
    house.well(put(house, "mended", pre=job("pre", "PreSync")))
    assert ended(house) == ["PreSync pre"]


def test_when_the_application_goes(cluster: Cluster, house: House) -> None:
    put(house, "first", before=job("before", "PreDelete"), after=job("after", "PostDelete"), pre=job("pre", "PreSync"), a=config("a"))
    house.up()
    house.well()
    house.until("it ran", lambda: ended(house) == ["PreSync pre"])
    house.run("down", house.name, "--state", str(house.state))
    assert ended(house) == ["PreSync pre", "PreDelete before", "PostDelete after"]
    gone = order(house)
    assert gone.index("before") < len(gone) - 1 - gone[::-1].index("a") < gone.index("after")
    assert [there(cluster, house, name) for name in ("before", "after", "pre")] == [None, None, None]


def test_a_failed_hook_keeps_what_is_to_go(cluster: Cluster, house: House) -> None:
    put(house, "first", before=job("before", "PreDelete", is_stuck=True, lasts_s=1), a=config("a"))
    house.up()
    house.well()
    house.run("down", house.name, "--state", str(house.state), expect=1)
    assert there(cluster, house, "a", "configmaps", "api/v1") is not None
