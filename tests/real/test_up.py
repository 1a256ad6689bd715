"""`holdfast up` as a user has it: a real repository, the real program, real processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest
from tests.real.house import APPLICATION, House, house, runs

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]
WEB = "Process/shop/web"


@pytest.fixture
def shop() -> Iterator[House]:
    with house() as it:
        yield it


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_commit_is_brought_up_healed_rolled_out_and_rolled_back(shop: House) -> None:
    first = shop.web("1", replicas=2)
    shop.up()
    shop.well(first)
    assert shop.ask()["version"] == "1"
    shop.happened("claim.proven")

    victim = shop.pid(f"{WEB}.0")
    after = shop.newest()
    os.kill(victim, signal.SIGKILL)
    started = shop.happened("process.started", f"{WEB}.0", after)
    assert started["data"]["pid"] != victim
    shop.well()

    second = shop.web("2", replicas=2)
    shop.well(second)
    assert {shop.ask()["version"] for _ in range(10)} == {"2"}

    bad = shop.commit("a mistake", web_py="raise SystemExit('no')\n")
    pinned = shop.reach("pinned", lambda it: it["pinned"] and it["desired_revision"] == bad and not runs(it))
    assert pinned["sync"] == "OutOfSync"
    assert pinned["health"] == "Healthy"
    assert shop.ask()["version"] == "2"

    third = shop.web("3", replicas=2)
    assert shop.well(third)["pinned"] is False
    assert shop.ask()["version"] == "3"


def test_children_outlive_the_daemon_and_the_next_one_adopts_them(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    assert shop.end() == 0
    assert "keep running without a daemon" in shop.log.read_text()
    assert is_alive(pid)
    assert shop.ask()["pid"] == pid
    shop.up()
    shop.well()
    assert shop.pid(WEB) == pid


def test_a_child_that_died_without_a_daemon_is_started_by_the_next(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    shop.end()
    os.kill(pid, signal.SIGKILL)
    shop.up()
    shop.reach("a new process", lambda it: bool(it["resources"]) and (it["resources"][0]["live"] or {}).get("pid") not in (None, pid))
    shop.well()


def test_a_killed_daemon_loses_nothing(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    shop.end(signal.SIGKILL)
    assert is_alive(pid)
    shop.up()
    shop.well()
    assert shop.pid(WEB) == pid


def test_down_takes_all_away_and_a_second_up_keeps_it_so(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    done = shop.answer("down", "shop")
    assert done["data"]["operation"]["phase"] == "Succeeded"
    assert not is_alive(pid)
    assert shop.application()["suspended"] is True


def test_down_works_without_a_daemon(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    shop.end()
    assert shop.answer("down", "shop")["data"]["operation"]["phase"] == "Succeeded"
    assert not is_alive(pid)


def test_once_ends_when_all_is_well_and_leaves_the_children(shop: House) -> None:
    commit = shop.web()
    done = shop.run("up", "--file", str(shop.file), "--state", str(shop.state), "--once", "--json")
    [it] = json.loads(done.stdout)["data"]["applications"]
    assert (it["sync"], it["health"], it["revision"]) == ("Synced", "Healthy", commit)
    assert [proof["verdict"] for each in it["resources"] for proof in each["proofs"]] == ["proven"]
    assert is_alive(it["resources"][0]["live"]["pid"])
    status = shop.answer("status", "shop")
    assert status["data"]["applications"][0]["sync"] == "Synced"


def test_once_says_that_a_repository_cannot_be_read(shop: House) -> None:
    shop.file.write_text(APPLICATION.format(name="shop", repository=shop.folder / "nowhere"))
    done = shop.run("up", "--file", str(shop.file), "--state", str(shop.state), "--once", "--json", expect=1)
    [it] = json.loads(done.stdout)["data"]["applications"]
    assert "nowhere" in it["message"]


def test_once_tells_every_error_of_a_broken_tree_with_its_place(shop: House) -> None:
    shop.commit("broken", processes_yaml="apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {name: web}\nspec: {comand: [x]}\n")
    done = shop.run("up", "--file", str(shop.file), "--state", str(shop.state), "--once", "--json", expect=1)
    [it] = json.loads(done.stdout)["data"]["applications"]
    origins = [each["origin"] for each in it["conditions"] if each["type"] == "RenderError"]
    assert origins
    assert all(origin.startswith("processes.yaml:4:") for origin in origins)
    assert it["resources"] == []


def test_a_broken_commit_leaves_what_runs(shop: House) -> None:
    good = shop.web()
    shop.up()
    shop.well(good)
    pid = shop.pid(WEB)
    shop.commit("broken", processes_yaml="apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {name: web}\nspec: 1\n")
    shop.happened("render.failed")
    it = shop.application()
    assert it["revision"] == good
    assert shop.pid(WEB) == pid


def test_a_second_daemon_on_the_state_folder_is_refused(shop: House) -> None:
    shop.web()
    shop.up()
    done = shop.run("up", "--file", str(shop.file), "--state", str(shop.state), "--json", expect=75)
    assert json.loads(done.stdout)["data"]["code"] == "HF8020"


def test_an_application_whose_file_goes_leaves_visible_orphans(shop: House) -> None:
    shop.web()
    other = shop.folder / "other.yaml"
    (shop.folder / "empty").mkdir()
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    shop.file.rename(other)
    shop.happened("source.failed")
    assert is_alive(pid)
    text = shop.file.with_name("other.yaml").read_text()
    shop.file.write_text(text.replace("name: shop", "name: second"))
    shop.happened("application.removed")
    assert is_alive(pid)
    assert any(each["type"] == "Orphaned" for each in shop.application()["conditions"])


def test_with_the_finalizer_all_goes_with_the_file(shop: House) -> None:
    shop.web()
    text = shop.file.read_text()
    shop.file.write_text(text.replace("name: shop", "name: shop\n  finalizers: [resources-finalizer.argocd.argoproj.io]", 1))
    shop.up()
    shop.well()
    pid = shop.pid(WEB)
    shop.file.write_text(text.replace("name: shop", "name: second"))
    shop.happened("application.removed", "Application/shop")
    assert not is_alive(pid)


def test_removing_a_process_prunes_it_and_says_so(shop: House) -> None:
    shop.web()
    worker = "apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {name: worker}\nspec: {command: [sleep, '1000']}\n"
    both = shop.commit("and a worker", worker_yaml=worker)
    shop.up()
    shop.well(both)
    pid = shop.pid("Process/shop/worker")
    shop.commit("no worker", worker_yaml=None)
    shop.happened("resource.pruned", "Process/shop/worker")
    assert not is_alive(pid)
    shop.well()


def test_plan_says_what_would_change_without_touching_anything(shop: House) -> None:
    shop.web(replicas=2)
    done = shop.run("plan", "--file", str(shop.file), "--state", str(shop.state), "--json", expect=2)
    [it] = json.loads(done.stdout)["data"]["applications"]
    assert [(each["id"], each["verb"], each["reason"]) for each in it["changes"]] == [
        (f"{WEB}.0", "create", "declared"),
        (f"{WEB}.1", "create", "declared"),
    ]
    assert not shop.state.exists()


def test_plan_against_what_runs_is_empty_and_exits_0(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    shop.end()
    done = shop.run("plan", "--file", str(shop.file), "--state", str(shop.state), "--json", expect=0)
    [it] = json.loads(done.stdout)["data"]["applications"]
    assert (it["changes"], it["unchanged"]) == ([], 1)


def test_a_code_change_rolls_what_it_concerns(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    before = shop.pid(WEB)
    commit = shop.commit("notes only", README_md="hello\n")
    shop.well(commit)
    assert shop.pid(WEB) != before
