"""Private by default, with the whole program: a real Redis that only who needs it reaches, proven, opened by somebody, and told of."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.real.house import House, house
from tests.real.namespace import Namespace, namespace

from holdfast.host.vantage import look_from
from holdfast.model.vantage import Sight, Target, Vantage

pytestmark = [pytest.mark.real, pytest.mark.needs("root", "ip", "nft", "nsenter", "redis-server", "redis-cli")]

STRANGER = 65534
PORT = 6379
DB = "Process/shop/db"
CLOSED, OPENED = f"port {PORT} is closed to everybody else", f"port {PORT} is open to Process/shop/web"
WEB = """\
import errno, json, os, socket, time
def word(port):
    with socket.socket() as it:
        it.settimeout(5)
        try:
            it.connect(("127.0.0.1", port))
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
        it.sendall(b"PING\\r\\n")
        return it.recv(100).decode().strip()
with open(os.path.join(os.environ["HOLDFAST_DATA_DIR"], "told.new"), "w") as file:
    json.dump(dict(db=word(6379), other=word(6399), uid=os.getuid()), file)
os.rename(file.name, file.name.removesuffix(".new") + ".json")
while True:
    time.sleep(1000)
"""
PROCESSES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: db }}
spec:
  command: [redis-server, --port, "6379", --bind, {bind}, --save, "", --appendonly, "no", --daemonize, "no", --enable-debug-command, "no"]
  port: 6379
  minReady: 100ms
  network: {{ {network} }}
  probes: {{ readiness: {probe} }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [python3, web.py]
  needs: [db]
  minReady: 100ms
  env: {{ TURN: "{turn}" }}
  network: {{ connect: []{more} }}
"""


@pytest.fixture
def home() -> Iterator[Namespace]:
    with namespace() as it:
        yield it


@pytest.fixture
def shop(home: Namespace) -> Iterator[House]:
    with house() as it:
        it.within = ("nsenter", f"--net={home.path}")
        yield it


def commit(
    shop: House, turn: int = 1, *, bind: str = "127.0.0.1", network: str = "", probe: str = "{ tcp: {} }", more: str = "", extra: str = ""
) -> str:
    text = PROCESSES.format(bind=bind, network=network, probe=probe, more=more, turn=turn)
    return shop.commit(f"turn {turn}", web_py=WEB, processes_yaml=text + extra)


def proofs(it: dict[str, Any], id: str = DB) -> dict[str, str]:
    """Return the verdicts of a resource by claim."""
    return next(({proof["claim"]: proof["verdict"] for proof in each["proofs"]} for each in it["resources"] if each["id"] == id), {})


def conditions(it: dict[str, Any], type: str) -> list[str]:
    return [condition["message"] for condition in it["conditions"] if condition["type"] == type]


def sights(home: Namespace, *uids: int, host: str = "127.0.0.1") -> list[Sight]:
    targets = (Target(host=host, port=PORT),)
    vantages = [Vantage(name=str(uid), targets=targets, network=str(home.path), uid=uid, gid=uid) for uid in uids]
    return [seen[0].sight for seen in asyncio.run(look_from(vantages, timeout_s=3.0))]


def told(shop: House) -> dict[str, Any]:
    path = shop.state / "data" / "shop" / "told.json"
    shop.until("the web program's word", path.exists)
    return dict(json.loads(path.read_text()))


def is_proven(it: dict[str, Any]) -> bool:
    found = proofs(it)
    return found.get(CLOSED) == found.get(OPENED) == "proven"


def test_a_database_is_closed_to_all_but_those_that_need_it_and_who_opens_it_is_told_of(shop: House, home: Namespace) -> None:
    shop.well_at(commit(shop))
    it = shop.reach("proofs of a closed database", is_proven)
    assert conditions(it, "Exposed") == []
    word = told(shop)
    assert (word["db"], word["other"]) == ("+PONG", "EACCES"), "what it needs it reaches, and nothing else"
    assert sights(home, STRANGER, word["uid"], 0) == [Sight.REFUSED, Sight.OPEN, Sight.OPEN]
    evidence = next(event for event in shop.client.get("/v1/events")["data"]["events"] if event["data"].get("claim") == CLOSED)
    assert f"uid {STRANGER} at 127.0.0.1:{PORT}: refused" in evidence["data"]["evidence"]
    assert "3 proven" in shop.run("status", "--state", str(shop.state)).stdout

    # Somebody has the running server listen for everybody: its port rules allow the port, nftables still close it to strangers.
    home.run("redis-cli", "-p", str(PORT), "config", "set", "bind", "0.0.0.0")
    assert sights(home, STRANGER, host="192.0.2.77") == [Sight.REFUSED]
    commit(shop, 2)
    opened = shop.reach("the refuted claim", lambda it: proofs(it).get(CLOSED) == "refuted")
    assert opened["health"] == "Degraded"
    (words,) = conditions(opened, "Exposed")
    assert f"this host at 192.0.2.77:{PORT}" in words
    assert shop.answer("status", expect=0)["data"]["applications"][0]["health"] == "Degraded"
    assert "Exposed" in shop.run("status", "--state", str(shop.state)).stdout
    event = shop.happened("claim.refuted", f"{DB}")
    assert event["data"]["claim"] == CLOSED

    home.run("redis-cli", "-p", str(PORT), "config", "set", "bind", "127.0.0.1")
    closed = shop.reach("the proof again", lambda it: proofs(it).get(CLOSED) == "proven" and it["health"] == "Healthy")
    assert conditions(closed, "Exposed") == []


def test_rules_that_somebody_takes_away_come_back(shop: House, home: Namespace) -> None:
    shop.well_at(commit(shop))
    table = next(line.split()[2] for line in home.run("nft", "list", "tables").splitlines() if "holdfast" in line)
    after = shop.newest()
    home.run("nft", "flush", "table", "inet", table)
    shop.happened("resource.healed", "PortGuard/shop/db", after)
    assert sights(home, STRANGER) == [Sight.REFUSED]
    shop.client.work("/v1/down", lambda event: None, application="shop")
    assert "holdfast" not in home.run("nft", "list", "tables")


def test_a_database_that_is_down_is_not_proven_closed(shop: House, home: Namespace) -> None:
    """Nothing answers: a claim that it is closed is neither proven nor refuted, and says so."""
    shop.well_at(commit(shop))
    shop.reach("proofs", is_proven)
    home.run("nft", "add table inet wall; add chain inet wall output { type filter hook output priority -5; }")
    home.run("nft", "add rule inet wall output tcp dport 6379 drop")
    commit(shop, 2, probe="{ exec: { command: ['true'] } }")
    it = shop.reach("an unknown verdict", lambda it: proofs(it).get(CLOSED) == "unknown")
    assert "proves nothing" in conditions(it, "Unproven")[0]
    assert conditions(it, "Exposed") == []
    home.run("nft", "delete", "table", "inet", "wall")


NETWORK = """\
---
apiVersion: holdfast.dev/v1alpha1
kind: Network
metadata: { name: back }
"""


def test_a_strict_database_is_in_a_network_of_its_own(shop: House, home: Namespace) -> None:
    strict = "level: strict, name: back"
    commit(shop, network=strict, more=f", {strict}", probe="{ exec: { command: [redis-cli, ping] } }", extra=NETWORK)
    shop.up()
    it = shop.reach("proofs", is_proven)
    assert next(each for each in it["resources"] if each["id"] == "NetworkNamespace/shop/back")["health"] == "Healthy"
    word = told(shop)
    assert word["db"] == "+PONG"
    assert sights(home, STRANGER, word["uid"], 0) == [Sight.REFUSED] * 3, "the host itself has no such port"
    pid = shop.pid(DB)
    inside = os.stat(f"/proc/{pid}/ns/net").st_ino
    assert inside == os.stat(f"/proc/{shop.pid('Process/shop/web')}/ns/net").st_ino != home.path.stat().st_ino

    # The name of the namespace is taken away: it is given back to those that are in it, and nobody is restarted.
    assert shop.daemon is not None
    path = shop.resource("NetworkNamespace/shop/back")["live"]["path"]
    after = shop.newest()
    os.system(f"nsenter --target={shop.daemon.pid} --mount ip netns delete {os.path.basename(path)}")
    shop.happened("resource.healed", "NetworkNamespace/shop/back", after)
    assert shop.pid(DB) == pid
    assert os.stat(path).st_ino == inside
    shop.client.work("/v1/down", lambda event: None, application="shop")
    assert not os.path.exists(path)


POSTGRES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: db }}
spec:
  command: [sh, db.sh]
  env: {{ DATA: {data} }}
  port: 5432
  probes: {{ readiness: {{ exec: {{ command: [psql, -h, 127.0.0.1, -U, shop, -d, postgres, -c, "select 1"] }}, period: 1s, timeout: 5s }} }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [sh, -c, "psql -h 127.0.0.1 -U shop -d postgres -Atc 'select 6 * 7' > $HOLDFAST_DATA_DIR/answer; exec sleep infinity"]
  needs: [db]
  env: {{ TURN: "{turn}" }}
  network: {{ connect: [] }}
"""
START_POSTGRES = """\
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
exec "$bin/postgres" -D "$DATA" -k "$DATA" -h 127.0.0.1 -p 5432 -c fsync=off
"""


FIRST_UID = 61000
"""What the first Application of an installation runs as, by the default of `uid_range`."""


def cluster(data: Path, owner: int) -> Path:
    """Return a new PostgreSQL cluster that belongs to `owner`. initdb asks for a user that has a name, which a run user has not."""
    data.mkdir(mode=0o700)
    shutil.chown(data, "postgres", "postgres")
    initdb = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    subprocess.run((*as_postgres, str(initdb), "--no-sync", "-A", "trust", "-U", "shop", "-D", str(data)), cwd="/", check=True)
    for folder, _, names in os.walk(data):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            os.chown(path, owner, owner, follow_symlinks=False)
    return data


@pytest.mark.needs("psql", "pg_lsclusters", "setpriv")
def test_a_real_postgres_answers_who_needs_it_and_a_bridge_that_somebody_builds_is_found(shop: House, home: Namespace) -> None:
    data = cluster(shop.folder / "pg", owner=FIRST_UID)
    shop.commit("a shop", db_sh=START_POSTGRES, processes_yaml=POSTGRES.format(data=data, turn=1))
    shop.up()
    closed, opened = "port 5432 is closed to everybody else", "port 5432 is open to Process/shop/web"
    it = shop.reach("proofs", lambda it: proofs(it).get(closed) == proofs(it).get(opened) == "proven")
    assert it["health"] == "Healthy"
    answer = shop.state / "data" / "shop" / "answer"
    shop.until("the answer of the database", lambda: answer.exists() and answer.read_text() != "")
    assert answer.read_text() == "42\n"
    stranger = Vantage(name="stranger", targets=(Target(port=5432),), network=str(home.path), uid=STRANGER, gid=STRANGER)
    assert asyncio.run(look_from([stranger], timeout_s=3.0))[0][0].sight is Sight.REFUSED

    with home.listener("192.0.2.77", 5432):
        shop.commit("touch who needs it", processes_yaml=POSTGRES.format(data=data, turn=2))
        it = shop.reach("the refuted claim", lambda it: proofs(it).get(closed) == "refuted")
        assert it["health"] == "Degraded"
        assert "this host at 192.0.2.77:5432" in conditions(it, "Exposed")[0]
    shop.reach("the proof again", lambda it: proofs(it).get(closed) == "proven")
