"""The command line against the real program: with a daemon, without one, and on what cannot be."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest
from tests.real.house import HOLDFAST, LIMIT_S, PROCESSES, WEB, House, house

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]


@pytest.fixture
def shop() -> Iterator[House]:
    with house() as it:
        yield it


def test_every_look_says_the_same_with_a_daemon_and_without_one(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    looks = (("status",), ("status", "shop"), ("tree", "shop"), ("history", "shop"), ("events", "shop", "--since", "0"))
    shop.happened("claim.proven")
    with_daemon = [shop.answer(*words) for words in looks]
    logs = shop.answer("logs", "shop")
    assert shop.end() == 0
    for words, there in zip(looks, with_daemon, strict=True):
        gone = shop.answer(*words)
        assert gone["kind"] == there["kind"]
        if words[0] in ("status", "tree"):
            assert [strip(each) for each in gone["data"]["applications"]] == [strip(each) for each in there["data"]["applications"]]
        else:
            told = [event["seq"] for event in there["data"]["events"]]
            assert [event["seq"] for event in gone["data"]["events"]][: len(told)] == told
    assert logs["data"]["lines"]
    assert shop.answer("logs", "shop")["data"]["lines"][0] == logs["data"]["lines"][0]
    assert "last recorded" in shop.run("status", "--state", str(shop.state)).stderr


def strip(application: dict[str, object]) -> dict[str, object]:
    return {name: application[name] for name in ("name", "revision", "sync", "health", "pinned", "message")}


def test_files_are_planned_rendered_and_compared_without_a_daemon(shop: House) -> None:
    first = shop.web()
    branch = shop.git("checkout", "-q", "-b", "feature")
    assert branch == ""
    shop.web("2", replicas=3)
    shop.git("checkout", "-q", "main")
    file = ("--file", str(shop.file))
    plan = shop.run("plan", *file, "--state", str(shop.state), expect=2)
    assert f"shop at {first[:10]}: 1 to create" in plan.stdout
    assert [it["id"] for it in shop.answer("render", *file)["data"]["resources"]] == ["Process/shop/web"]
    replicas = shop.answer("render", *file, "--revision", "feature")["data"]["resources"]
    assert [it["id"] for it in replicas] == [f"Process/shop/web.{number}" for number in range(3)]
    assert "+++ Process/shop/web" in shop.run("diff", *file, "--state", str(shop.state), expect=2).stdout
    missing = shop.answer("plan", *file, "--revision", "nowhere", expect=1)
    assert missing["kind"] == "Error"
    assert not (shop.state / "run" / "api.sock").exists()


def test_five_errors_are_shown_as_five_with_their_places(shop: House) -> None:
    broken = "".join(
        f"---\napiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {{ name: p{number} }}\nspec:\n  comand: [x]\n"
        for number in range(5)
    )
    shop.commit("broken", processes_yaml=broken)
    ran = shop.run("render", "--file", str(shop.file), "--state", str(shop.state), expect=1)
    assert ran.stdout == ""
    assert ran.stderr.count("did you mean command?") == 5
    assert ran.stderr.count(" |   comand: [x]") == 5
    document = shop.answer("render", "--file", str(shop.file), expect=1)
    assert len(document["data"]["errors"]) >= 5
    assert {part["where"][0]["path"] for part in document["data"]["errors"]} == {"processes.yaml"}


def test_init_writes_a_file_that_up_can_use(shop: House) -> None:
    (shop.repository / "Procfile").write_text("worker: sleep 600\n")
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "--message", "a Procfile")
    shop.run("init", str(shop.repository), "--name", "shop")
    document = shop.answer("up", "--file", str(shop.repository / "application.yaml"), "--once", "--timeout", "30s")
    assert document["kind"] == "Status"
    assert [(it["name"], it["health"]) for it in document["data"]["applications"]] == [("shop", "Healthy")]
    assert shop.run("down", "--state", str(shop.state)).stdout.startswith("shop: manual Succeeded: 1 applied")


def test_a_missing_file_folder_or_repository_is_told_and_nothing_is_done(shop: House) -> None:
    for words in (("up", "--file", "nowhere.yaml"), ("plan", "--file", "nowhere.yaml"), ("render", "nowhere")):
        document = shop.answer(*words, expect=None)
        assert document["kind"] == "Error", words
        assert "nowhere" in document["data"]["message"]


def test_a_removal_that_is_refused_changes_nothing_with_a_daemon_or_without(shop: House) -> None:
    protected = "{ name: web, annotations: { argocd.argoproj.io/sync-options: Prune=confirm } }"
    shop.commit("protected", processes_yaml=PROCESSES.format(port=shop.port, replicas=1).replace("{ name: web }", protected), web_py=WEB)
    shop.up()
    shop.well()
    refused = [shop.answer("down", "shop", expect=5)]
    shop.end()
    refused.append(shop.answer("down", "shop", expect=5))
    assert [document["data"]["code"] for document in refused] == ["HF2006", "HF2006"]
    assert shop.answer("status", "shop")["data"]["applications"][0]["suspended"] is False
    approve = refused[0]["data"]["hint"].rpartition(" ")[2]
    assert shop.answer("down", "shop", "--approve", approve)["data"]["operation"]["phase"] == "Succeeded"


BUSY = """\
import subprocess, sys
held = b"x" * (40 << 20)
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
print("busy", len(held), flush=True)
child.wait()
"""
BUSY_PROCESS = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: { name: busy }
spec: { command: [python3, busy.py] }
"""


def test_top_measures_processes_with_all_that_they_started(shop: House) -> None:
    shop.well_at(shop.commit("busy", busy_py=BUSY, processes_yaml=BUSY_PROCESS))
    shop.until("it is busy", lambda: bool(shop.answer("logs", "busy")["data"]["lines"]))
    (found,) = shop.answer("top", "busy")["data"]["processes"]
    assert found["id"] == "Process/shop/busy"
    assert found["usage"]["memory"] >= 40 << 20
    assert (found["usage"]["pids"], found["usage"]["cpus"] > 0) == (2, True)
    text = shop.run("top", "--state", str(shop.state)).stdout.splitlines()
    assert (text[0].split()[0], text[1].split()[0]) == ("NAME", "shop/busy")
    done = shop.run("top", "bussy", "--state", str(shop.state), expect=64)
    assert "no Application, Process or Container has that name" in done.stderr
    assert "did you mean busy?" in done.stderr


def test_following_logs_shows_what_a_process_writes(shop: House) -> None:
    shop.web()
    shop.up()
    shop.well()
    command = [*HOLDFAST, "logs", "shop", "--follow", "--jsonl", "--state", str(shop.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["data"]["text"] == "serving 1"
        shop.ask()
        line = json.loads(following.stdout.readline())
        while "GET / HTTP" not in line["data"]["text"]:
            line = json.loads(following.stdout.readline())
        assert (line["kind"], line["data"]["source"]) == ("LogLine", "Process/shop/web")
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=LIMIT_S)
    assert following.returncode == 130


BY_HAND = "  syncPolicy: { automated: { prune: true, selfHeal: true } }"
PAIR = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec: {{ command: [sleep, "{version}"] }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: worker }}
spec: {{ command: [sleep, "{version}"] }}
"""


def test_a_part_is_planned_and_synced_alone_and_the_revision_stays_until_all_is(shop: House) -> None:
    shop.file.write_text(shop.file.read_text().replace(BY_HAND, "  syncPolicy: {}"))
    first = shop.commit("first", processes_yaml=PAIR.format(version=1001))
    shop.up()
    assert shop.answer("sync", "shop")["data"]["operation"]["phase"] == "Succeeded"
    before = {name: shop.pid(f"Process/shop/{name}") for name in ("web", "worker")}
    second = shop.commit("second", processes_yaml=PAIR.format(version=1002))
    (planned,) = shop.answer("plan", "shop", "--resource", ":Process:web", expect=2)["data"]["applications"]
    assert [it["id"] for it in planned["changes"]] == ["Process/shop/web"]
    wrong = shop.answer("sync", "shop", "--resource", "Process/shop/wep", expect=64)
    assert (wrong["data"]["code"], wrong["data"]["hint"]) == ("HF6010", "did you mean Process/shop/web?")
    done = shop.answer("sync", "shop", "--resource", "Process/shop/web", "--approve", planned["digest"])["data"]["operation"]
    assert (done["phase"], [it["id"] for it in done["outcomes"]]) == ("Succeeded", ["Process/shop/web"])
    after = {name: shop.pid(f"Process/shop/{name}") for name in ("web", "worker")}
    assert after["web"] != before["web"]
    assert after["worker"] == before["worker"]
    told = shop.application()
    assert (told["revision"], told["sync"]) == (first, "OutOfSync")
    shop.answer("sync", "shop", "--resource", "!Process/shop/web")
    shop.reach("the whole stands", lambda it: (it["revision"], it["sync"]) == (second, "Synced"))
