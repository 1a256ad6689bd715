"""Certificates by the command line, end to end: a Site from Git, real nginx, real pebble, and a folder of certbot that is taken over."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from tests.engines.test_acme_engine import OWN_KEY, lineage, told
from tests.real.acme_house import CA, Pebble, pebble
from tests.real.edge_house import Application
from tests.real.house import house
from tests.real.test_acme import DNS_HOOK, program
from tests.real.test_edge_up import HOST, Edge, Visitors

from holdfast.edge.certificate_life import DAY
from holdfast.engines.acme.pair import Pair, make_key, make_root, self_signed, signed_by
from holdfast.host.thread import in_thread

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx", "pebble", "pebble-challtestsrv")]
ID = "Certificate/shop/shop"


@pytest.fixture
def edge() -> Iterator[Edge]:
    with house() as it:
        yield Edge(it)


def listed(edge: Edge) -> dict[str, Any]:
    (found,) = edge.house.answer("certificate", "list")["data"]["certificates"]
    return dict(found)


def shows(edge: Edge, serial: str) -> bool:
    return edge.serial() == serial


def trusted(edge: Edge, ca: Pebble) -> dict[str, Any]:
    """Make pebble believed, have it ask this edge, and return it as an issuer."""
    secrets = edge.house.state / "secrets"
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    (secrets / CA).write_text(ca.root)
    edge.http = ca.challenges
    return {"name": "pebble", "acme": {"directory": ca.directory, "ca": {"secret": CA}}}


def test_a_certificate_is_listed_rehearsed_renewed_and_revoked(edge: Edge) -> None:
    it = edge.house

    def act(ca: Pebble) -> None:
        issuer = trusted(edge, ca)
        it.well_at(edge.commit("1"))
        assert listed(edge)["issuer"] == "selfSigned"
        edge.issuers = [issuer]
        edge.commit("1")  # an issuer that is declared later is asked at once
        it.until("the issued certificate is shown", lambda: edge.issuer().startswith("Pebble Intermediate"))
        first = listed(edge)
        assert (first["id"], first["hosts"], first["issuer"], first["drift"], first["awaited"]) == (ID, [HOST], "pebble", [], None)
        assert first["renew_at"] > time.time() + DAY
        live = it.resource(ID)["live"]
        assert {name: live[name] for name in ("serial", "names", "not_after", "issuer", "chain")} == {
            "serial": first["serial"],
            "names": [HOST],
            "not_after": first["not_after"],
            "issuer": first["signed_by"],
            "chain": first["chain"],
        }

        kept = it.answer("certificate", "renew", "shop")
        assert (kept["kind"], kept["data"]["outcome"], kept["data"]["certificate"]["serial"]) == ("Renewal", "not_due", first["serial"])
        before = it.newest()
        tried = it.answer("certificate", "renew", HOST, "--dry-run")["data"]
        assert tried["rehearsal"] == {"issuer": "pebble", "directory": ca.directory, "is_staging": False}
        assert listed(edge)["serial"] == first["serial"]
        assert it.newest() == before, "an answer to a challenge needs no reload"

        second = it.answer("certificate", "renew", HOST, "--force")["data"]
        assert (second["outcome"], second["certificate"]["serial"] != first["serial"]) == ("renewed", True)
        assert it.happened("certificate.issued", ID, before)["data"]["by"]

        gone = it.answer("certificate", "revoke", "shop", "--reason", "keyCompromise")["data"]
        assert gone["revoked"] == {"issuer": "pebble", "serial": second["certificate"]["serial"], "names": [HOST]}
        status = ca.ask(f"/cert-status-by-serial/{gone['revoked']['serial']}")
        assert (status["Status"], status["Reason"]) == ("Revoked", 1)
        served = gone["certificate"]["serial"]
        assert ca.ask(f"/cert-status-by-serial/{served}")["Status"] == "Valid"
        assert it.happened("certificate.revoked", ID, before)["data"]["reason"] == "keyCompromise"
        it.until("visitors get the new one", lambda: edge.serial() == served)
        assert it.answer("certificate", "renew", "nobody", expect=64)["data"]["code"] == "HF7009"
        edge.issuers = []
        it.well(edge.commit("3"))  # without an issuer what is there is served on
        assert (listed(edge)["serial"], listed(edge)["issuers"], edge.serial()) == (served, ["selfSigned"], served)
        assert it.answer("certificate", "renew", HOST, "--force", expect=1)["data"]["code"] == "HF3162"
        edge.issuers = [issuer]
        it.well(edge.commit("4"))
        assert it.answer("certificate", "list", "nobody", expect=64)["data"]["code"] == "HF7004"
        assert listed(edge)["serial"] == served

    def when_it_is_down() -> None:
        served = listed(edge)["serial"]
        before = it.newest()
        refused = it.answer("certificate", "renew", HOST, "--force", expect=75)["data"]
        assert (refused["code"], HOST in json.dumps(listed(edge)["hosts"])) == ("HF3140", True)
        failed = it.happened("certificate.failed", ID, before)["data"]
        assert (failed["issuer"], failed["code"]) == ("pebble", "HF3140")
        waiting = listed(edge)
        assert waiting["next_at"] >= failed["next_at"] > time.time()
        assert waiting["message"].startswith("pebble: cannot order from issuer pebble: connect")
        assert (waiting["serial"], edge.serial()) == (served, served)
        assert it.answer("certificate", "renew", HOST, "--force", expect=75)["data"]["code"] == "HF3163"

    async def story() -> None:
        async with pebble(it.folder / "pebble", reject=30) as ca:
            await in_thread(act, ca)
        await in_thread(when_it_is_down)

    asyncio.run(story())


def test_renewals_lose_no_visitor(edge: Edge) -> None:
    it = edge.house

    def act(ca: Pebble) -> None:
        edge.issuers = [trusted(edge, ca)]
        it.well_at(edge.commit("1"))
        it.until("the issued certificate is shown", lambda: edge.issuer().startswith("Pebble Intermediate"))
        with Visitors(edge) as visitors:
            for _ in range(3):
                serial = it.answer("certificate", "renew", HOST, "--force")["data"]["certificate"]["serial"]
                it.until("visitors get the new one", partial(shows, edge, serial))
        assert visitors.failures == []
        assert visitors.answers > 50

    async def story() -> None:
        async with pebble(it.folder / "pebble") as ca:
            await in_thread(act, ca)

    asyncio.run(story())


def test_fifty_sites_in_one_go_from_an_issuer_that_refuses_half_of_all_nonces(edge: Edge) -> None:
    it = edge.house
    hosts = [f"shop{number}.example.test" for number in range(50)]
    sites = "".join(
        f"---\napiVersion: holdfast.dev/v1alpha1\nkind: Site\nmetadata: {{ name: s{number} }}\nspec: {{ hosts: [{host}], service: web }}\n"
        for number, host in enumerate(hosts)
    )

    def act(ca: Pebble) -> None:
        edge.issuers = [trusted(edge, ca)]
        it.well_at(edge.commit("1", sites))

        def is_all_there() -> bool:
            found = it.answer("certificate", "list")["data"]["certificates"]
            return len(found) == 51 and all((each["issuer"], each["drift"], each["awaited"]) == ("pebble", [], None) for each in found)

        it.until("all are issued", is_all_there)
        it.until("all are shown", lambda: all(edge.issuer(host).startswith("Pebble Intermediate") for host in hosts))
        told = it.client.get("/v1/events")["data"]["events"]
        kinds = Counter(event["type"] for event in told)
        assert (kinds["certificate.issued"], kinds["certificate.failed"]) == (51, 0)
        assert kinds["edge.reloaded"] < 51, "what comes during a reload is reloaded together"

    async def story() -> None:
        async with pebble(it.folder / "pebble", reject=50) as ca:
            await in_thread(act, ca)

    asyncio.run(story())


def test_who_deletes_a_key_is_told_of_and_it_is_put_back(edge: Edge) -> None:
    it = edge.house
    edge.issuers = [{"name": "internal", "authority": {}}]
    it.well_at(edge.commit("1"))
    it.until("the local one is shown", lambda: edge.issuer() == "Holdfast local authority")
    key = it.state / "edge" / "certificates" / "shop" / "shop" / "key.pem"
    for damage in (key.unlink, lambda: key.write_text("nonsense")):
        kept, after = key.read_bytes(), it.newest()
        damage()
        it.happened("resource.drifted", ID, after)
        it.happened("resource.healed", ID, after)
        assert key.read_bytes() == kept
        assert listed(edge)["drift"] == []
    edge.ask()


@pytest.mark.needs("curl", "openssl")
def test_programs_of_the_host_answer_by_dns_and_sign(edge: Edge) -> None:
    it = edge.house
    hooks = it.folder / "hooks"
    hooks.mkdir()
    it.environ["HOLDFAST_EDGE_HOOKS"] = str(hooks)

    def act(ca: Pebble) -> None:
        program(hooks / "records", DNS_HOOK.replace("{records}", ca.names))
        program(hooks / "sign", OWN_KEY.replace("shop.example.com", HOST))
        issuer = trusted(edge, ca)
        edge.issuers = [{**issuer, "acme": {**issuer["acme"], "dns": "records"}}, {"name": "corporate", "exec": "sign"}]
        edge.hosts = [HOST, "*.shop.example.test"]
        it.well_at(edge.commit("1"))
        it.until("a wildcard is shown", lambda: edge.issuer("any.shop.example.test").startswith("Pebble Intermediate"))
        edge.hosts = [HOST]
        edge.issuers = edge.issuers[1:]
        edge.commit("2")
        it.until("what the program signed is shown", lambda: edge.issuer() == "own")
        edge.issuers = [{"name": "other", "exec": "nobody"}]
        edge.commit("3")
        refused = it.happened("render.failed")["data"]["errors"][0]
        assert (refused["code"], refused["where"][0]["path"]) == ("HF1383", "site.yaml")

    async def story() -> None:
        async with pebble(it.folder / "pebble", dns=True) as ca:
            await in_thread(act, ca)

    asyncio.run(story())


def test_a_pair_of_files_is_followed_and_a_wrong_one_breaks_nothing(edge: Edge) -> None:
    it = edge.house
    secrets = it.state / "secrets"
    secrets.mkdir(mode=0o700, parents=True)

    def put(name: str, *, key_of: Pair | None = None, days: float = 200.0, hosts: tuple[str, ...] = (HOST,)) -> Pair:
        pair = self_signed(asyncio.run(make_key("ecdsa-p256")), hosts, now=time.time() - 60 * DAY, lifetime_s=days * DAY, common_name=name)
        (secrets / "pair.key").write_text((key_of or pair).key.reveal())
        (secrets / "pair.pem").write_bytes(pair.chain)
        return pair

    first = put("first")
    edge.files = {"certificate": {"secret": "pair.pem"}, "key": {"secret": "pair.key"}}
    it.well_at(edge.commit("1"))
    it.until("the pair is shown", lambda: edge.issuer() == "first")
    put("second")
    it.until("the next pair is shown", lambda: edge.issuer() == "second")
    wrongs = (partial(put, "third", key_of=first), partial(put, "old", days=59.0), partial(put, "other", hosts=("a.example",)))
    for wrong in wrongs:
        before = it.newest()
        wrong()
        failed = it.happened("operation.failed", after=before)
        assert "HF3148" in json.dumps(it.answer("history", "shop")["data"]), failed
        assert (edge.issuer(), edge.ask()["version"]) == ("second", "1")
    put("fourth")
    it.until("a right pair is shown again", lambda: edge.issuer() == "fourth")


def test_what_certbot_has_is_served_as_it_is_and_taken_over_on_request(edge: Edge) -> None:
    it = edge.house
    folder = it.folder / "letsencrypt"
    it.environ["HOLDFAST_EDGE_CERTBOT"] = str(folder)

    async def story() -> None:
        now = time.time()
        root = make_root(await make_key("ecdsa-p256"), "Certbot's", now=now - 99 * DAY, lifetime_s=200 * DAY)
        began = now - 62 * DAY
        lineage(folder, HOST, signed_by(await make_key("ecdsa-p256"), (HOST,), root, now=began, lifetime_s=90 * DAY))
        as_it_was = told(folder)

        def act(ca: Pebble) -> None:
            edge.issuers = [{"name": "certbot", "certbot": {}}, trusted(edge, ca)]
            commit = edge.commit("1")
            it.up()
            it.reach("synced, though it is late", lambda status: status["sync"] == "Synced" and status["revision"] == commit)
            assert it.resource(ID)["health"] == "Degraded"
            assert "not renewed yet" in it.resource(ID)["message"]
            it.until("certbot's is shown", lambda: edge.issuer() == "Certbot's")
            assert (listed(edge)["source"], listed(edge)["issuer"], listed(edge)["renew_at"]) == ("adopted", "certbot", None)
            late = it.happened("certificate.expiring", ID)
            assert (late["severity"], late["data"]["host"]) == ("error", HOST)
            assert 27 * DAY < late["data"]["left_s"] < 28 * DAY
            assert it.answer("certificate", "renew", HOST)["data"]["outcome"] == "kept"
            assert it.answer("certificate", "renew", HOST, "--dry-run")["data"]["rehearsal"]["issuer"] == "pebble"
            assert it.answer("certificate", "revoke", HOST, expect=1)["data"]["code"] == "HF3157"
            over = it.answer("certificate", "take-over", HOST)["data"]
            assert (over["certificate"]["issuer"], over["certificate"]["source"], over["message"]) == ("pebble", "issued", "")
            assert "certbot delete" in over["next_step"]
            it.until("pebble's is shown", lambda: edge.issuer().startswith("Pebble Intermediate"))
            it.happened("certificate.fresh", ID)
            it.well(commit)
            assert it.answer("certificate", "take-over", HOST, expect=1)["data"]["code"] == "HF3165"
            assert told(folder) == as_it_was

        async with pebble(it.folder / "pebble") as ca:
            await in_thread(act, ca)

    asyncio.run(story())


HOSTS_NGINX = {
    "nginx.conf": "events { } http { include /etc/nginx/mime.types; include /etc/nginx/sites-enabled/*; }",
    "sites-enabled/shop": """server {
    server_name HOST;
    location / { proxy_pass http://APPLICATION; include proxy_params; }
    listen 127.0.0.1:HTTPS ssl; # managed by Certbot
    ssl_certificate /etc/letsencrypt/live/HOST/fullchain.pem; # managed by Certbot
    ssl_certificate_key /etc/letsencrypt/live/HOST/privkey.pem; # managed by Certbot
    include /etc/letsencrypt/options-ssl-nginx.conf; # managed by Certbot
}
server {
    if ($host = HOST) { return 301 https://$host$request_uri; } # managed by Certbot
    listen 127.0.0.1:HTTP; server_name HOST; return 404; # managed by Certbot
}
""",
}


def test_what_nginx_and_certbot_served_is_imported_and_served_with_the_same_certificate(edge: Edge) -> None:
    it = edge.house
    folder, copy = it.folder / "letsencrypt", it.folder / "nginx"
    it.environ["HOLDFAST_EDGE_CERTBOT"] = str(folder)
    now = time.time()
    root = make_root(asyncio.run(make_key("ecdsa-p256")), "Certbot's", now=now, lifetime_s=200 * DAY)
    lineage(folder, HOST, signed_by(asyncio.run(make_key("ecdsa-p256")), (HOST,), root, now=now, lifetime_s=90 * DAY))
    with Application().serving() as application:
        words = {"HTTPS": str(edge.https), "HTTP": str(edge.http), "HOST": HOST, "APPLICATION": application.address}
        for name, text in HOSTS_NGINX.items():
            for word, value in words.items():
                text = re.sub(rf"\b{word}\b", value, text)
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text(text)
        it.run("import", "nginx", str(copy), "--output", str(it.repository))
        it.well_at(it.commit("what was there, declared"))
        it.until("certbot's is shown", lambda: edge.issuer() == "Certbot's")
        (it.folder / "root.pem").write_bytes(root.chain)
        edge.trust(str(it.folder / "root.pem"))
        seen: dict[str, str] = edge.ask()
        assert (seen[":path"], seen["host"].partition(":")[0], seen["x-forwarded-proto"]) == ("/", HOST, "https")
        (found,) = it.answer("certificate", "list")["data"]["certificates"]
        assert (found["source"], found["issuer"], found["hosts"]) == ("adopted", "certbot", [HOST])
        assert it.answer("certificate", "take-over", HOST, expect=1)["data"]["code"] == "HF3162"


def test_the_root_of_a_local_authority_is_believed_once_it_is_installed(edge: Edge) -> None:
    it = edge.house
    edge.issuers = [{"name": "internal", "authority": {"commonName": "Shop authority"}}]
    it.well_at(edge.commit("1"))
    it.until("the local one is shown", lambda: edge.issuer() == "Shop authority")
    (authority,) = it.answer("certificate", "root")["data"]["authorities"]
    assert (authority["issuer"], authority["is_made"]) == ("internal", True)
    root = it.run("certificate", "root", "internal", "--path", "--state", str(it.state)).stdout.strip()
    assert root == authority["root"]
    assert all(root in line for line in authority["install"])
    edge.trust(root)
    assert edge.ask()["version"] == "1"
    assert it.answer("certificate", "revoke", "shop", expect=1)["data"]["code"] == "HF3157"
    assert it.answer("certificate", "renew", "shop", "--dry-run", expect=1)["data"]["code"] == "HF3157"
    before = listed(edge)["serial"]
    assert it.answer("certificate", "renew", "shop", "--force")["data"]["certificate"]["serial"] != before
    edge.ask()
