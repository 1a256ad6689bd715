"""Certificates by the command line, end to end: a Site from Git, real nginx, real pebble, and a folder of certbot that is taken over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.test_acme_engine import lineage, told
from tests.real.acme_house import CA, Pebble, pebble
from tests.real.house import house
from tests.real.test_edge_up import HOST, Edge

from holdfast.edge.certificate_life import DAY
from holdfast.engines.acme.pair import make_key, make_root, signed_by
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
        tried = it.answer("certificate", "renew", HOST, "--dry-run")["data"]
        assert tried["rehearsal"] == {"issuer": "pebble", "directory": ca.directory, "is_staging": False}
        assert listed(edge)["serial"] == first["serial"]

        before = it.newest()
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
        assert it.answer("certificate", "list", "nobody", expect=64)["data"]["code"] == "HF7004"
        assert listed(edge)["serial"] == served

    async def story() -> None:
        async with pebble(it.folder / "pebble") as ca:
            await in_thread(act, ca)

    asyncio.run(story())


def test_what_certbot_has_is_served_as_it_is_and_taken_over_on_request(edge: Edge) -> None:
    it = edge.house
    folder = it.folder / "letsencrypt"
    it.environ["HOLDFAST_EDGE_CERTBOT"] = str(folder)

    async def story() -> None:
        now = time.time()
        root = make_root(await make_key("ecdsa-p256"), "Certbot's", now=now, lifetime_s=200 * DAY)
        lineage(folder, HOST, signed_by(await make_key("ecdsa-p256"), (HOST,), root, now=now, lifetime_s=90 * DAY))
        as_it_was = told(folder)

        def act(ca: Pebble) -> None:
            edge.issuers = [{"name": "certbot", "certbot": {}}, trusted(edge, ca)]
            it.well_at(edge.commit("1"))
            it.until("certbot's is shown", lambda: edge.issuer() == "Certbot's")
            assert (listed(edge)["source"], listed(edge)["issuer"], listed(edge)["renew_at"]) == ("adopted", "certbot", None)
            assert it.answer("certificate", "renew", HOST)["data"]["outcome"] == "kept"
            assert it.answer("certificate", "renew", HOST, "--dry-run")["data"]["rehearsal"]["issuer"] == "pebble"
            assert it.answer("certificate", "revoke", HOST, expect=1)["data"]["code"] == "HF3157"
            over = it.answer("certificate", "take-over", HOST)["data"]
            assert (over["certificate"]["issuer"], over["certificate"]["source"], over["message"]) == ("pebble", "issued", "")
            assert "certbot delete" in over["next_step"]
            it.until("pebble's is shown", lambda: edge.issuer().startswith("Pebble Intermediate"))
            assert it.answer("certificate", "take-over", HOST, expect=1)["data"]["code"] == "HF3165"
            assert told(folder) == as_it_was

        async with pebble(it.folder / "pebble") as ca:
            await in_thread(act, ca)

    asyncio.run(story())


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
