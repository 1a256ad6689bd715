"""Asking an issuer that has every trouble: limits, nonsense, windows, profiles, lost answers; what stands is never worse for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.engines.acme_stage import House, until
from tests.engines.scripted_issuer import DAY, Planted, ScriptedIssuer, problem

from holdfast.edge.certificate_life import Failed, Fault, Obtained, Window
from holdfast.edge.issuer_spec import AcmeSpec, IssuerSpec
from holdfast.engines.acme.pair import certificate_id
from holdfast.errors import EngineError

HOST = "shop.example.com"


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@asynccontextmanager
async def at_issuer(tmp_path: Path, issuer: ScriptedIssuer | None = None, **more: Any) -> AsyncIterator[tuple[ScriptedIssuer, House]]:
    async with (issuer or ScriptedIssuer()).serving() as scripted:
        house = House(folder=tmp_path / "state", issuers=[scripted.issuer(**more)])
        async with house.open():
            yield scripted, house


async def obtain(house: House, *hosts: str, name: str = "shop") -> Obtained | Failed:
    id = await house.apply(*(hosts or (HOST,)), name=name)
    return await house.engine.obtain(id, "scripted")


def test_an_issuer_that_behaves_gives_a_certificate(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            got = await obtain(house, HOST, "www.example.com")
            assert isinstance(got, Obtained)
            assert got.leaf.names == (HOST, "www.example.com")
            assert issuer.places("new-order") == [
                {"identifiers": [{"type": "dns", "value": HOST}, {"type": "dns", "value": "www.example.com"}]}
            ]
            assert issuer.places("account")[0]["termsOfServiceAgreed"] is True

    run(story())


def test_an_address_is_ordered_as_an_address(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            got = await obtain(house, "127.0.0.1")
            assert isinstance(got, Obtained)
            assert got.leaf.names == ("127.0.0.1",)
            assert issuer.places("new-order") == [{"identifiers": [{"type": "ip", "value": "127.0.0.1"}]}]

    run(story())


LIMITED = {"Retry-After": "3600"}
TROUBLES: dict[str, tuple[str, Planted, Fault, str, str]] = {
    "rate limit": ("new-order", problem("rateLimited", "too many", 429, LIMITED), Fault.LIMITED, "HF3143", "it limits us: too many"),
    "rate limit without a word": ("new-order", problem("rateLimited", "too many", 429), Fault.LIMITED, "HF3143", "too many"),
    "bare 429": ("new-order", Planted(status=429, body=b"slow down", headers=LIMITED), Fault.LIMITED, "HF3143", "it limits us"),
    "busy": ("new-order", Planted(status=503, body=b"", headers=LIMITED), Fault.LIMITED, "HF3143", "it is busy"),
    "down for good": ("new-order", Planted(status=502, body=b"<html>"), Fault.UNANSWERED, "HF3140", "it failed with 502"),
    "inner failure": ("account", problem("serverInternal", "oops", 500), Fault.UNANSWERED, "HF3140", "oops"),
    "no JSON": ("new-order", Planted(status=201, body=b"hello", headers={"Location": "x"}), Fault.UNANSWERED, "HF3142", "no JSON object"),
    "a list": ("new-order", Planted(status=201, body=b"[]", headers={"Location": "x"}), Fault.UNANSWERED, "HF3142", "no JSON object"),
    "no place": ("new-order", Planted(status=201, body=b"{}"), Fault.UNANSWERED, "HF3142", "named no place"),
    "a redirect": ("new-order", Planted(status=302, headers={"Location": "/"}), Fault.UNANSWERED, "HF3142", "status 302"),
    "no directory": ("directory", Planted(body=b'{"hello": "world"}'), Fault.UNANSWERED, "HF3142", "is no ACME directory"),
    "too much": ("directory", Planted(body=b" " * ((1 << 20) + 1)), Fault.UNANSWERED, "HF3142", "more than 1048576 bytes"),
    "refused names": (
        "new-order",
        problem(
            "rejectedIdentifier",
            "no",
            subproblems=[{"type": "x", "detail": "policy forbids", "identifier": {"type": "dns", "value": HOST}}],
        ),
        Fault.REFUSED,
        "HF3144",
        f"no; {HOST}: policy forbids (rejectedIdentifier)",
    ),
    "another account": ("account", problem("externalAccountRequired", "bind"), Fault.REFUSED, "HF3146", "wants another account: bind"),
    "a proof of somebody else": (
        "authz",
        Planted(body=b'{"status": "pending", "identifier": {"type": "dns", "value": "evil.example"}, "challenges": []}'),
        Fault.UNANSWERED,
        "HF3142",
        "a proof of 'evil.example', which nobody ordered",
    ),
    "a token that is a path": (
        "authz",
        Planted(
            body=b'{"status": "pending", "identifier": {"type": "dns", "value": "shop.example.com"}, "challenges": '
            b'[{"type": "http-01", "token": "../../etc/passwd", "url": "http://127.0.0.1/x"}]}'
        ),
        Fault.UNANSWERED,
        "HF3142",
        "a token of",
    ),
    "no way of ours": (
        "authz",
        Planted(
            body=b'{"status": "pending", "identifier": {"type": "dns", "value": "shop.example.com"}, "challenges": '
            b'[{"type": "tls-alpn-01", "token": "t", "url": "http://127.0.0.1/x"}]}'
        ),
        Fault.REFUSED,
        "HF3150",
        "it takes tls-alpn-01",
    ),
    "a refused order": ("finalize", Planted(body=b'{"status": "invalid", "error": {"detail": "CAA"}}'), Fault.REFUSED, "HF3144", "CAA"),
    "no certificate": ("cert", Planted(body=b"not PEM"), Fault.REFUSED, "HF3147", "there is no certificate in PEM in it"),
    "an address to be read along": (
        "finalize",
        Planted(body=b'{"status": "valid", "certificate": "http://ca.example/cert"}'),
        Fault.UNANSWERED,
        "HF3142",
        "not encrypted",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_trouble_is_named_and_what_stands_stays(tmp_path: Path, trouble: str) -> None:
    place, planted, fault, code, words = TROUBLES[trouble]

    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            id = await house.apply(HOST)
            before = (house.served(id) / "fullchain.pem").read_bytes()
            issuer.say(place, planted)
            failed = await house.engine.obtain(id, "scripted")
            assert isinstance(failed, Failed)
            assert (failed.fault, failed.code) == (fault, code)
            assert words in failed.message
            assert "\n" not in failed.message
            assert failed.retry_after_s == (3600.0 if "Retry-After" in planted.headers else None)
            assert (house.served(id) / "fullchain.pem").read_bytes() == before
            assert house.challenges.answers == {}
            assert isinstance(await house.engine.obtain(id, "scripted"), Obtained)

    run(story())


def test_a_certificate_of_other_names_is_not_served(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            issuer.extra_names = ("evil.example.com",)
            failed = await obtain(house)
            assert isinstance(failed, Failed)
            assert (failed.code, failed.fault) == ("HF3147", Fault.REFUSED)
            assert "not for shop.example.com, only for evil.example.com" in failed.message

    run(story())


@pytest.mark.parametrize(("days", "words"), [(-100, "has expired on"), (2, "is not valid before")])
def test_a_certificate_of_another_time_is_not_served(tmp_path: Path, days: float, words: str) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            issuer.begins = time.time() + days * DAY
            failed = await obtain(house)
            assert isinstance(failed, Failed)
            assert words in failed.message

    run(story())


def test_a_refused_nonce_is_tried_again_and_not_for_ever(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            issuer.say("new-order", *[problem("badNonce", "old", 400)] * 5)
            assert isinstance(await obtain(house), Obtained)
            assert len(issuer.places("new-order")) == 6
            issuer.say("new-order", *[problem("badNonce", "old", 400)] * 100)
            failed = await obtain(house, name="other")
            assert isinstance(failed, Failed)
            assert failed.message.endswith("it refused 24 nonces in a row")

    run(story())


def test_a_renewal_says_what_it_replaces(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            id = await house.apply(HOST)
            await house.engine.obtain(id, "scripted")
            first = certificate_id((house.served(id) / "fullchain.pem").read_bytes())
            await house.engine.obtain(id, "scripted")
            orders = issuer.places("new-order")
            assert "replaces" not in orders[0]
            assert orders[1]["replaces"] == first

    run(story())


def test_an_issuer_that_thinks_it_replaced_already_is_asked_without(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            id = await house.apply(HOST)
            await house.engine.obtain(id, "scripted")
            issuer.say("new-order", problem("alreadyReplaced", "twice", 409))
            assert isinstance(await house.engine.obtain(id, "scripted"), Obtained)
            assert ["replaces" in order for order in issuer.places("new-order")] == [False, True, False]

    run(story())


def test_a_profile_is_asked_for_where_it_is_offered(tmp_path: Path) -> None:
    async def story() -> None:
        scripted = ScriptedIssuer(profiles={"shortlived": "six days", "classic": "ninety"})
        async with at_issuer(tmp_path, scripted, profile="shortlived") as (issuer, house):
            assert isinstance(await obtain(house), Obtained)
            assert issuer.places("new-order")[0]["profile"] == "shortlived"
            house.issuers[0] = issuer.issuer(profile="tlsclient")
            failed = await obtain(house, name="other")
            assert isinstance(failed, Failed)
            assert (failed.code, failed.hint) == ("HF3154", "it offers classic, shortlived")

    run(story())


def test_an_issuer_is_asked_when_to_renew_and_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house), house.running():
            now = time.time()
            issuer.window, issuer.retry_after = (now + 40 * DAY, now + 41 * DAY), "7200"
            id = await house.apply(HOST)
            await until(lambda: house.renew.is_at_rest, "the certificate and the word of its issuer")
            asked = issuer.places("certificate id")
            assert asked == [certificate_id((house.served(id) / "fullchain.pem").read_bytes())]
            course = house.courses.get(str(id))
            assert isinstance(course, dict)
            assert isinstance(course["ask_at"], float)
            assert 7100 < course["ask_at"] - now < 7300
            assert isinstance(course["chosen_at"], float)
            assert now + 40 * DAY <= course["chosen_at"] <= now + 41 * DAY

    run(story())


def test_a_window_that_moves_into_the_past_renews_at_once(tmp_path: Path) -> None:
    """As when an issuer must revoke what it gave."""

    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            id = await house.apply(HOST)
            first = await house.engine.obtain(id, "scripted")
            assert isinstance(first, Obtained)
            now = time.time()
            issuer.window = (now - 2 * DAY, now - DAY)
            async with house.running():
                await until(lambda: "certificate.issued" in house.journal.types(), "the renewal")
            assert house.engine.held()[id].leaf != first.leaf

    run(story())


def test_an_issuer_that_does_not_know_our_certificate_is_asked_again_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            id = await house.apply(HOST)
            await house.engine.obtain(id, "scripted")
            async with house.running():
                await until(lambda: house.renew.is_at_rest, "the question")
            course = house.courses.get(str(id))
            assert isinstance(course, dict)
            assert course["window"] is None
            assert len(issuer.places("certificate id")) == 1

    run(story())


def test_what_is_read_of_a_window_is_what_was_said(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            id = await house.apply(HOST)
            await house.engine.obtain(id, "scripted")
            issuer.window, issuer.retry_after = (1_900_000_000.0, 1_900_086_400.0), "21600"
            info = await house.engine.renewal_info(id)
            assert info is not None
            assert (info.window, info.retry_after_s) == (Window(start=1_900_000_000.0, end=1_900_086_400.0), 21_600.0)
            issuer.say("renewal-info", Planted(body=b'{"suggestedWindow": {"start": "soon", "end": 7}}'))
            info = await house.engine.renewal_info(id)
            assert info is not None
            assert info.window is None
            issuer.say("renewal-info", problem("serverInternal", "oops", 500))
            with pytest.raises(EngineError):
                await house.engine.renewal_info(id)

    run(story())


def test_an_issuer_without_such_information_is_not_asked_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path, ScriptedIssuer(has_renewal_info=False)) as (issuer, house):
            id = await house.apply(HOST)
            await house.engine.obtain(id, "scripted")
            await house.engine.obtain(id, "scripted")
            assert await house.engine.renewal_info(id) is None
            assert ["replaces" in order for order in issuer.places("new-order")] == [False, False]

    run(story())


def test_a_limit_of_one_issuer_leads_to_the_next_and_is_kept(tmp_path: Path) -> None:
    async def story() -> None:
        async with ScriptedIssuer().serving() as first, ScriptedIssuer().serving() as second:
            house = House(folder=tmp_path / "state", issuers=[first.issuer("first"), second.issuer("second")])
            async with house.open(), house.running():
                first.say("new-order", problem("rateLimited", "too many", 429, {"Retry-After": "86400"}))
                id = await house.apply(HOST)
                await until(lambda: house.renew.is_at_rest, "the certificate")
                assert house.engine.held()[id].issuer == "second"
                other = await house.apply("www.example.com", name="www")
                await until(lambda: house.renew.is_at_rest, "the other certificate")
                assert house.engine.held()[other].issuer == "second"
                assert len(first.places("new-order")) == 1

    run(story())


def test_a_new_host_is_added_while_the_old_certificate_is_served(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (issuer, house):
            first = await obtain(house)
            assert isinstance(first, Obtained)
            issuer.say("new-order", problem("rateLimited", "later", 429))
            id = await house.apply(HOST, "new.example.com")
            handle = await house.handle(id)
            assert (handle["serial"], handle["drift"], handle["awaited"]) == (first.leaf.serial, [], "not for new.example.com yet")
            assert isinstance(await house.engine.obtain(id, "scripted"), Failed)
            second = await house.engine.obtain(id, "scripted")
            assert isinstance(second, Obtained)
            assert (await house.handle(id))["awaited"] is None
            assert second.leaf.names == (HOST, "new.example.com")

    run(story())


def test_an_issuer_that_is_declared_no_longer_is_refused_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_issuer(tmp_path) as (_, house):
            id = await house.apply(HOST)
            house.issuers.clear()
            failed = await house.engine.obtain(id, "scripted")
            assert isinstance(failed, Failed)
            assert failed.code == "HF3153"

    run(story())


def test_an_issuer_over_plain_http_elsewhere_is_never_asked(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(
            folder=tmp_path / "state", issuers=[IssuerSpec(name="scripted", acme=AcmeSpec(directory="http://ca.example/directory"))]
        )
        async with house.open():
            failed = await obtain(house)
            assert isinstance(failed, Failed)
            assert failed.code == "HF3142"
            assert "not encrypted" in failed.message

    run(story())
