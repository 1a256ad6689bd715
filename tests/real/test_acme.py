"""Certificates from a real issuer (pebble): issued, renewed, revoked, and had again after every kind of trouble."""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines.acme_stage import SEARCH_PATH, House, WebChallenges, until
from tests.ports import free_port
from tests.real.acme_house import CA, at_pebble, pebble
from tests.real.process_house import MemoryRecords

from holdfast.edge.certificate_life import DAY, Fault, Order
from holdfast.edge.issuer import Hook, Means
from holdfast.edge.issuer_spec import AcmeSpec, BindingSpec, IssuerSpec
from holdfast.edge.route_spec import SecretRef
from holdfast.engines.acme.answering import Answers
from holdfast.engines.acme.client import AcmeClient
from holdfast.engines.acme.hook import Hooks
from holdfast.engines.acme.ordering import Ordering, Request
from holdfast.engines.acme.pair import Pair, belongs, load_chain, make_key
from holdfast.engines.acme.transport import Reply, Sign, Transport
from holdfast.engines.acme.wire import AccountKey
from holdfast.errors import Rejected, Unavailable
from holdfast.host.clock import RealClock
from holdfast.host.tls import served
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId

pytestmark = [pytest.mark.real, pytest.mark.needs("pebble", "pebble-challtestsrv")]

MAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@asynccontextmanager
async def shown(house: House, id: ResourceId) -> AsyncIterator[int]:
    """Serve what lies there, as nginx would, on a port of loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(house.served(id) / "fullchain.pem", house.served(id) / "key.pem")
    port = free_port()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port, ssl=context)
    async with server:
        yield port


def test_a_certificate_is_issued_and_serves_its_hosts(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house), house.running():
            id = await house.apply("shop.example.com", "www.shop.example.com")
            assert (await house.handle(id))["source"] == "bootstrap"
            await until(lambda: house.renew.is_at_rest, "the certificate")
            handle = await house.handle(id)
            assert (handle["source"], handle["issuer_name"], handle["drift"], handle["awaited"]) == ("issued", "pebble", [], None)
            assert await house.fields(id) == dict(house.known[id].state.fields)
            assert house.changed == [id, id]
            assert set(house.challenges.asked) == {"shop.example.com", "www.shop.example.com"}
            assert house.challenges.answers == {}
            async with shown(house, id) as port:
                seen = await served("127.0.0.1", port, server_name="shop.example.com", timeout_s=10)
            assert (seen.leaf.serial, seen.leaf.names) == (handle["serial"], ("shop.example.com", "www.shop.example.com"))
            trusted = ssl.create_default_context(cadata=ca.ask("/roots/0"))
            async with shown(house, id) as port:
                _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted, server_hostname="www.shop.example.com")
                writer.transport.abort()

    run(story())


def test_nothing_private_is_readable_or_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            id = await house.apply("shop.example.com")
            await house.renew.force(id)
            files = [path for path in house.folder.rglob("*") if path.is_file() and not path.is_symlink()]
            assert len(files) == 10  # the account and its key, two pairs that are kept, two that are served or were a moment ago
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
            folders = [house.folder / "certificates", *(house.folder / "certificates").rglob("*/")]
            assert {stat.S_IMODE(path.stat().st_mode) for path in folders if not path.is_symlink()} == {0o700}
            keys = [path.read_text().splitlines()[1] for path in files if path.name == "key.pem"]
            told = repr(house.journal.events) + json.dumps(house.records.all()) + json.dumps(house.courses.all())
            told += repr(await house.see(id)) + repr(house.engine.held())
            assert len(set(keys)) == 3
            assert [key for key in keys if key in told] == []

    run(story())


def test_a_renewal_brings_another_key_and_certificate_and_keeps_the_one_before(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            id = await house.apply("shop.example.com")
            first = await house.renew.force(id)
            key = (house.served(id) / "key.pem").read_bytes()
            second = await house.renew.force(id)
            assert first.leaf.serial != second.leaf.serial
            assert (house.served(id) / "key.pem").read_bytes() != key
            kept = sorted((house.served(id).parent / ".shop" / "kept").iterdir())
            assert [folder.name.rpartition("-")[2] for folder in kept] == [first.leaf.serial, second.leaf.serial]
            assert (kept[0] / "key.pem").read_bytes() == key
            assert house.journal.types() == ["certificate.issued", "certificate.issued"]

    run(story())


def test_half_of_all_nonces_refused_is_not_even_noticed(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path, reject=50) as (_, house), house.running():
            ids = [await house.apply(f"h{number}.example.com", name=f"h{number}") for number in range(10)]
            await until(lambda: house.renew.is_at_rest, "ten certificates")
            assert {(await house.handle(id))["source"] for id in ids} == {"issued"}
            assert set(house.journal.types()) == {"certificate.issued"}

    run(story())


def test_fifty_hosts_in_one_go_share_one_account(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path, reject=20) as (_, house), house.running():
            ids = [await house.apply(f"h{number}.example.com", name=f"h{number}") for number in range(50)]
            await until(lambda: house.renew.is_at_rest, "fifty certificates")
            handles = [await house.handle(id) for id in ids]
            assert {handle["source"] for handle in handles} == {"issued"}
            assert len({handle["serial"] for handle in handles}) == 50
            assert len(list((house.folder / "acme" / "accounts").iterdir())) == 1

    run(story())


def test_a_certificate_is_revoked_after_a_new_one_is_served(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house):
            id = await house.apply("shop.example.com")
            first = await house.renew.force(id)
            await house.renew.revoke(id, "keyCompromise")
            assert ca.ask(f"/cert-status-by-serial/{first.leaf.serial}")["Status"] == "Revoked"
            serial = (await house.handle(id))["serial"]
            assert serial != first.leaf.serial
            assert ca.ask(f"/cert-status-by-serial/{serial}")["Status"] == "Valid"
            assert house.journal.events[-1].type == "certificate.revoked"
            with pytest.raises(Rejected) as caught:
                await house.renew.revoke(id, "boredom")
            assert caught.value.code == "HF3164"

    run(story())


def test_an_account_is_bound_to_that_of_the_issuer(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path, bindings={"kid-1": MAC}) as (ca, house):
            id = await house.apply("shop.example.com")
            with pytest.raises(Rejected) as caught:
                await house.renew.force(id)
            assert (caught.value.code, caught.value.hint) == ("HF3146", "give the issuer a binding")
            house.values["eab"] = MAC
            house.issuers[0] = ca.issuer(binding=BindingSpec(key_id="kid-1", key=SecretRef(secret="eab")))
            assert (await house.renew.force(id)).issuer == "pebble"

    run(story())


def test_the_second_issuer_gives_while_the_first_is_down(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house), house.running():
            down = f"https://127.0.0.1:{free_port()}/dir"
            house.issuers.insert(0, IssuerSpec(name="down", acme=AcmeSpec(directory=down, ca=SecretRef(secret=CA))))
            id = await house.apply("shop.example.com")
            await until(lambda: house.renew.is_at_rest, "the certificate")
            assert (await house.handle(id))["issuer_name"] == "pebble"
            failed, issued = house.journal.events
            assert (failed.type, failed.data["issuer"], failed.data["fault"], failed.data["code"]) == (
                "certificate.failed",
                "down",
                Fault.UNANSWERED.value,
                "HF3140",
            )
            assert (issued.type, issued.data["issuer"]) == ("certificate.issued", "pebble")
            assert ca.directory != down

    run(story())


def test_with_every_issuer_down_what_is_there_is_served_on_and_it_is_said_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house):
            id = await house.apply("shop.example.com")
            serial = (await house.renew.force(id)).leaf.serial
            down = f"https://127.0.0.1:{free_port()}/dir"
            house.issuers[0] = replace(ca.issuer(), acme=AcmeSpec(directory=down, ca=SecretRef(secret=CA)))
            with pytest.raises(Unavailable) as caught:
                await house.renew.force(id)
            assert caught.value.code == "HF3140"
            handle = await house.handle(id)
            assert (handle["serial"], handle["drift"]) == (serial, [])
            assert "connect" in handle["message"]
            with pytest.raises(Unavailable) as caught:
                await house.renew.force(id)
            assert caught.value.code == "HF3163"

    run(story())


def test_the_key_of_the_account_is_changed_and_the_account_stays(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            id = await house.apply("shop.example.com")
            await house.renew.force(id)
            (folder,) = (house.folder / "acme" / "accounts").iterdir()
            key, account = (folder / "key.pem").read_bytes(), json.loads((folder / "account.json").read_text())
            await house.engine.roll_key("pebble")
            assert (folder / "key.pem").read_bytes() != key
            assert json.loads((folder / "account.json").read_text()) == account
            assert not (folder / "next.pem").exists()
            await house.renew.force(id)
            async with house.again().open() as next_day:
                await next_day.renew.force(id)

    run(story())


@pytest.mark.parametrize("is_known", [True, False], ids=["the issuer has taken the new key", "the issuer has not heard of it"])
def test_a_change_of_key_that_a_crash_cuts_off_leaves_the_key_that_counts(tmp_path: Path, *, is_known: bool) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            id = await house.apply("shop.example.com")
            await house.renew.force(id)
            (folder,) = (house.folder / "acme" / "accounts").iterdir()
            old = (folder / "key.pem").read_bytes()
            await house.engine.roll_key("pebble")
            new = (folder / "key.pem").read_bytes()
            if is_known:  # before the new key has taken the place of the old one
                (folder / "next.pem").write_bytes(new)
                (folder / "key.pem").write_bytes(old)
            else:  # before the issuer has heard of the next one
                (folder / "next.pem").write_bytes(old)
            async with house.again().open() as next_day:
                await next_day.renew.force(id)
            assert (folder / "key.pem").read_bytes() == new
            assert not (folder / "next.pem").exists()

    run(story())


def test_an_account_that_the_issuer_has_lost_is_registered_again(tmp_path: Path) -> None:
    """A private issuer is set up anew at the same address."""

    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            id = await house.apply("shop.example.com")
            await house.renew.force(id)
            (folder,) = (house.folder / "acme" / "accounts").iterdir()
            account = json.loads((folder / "account.json").read_text())
            (folder / "account.json").write_text(json.dumps({**account, "url": f"{account['url']}0"}))
            async with house.again().open() as next_day:
                await next_day.renew.force(id)
            assert json.loads((folder / "account.json").read_text()) == account

    run(story())


DNS_HOOK = """#!/bin/sh
set -e
case "$1" in
    present) exec curl -sSf -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" {records}/set-txt ;;
    cleanup) exec curl -sSf -d "{\\"host\\":\\"$2\\"}" {records}/clear-txt ;;
esac
exit 64
"""


def program(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    path.chmod(0o755)
    return (str(path),)


@pytest.mark.needs("curl")
def test_a_wildcard_is_proven_by_dns_through_a_hook(tmp_path: Path) -> None:
    async def story() -> None:
        async with pebble(tmp_path / "pebble", dns=True) as ca:
            hook = Hook(command=program(tmp_path / "dns-hook", DNS_HOOK.replace("{records}", ca.names)), timeout_s=20)
            house = House(
                folder=tmp_path / "state", issuers=[ca.issuer(dns="test")], values={CA: ca.root}, means=Means(hooks={"test": hook})
            )
            async with house.open():
                id = await house.apply("*.shop.example.com")
                got = await house.renew.force(id)
                assert got.leaf.names == ("*.shop.example.com",)
                assert list((house.folder / "acme" / "hooks").iterdir()) == []
                assert house.challenges.ever == []

    run(story())


def test_a_wildcard_over_http_is_refused_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            id = await house.apply("*.shop.example.com")
            with pytest.raises(Rejected) as caught:
                await house.renew.force(id)
            assert caught.value.code == "HF3162"

    run(story())


def test_a_host_that_is_not_answered_is_named_with_what_the_issuer_saw(tmp_path: Path) -> None:
    class Silent(WebChallenges):
        async def put(self, token: str, key_authorization: str, host: str) -> None:
            self.ever.append((host, token))

    async def story() -> None:
        async with pebble(tmp_path / "pebble") as ca:
            house = House(folder=tmp_path / "state", issuers=[ca.issuer()], values={CA: ca.root}, challenges=Silent())
            async with house.challenges.serving(ca.challenges), house.open():
                id = await house.apply("shop.example.com")
                with pytest.raises(Rejected) as caught:
                    await house.renew.force(id)
                assert caught.value.code == "HF3145"
                assert "shop.example.com is ours" in caught.value.message
                assert "404" in caught.value.message
                assert caught.value.hint == "does shop.example.com lead here, and is port 80 open to the outside?"
                handle = await house.handle(id)
                assert handle["source"] == "bootstrap"
                assert "404" in handle["message"]

    run(story())


def test_a_host_whose_name_leads_nowhere_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path, resolves=False) as (_, house):
            id = await house.apply("shop.example.com")
            with pytest.raises(Rejected) as caught:
                await house.renew.force(id)
            assert caught.value.code == "HF3145"
            assert "that shop.example.com is ours: " in caught.value.message
            assert "resolve" in caught.value.message
            assert (await house.handle(id))["source"] == "bootstrap"
            assert house.challenges.asked == []

    run(story())


def test_a_dry_run_proves_every_host_and_has_nothing_signed(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house):
            id = await house.apply("shop.example.com")
            shown = await house.renew.dry_run(id)
            assert (shown.issuer, shown.directory, shown.is_staging) == ("pebble", ca.directory, False)
            assert [host for host, _ in house.challenges.ever] == ["shop.example.com"]
            assert (await house.handle(id))["source"] == "bootstrap"
            assert house.journal.events == []

    run(story())


def test_a_dry_run_goes_to_the_directory_for_tests_where_there_is_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house):
            down = f"https://127.0.0.1:{free_port()}/dir"
            house.issuers[0] = replace(ca.issuer(), acme=replace(ca.spec(), directory=down, staging=ca.directory))
            shown = await house.renew.dry_run(await house.apply("shop.example.com"))
            assert (shown.directory, shown.is_staging) == (ca.directory, True)

    run(story())


def test_what_a_real_issuer_offers_is_used_and_nothing_else_asked_for(tmp_path: Path) -> None:
    """Windows of renewal since pebble 2.6, profiles since 2.7: HOLDFAST_TEST_PEBBLE names a newer one than Debian's."""

    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house):
            offered = ca.offers()
            id = await house.apply("shop.example.com")
            first = await house.renew.force(id)
            async with house.running():
                await until(lambda: house.courses.get(str(id))["asked_at"] is not None, "the question when to renew")  # type: ignore[index,call-overload]
            window = house.renew.shown(id)["window"]
            assert (window is not None) == ("renewalInfo" in offered)
            if isinstance(window, dict):
                assert isinstance(window["start"], float)
                assert first.leaf.not_before < window["start"] < first.leaf.not_after
            house.issuers[0] = ca.issuer(profile="shortlived")
            if "shortlived" in offered.get("meta", {}).get("profiles", {}):
                assert (await house.renew.force(id)).leaf.life_s < 10 * DAY < first.leaf.life_s
            else:
                with pytest.raises(Rejected) as caught:
                    await house.renew.force(id)
                assert caught.value.code == "HF3154"

    run(story())


class Cut(MemoryRecords):
    """Records of a daemon that dies when it writes the `dies_at`th time: that write, and all later ones, never happen."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.left = dies_at

    async def put(self, key: str, value: Json) -> None:
        self.left -= 1
        if self.left < 0:
            raise asyncio.CancelledError
        await super().put(key, value)


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_crash_in_the_middle_of_an_order_goes_on_with_that_order(tmp_path: Path, dies_at: int) -> None:
    """1: the order was taken and is not written yet; 2: the certificate was signed and fetched and is not written yet."""

    async def story() -> None:
        async with at_pebble(tmp_path) as (_, house):
            first = house.again(records=Cut(dies_at))
            async with first.open():
                id = await first.apply("shop.example.com")
                with pytest.raises(asyncio.CancelledError):
                    await first.engine.obtain(id, "pebble")
            held = first.engine.held()[id]
            key = (house.served(id).parent / ".shop" / "pending.pem").read_bytes()
            assert isinstance(first.records, Cut)
            first.records.left = 1_000
            puts = len(house.challenges.ever)
            async with first.again().open() as next_day:
                assert next_day.engine.held()[id].order == (held.order if dies_at == 2 else None)
                await next_day.renew.force(id)
                assert (house.served(id) / "key.pem").read_bytes() == key
                assert next_day.engine.held()[id].order is None
            # an order that was taken is not proven, and not paid for, a second time
            assert len(house.challenges.ever) - puts == (0 if dies_at == 2 else 1)

    run(story())


class Dying(Transport):
    """The way to an issuer of a daemon that dies when it is about to fetch what was signed."""

    async def post(self, verb: str, url: str, sign: Sign) -> Reply:
        if verb == "fetch from":
            raise asyncio.CancelledError
        return await super().post(verb, url, sign)


def test_what_was_signed_and_never_fetched_is_fetched_by_the_next_daemon(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path) as (ca, house):
            clock, key, account_key = RealClock(), await make_key("ecdsa-p256"), AccountKey.make()
            written: list[Order | None] = []

            async def remember(order: Order | None) -> None:
                written.append(order)

            async def daemon(kind: type[Transport]) -> Pair:
                transport = kind(issuer="pebble", trust=ssl.create_default_context(cadata=ca.root), clock=clock)
                client = AcmeClient(issuer="pebble", directory=ca.directory, transport=transport, clock=clock)
                hooks = Hooks(tmp_path / "hooks", SEARCH_PATH)
                answers = Answers(challenges=house.challenges, hooks=hooks, dns=None, propagation_s=0.0, clock=clock)
                try:
                    account = await client.register(account_key, contact=None, binding=None)
                    request = Request(
                        name="shop",
                        hosts=("shop.example.com",),
                        key=key,
                        lifetime_s=0.0,
                        order=written[-1] if written else None,
                        remember=remember,
                    )
                    ordering = Ordering(issuer="pebble", client=client, account=account, answers=answers)
                    return await ordering.certificate(request, profile=None, root=None)
                finally:
                    await client.aclose()

            with pytest.raises(asyncio.CancelledError):
                await daemon(Dying)
            puts = len(house.challenges.ever)
            pair = await daemon(Transport)
            assert belongs(pair.chain, key)
            assert len(written) == 1
            assert len(house.challenges.ever) == puts == 1

    run(story())


def test_the_chain_of_another_root_is_taken_where_it_is_preferred(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_pebble(tmp_path, roots=2) as (ca, house):
            id = await house.apply("shop.example.com")
            for number in (0, 2):
                root = load_chain(ca.ask(f"/roots/{number}").encode())[0].subject.rfc4514_string().removeprefix("CN=")
                house.issuers[0] = ca.issuer(chain=root)
                await house.renew.force(id)
                top = load_chain((house.served(id) / "fullchain.pem").read_bytes())[-1].issuer.rfc4514_string()
                assert top == f"CN={root}"

    run(story())
