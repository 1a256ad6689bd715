"""The certificate engine on disk: what it puts there, what it sees of others' work, and how it heals without asking anybody."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines.acme_stage import DEADLINE_S, House, certificate

from holdfast.edge.certificate_life import Course, Failed, Obtained
from holdfast.edge.certificate_spec import CertificateFiles
from holdfast.edge.issuer import Hook, Means
from holdfast.edge.issuer_spec import AuthoritySpec, CertbotSpec, IssuerSpec
from holdfast.edge.route_spec import SecretRef
from holdfast.engines.acme.authority import LocalAuthority, install_hint
from holdfast.engines.acme.pair import Pair, belongs, load_chain, make_key, make_root, read_leaf, self_signed, signed_by
from holdfast.errors import Bug, Conflict, EngineError, Rejected
from holdfast.kit.secret import Secret
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb

NAME = "shop.example.com"
LOCAL = IssuerSpec(name="local", authority=AuthoritySpec())
DAY = 86_400.0


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@asynccontextmanager
async def opened(tmp_path: Path, *issuers: IssuerSpec, **more: Any) -> AsyncIterator[House]:
    house = House(folder=tmp_path / "state", issuers=list(issuers), **more)
    async with house.open():
        yield house


async def pair(*hosts: str, kind: str = "ecdsa-p256", days: float = 90) -> Pair:
    return self_signed(await make_key(kind), hosts or (NAME,), now=time.time(), lifetime_s=days * DAY, common_name="Somebody else")


def put(house: House, id: ResourceId, found: Pair) -> None:
    """Write over what is served, as somebody with an editor does."""
    (house.served(id) / "fullchain.pem").write_bytes(found.chain)
    (house.served(id) / "key.pem").write_text(found.key.reveal())


def sound(house: House, id: ResourceId) -> bool:
    chain, key = (house.served(id) / "fullchain.pem").read_bytes(), (house.served(id) / "key.pem").read_text()
    return belongs(chain, Secret(key))


def test_before_anything_nothing_is_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            assert (await house.see(certificate(NAME).id)).state is None

    run(story())


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_one_that_signs_itself_is_there_at_once_and_stays_the_same(tmp_path: Path, kind: str) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME, "*.example.com", issuer="selfSigned", key=kind, lifetime=30 * DAY)
            handle = await house.handle(id)
            assert (handle["source"], handle["issuer_name"], handle["key"]) == ("issued", "selfSigned", kind)
            assert handle["names"] == [NAME, "*.example.com"]
            assert 30 * DAY <= handle["not_after"] - handle["not_before"] <= 30 * DAY + 301
            assert await house.fields(id) == dict(house.known[id].state.fields)
            assert stat.S_IMODE((house.served(id) / "key.pem").stat().st_mode) == 0o600
            before = house.served(id).readlink()
            await house.apply(NAME, "*.example.com", issuer="selfSigned", key=kind, lifetime=30 * DAY)
            assert house.served(id).readlink() == before
            assert house.changed == [id]

    run(story())


def test_one_that_signs_itself_changes_with_its_hosts(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            await house.apply(NAME, issuer="selfSigned")
            id = await house.apply("www.example.com", issuer="selfSigned")
            assert (await house.handle(id))["names"] == ["www.example.com"]
            assert sound(house, id)

    run(story())


def test_without_any_issuer_auto_signs_itself(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            id = await house.apply(NAME)
            assert house.engine.candidates(id, Course()) == ("selfSigned",)
            assert isinstance(await house.engine.obtain(id, "selfSigned"), Obtained)

    run(story())


@pytest.mark.parametrize("damage", ["replaced", "key mismatch", "unreadable", "deleted", "link gone", "folder instead", "kept too"])
def test_what_somebody_did_is_seen_and_healed_from_what_was_kept(tmp_path: Path, damage: str) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME)
            await house.engine.obtain(id, "local")
            serial = (await house.handle(id))["serial"]
            other = await pair("evil.example.com")
            match damage:
                case "replaced":
                    put(house, id, other)
                case "key mismatch":
                    (house.served(id) / "key.pem").write_text(other.key.reveal())
                case "unreadable":
                    (house.served(id) / "fullchain.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                case "deleted":
                    (house.served(id) / "key.pem").unlink()
                case "link gone":
                    house.served(id).unlink()
                case "folder instead":
                    house.served(id).unlink()
                    house.served(id).mkdir()
                    put(house, id, other)
                case "kept too":
                    put(house, id, other)
                    shutil.rmtree(house.served(id).parent / ".shop" / "kept" / house.engine.held()[id].version)
            state = (await house.see(id)).state
            if damage in ("deleted", "link gone"):
                assert state is None
            else:
                assert state != house.known[id].state
                named = damage if damage in ("key mismatch", "unreadable") else "replaced"
                assert named in (await house.handle(id))["drift"]
            await house.heal(id)
            assert await house.fields(id) == dict(house.known[id].state.fields)
            assert sound(house, id)
            handle = await house.handle(id)
            if damage == "kept too":  # the one before it, until an issuer has given another
                assert handle["source"] == "files"
                assert isinstance(await house.engine.obtain(id, "local"), Obtained)
            else:
                assert handle["serial"] == serial
            assert house.changed[-1] == id

    run(story())


def test_what_stood_in_the_place_of_the_link_is_not_destroyed(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME)
            house.served(id).unlink()
            house.served(id).mkdir()
            put(house, id, await pair("evil.example.com"))
            (house.served(id) / "notes.txt").write_text("do not lose me")
            await house.heal(id)
            (found,) = (house.served(id).parent / ".shop").glob("found-*")
            assert (found / "notes.txt").read_text() == "do not lose me"

    run(story())


@pytest.mark.parametrize("target", ["/etc", "../../../elsewhere", ".other/served-aa"])
def test_a_link_that_leads_elsewhere_is_never_followed(tmp_path: Path, target: str) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME)
            elsewhere = tmp_path / "elsewhere"
            elsewhere.mkdir()
            house.served(id).unlink()
            house.served(id).symlink_to(target)
            assert (await house.see(id)).state is None
            await house.heal(id)
            assert sound(house, id)
            assert list(elsewhere.iterdir()) == []

    run(story())


def test_a_next_daemon_knows_what_is_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME)
            await house.engine.obtain(id, "local")
            async with house.again().open() as next_day:
                assert next_day.engine.held() == house.engine.held()
                assert (await next_day.see(id)).handle == (await house.see(id)).handle
                put(next_day, id, await pair())
                assert (await next_day.handle(id))["drift"] == ["replaced"]

    run(story())


def test_a_pair_of_files_is_served_and_follows_its_secrets(tmp_path: Path) -> None:
    files = CertificateFiles(certificate=SecretRef(secret="crt"), key=SecretRef(secret="key"))

    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            for days in (90, 60):
                found = await pair(days=days)
                house.values |= {"crt": found.chain.decode(), "key": found.key.reveal()}
                id = await house.apply(NAME, files=files)
                assert (house.served(id) / "fullchain.pem").read_bytes() == found.chain
                assert house.engine.candidates(id, Course()) == ()
                assert (await house.handle(id))["source"] == "files"
                assert await house.fields(id) == dict(house.known[id].state.fields)

    run(story())


BAD_FILES = {
    "another key": "the key is not that of the certificate",
    "other names": "it is not for shop.example.com, only for www.example.com",
    "expired": "certificate 1 of its chain has expired",
    "no certificate": "there is no certificate in PEM in it",
    "no key": "its key is no ECDSA or RSA key",
    "a chain in the wrong order": "certificate 1 of its chain is not signed by the one after it",
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_files_that_cannot_serve_are_named_and_what_stands_stays(tmp_path: Path, fault: str) -> None:
    files = CertificateFiles(certificate=SecretRef(secret="crt"), key=SecretRef(secret="key"))

    async def story() -> None:
        async with opened(tmp_path) as house:
            good = await pair()
            house.values |= {"crt": good.chain.decode(), "key": good.key.reveal()}
            id = await house.apply(NAME, files=files)
            other = await pair()
            match fault:
                case "another key":
                    house.values["key"] = other.key.reveal()
                case "other names":
                    found = await pair("www.example.com")
                    house.values |= {"crt": found.chain.decode(), "key": found.key.reveal()}
                case "expired":
                    found = self_signed(good.key, (NAME,), now=time.time() - 10 * DAY, lifetime_s=DAY, common_name="old")
                    house.values["crt"] = found.chain.decode()
                case "no certificate":
                    house.values["crt"] = "hello"
                case "no key":
                    house.values["key"] = "hello"
                case "a chain in the wrong order":
                    house.values["crt"] = (good.chain + other.chain).decode()
            with pytest.raises(Rejected) as caught:
                await house.apply(NAME, files=files)
            assert caught.value.code == "HF3148"
            assert BAD_FILES[fault] in caught.value.message
            assert "BEGIN" not in caught.value.message
            assert (house.served(id) / "fullchain.pem").read_bytes() == good.chain

    run(story())


def test_what_is_there_and_not_ours_is_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = certificate(NAME).id
            house.served(id).mkdir(parents=True)
            found = await pair()
            put(house, id, found)
            assert (await house.handle(id))["serial"] == getattr(read_leaf(found.chain), "serial", None)
            with pytest.raises(Conflict) as caught:
                await house.apply(NAME)
            assert caught.value.code == "HF3159"
            assert (house.served(id) / "fullchain.pem").read_bytes() == found.chain

    run(story())


def test_what_may_be_taken_over_is_served_on_until_there_is_a_better_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = certificate(NAME).id
            house.served(id).mkdir(parents=True)
            found = await pair()
            put(house, id, found)
            await house.apply(NAME, adopt=True)
            assert (house.served(id) / "fullchain.pem").read_bytes() == found.chain
            assert isinstance(await house.engine.obtain(id, "local"), Obtained)
            assert (house.served(id) / "fullchain.pem").read_bytes() != found.chain

    run(story())


def test_deleting_leaves_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME)
            await house.engine.obtain(id, "local")
            change = Change(id=id, verb=Verb.DELETE, reason=Reason.PRUNED, before=house.known[id].state, after=None)
            for _ in range(2):
                await house.engine.apply(Step(operation="o2", verb=StepVerb.DELETE, change=change, resource=None))
            assert (await house.see(id)).state is None
            assert list(house.served(id).parent.iterdir()) == []
            assert house.records.all() == {}
            assert dict(house.engine.held()) == {}
            failed = await house.engine.obtain(id, "local")
            assert isinstance(failed, Failed)
            assert failed.code == "HF3158"
            with pytest.raises(Bug):
                await house.engine.apply(Step(operation="o2", verb=StepVerb.GATE, change=change, resource=None))

    run(story())


def test_a_change_of_what_is_served_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply(NAME)
            async with asyncio.timeout(DEADLINE_S), aclosing(house.engine.watch()) as watched:
                assert await anext(watched) == id
                acts: tuple[Callable[[], object], ...] = (
                    lambda: (house.served(id) / "key.pem").write_text("edited"),
                    (house.served(id) / "fullchain.pem").unlink,
                    house.served(id).unlink,
                )
                for act in acts:
                    act()
                    while await anext(watched) != id:
                        pass
                    await house.heal(id)
                    assert sound(house, id)

    run(story())


def test_what_nginx_needs_is_made_before_it_was_applied(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            found = certificate(NAME)
            house.known[found.id] = found
            await house.engine.ensure([("shop", "shop"), ("shop", "unheard-of")])
            assert sound(house, found.id)
            assert house.engine.hosts() == {"shop/shop": (NAME,)}
            await house.apply(NAME)
            assert (await house.handle(found.id))["source"] == "bootstrap"

    run(story())


# The local authority


def test_the_local_authority_signs_for_internal_names_under_one_root(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            ids = [await house.apply(name, name=short) for name, short in (("db.internal", "db"), ("*.corp.internal", "corp"))]
            for id in ids:
                assert isinstance(await house.engine.obtain(id, "local"), Obtained)
            root_path = house.engine.authorities()["local"]
            assert stat.S_IMODE(root_path.stat().st_mode) == 0o644
            assert stat.S_IMODE((root_path.parent / "key.pem").stat().st_mode) == 0o600
            (root,) = load_chain(root_path.read_bytes())
            for id in ids:
                load_chain((house.served(id) / "fullchain.pem").read_bytes())[0].verify_directly_issued_by(root)
            assert all(str(root_path) in line for line in install_hint(root_path))

    run(story())


def test_a_root_without_its_key_signs_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, LOCAL) as house:
            id = await house.apply("db.internal")
            await house.engine.obtain(id, "local")
            root_path = house.engine.authorities()["local"]
            (root_path.parent / "key.pem").write_text((await make_key("ecdsa-p256")).reveal())
            failed = await house.engine.obtain(id, "local")
            assert isinstance(failed, Failed)
            assert failed.code == "HF3156"
            (root_path.parent / "key.pem").unlink()
            with pytest.raises(Rejected):
                await LocalAuthority(root_path.parent.parent, "Holdfast local authority", house.clock).root()

    run(story())


def test_a_certificate_never_outlives_its_root(tmp_path: Path) -> None:
    async def story() -> None:
        now = time.time()
        root = make_root(await make_key("ecdsa-p256"), "Short", now=now, lifetime_s=5 * DAY)
        leaf = read_leaf(signed_by(await make_key("ecdsa-p256"), (NAME,), root, now=now, lifetime_s=90 * DAY).chain)
        above = read_leaf(root.chain)
        assert leaf is not None
        assert above is not None
        assert leaf.not_after <= above.not_after

    run(story())


# Hooks

SIGNER = """#!/bin/sh
set -e
openssl x509 -req -in "$HOLDFAST_CSR_FILE" -days 30 -CA {root}/root.pem -CAkey {root}/key.pem -CAcreateserial -copy_extensions copy \
    -out "$HOLDFAST_CHAIN_FILE" 2>/dev/null
echo "$HOLDFAST_HOSTS" > {root}/hosts
env | cut -d= -f1 | sort | tr '\\n' ' ' > {root}/environment
"""
OWN_KEY = """#!/bin/sh
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$HOLDFAST_KEY_FILE" -out "$HOLDFAST_CHAIN_FILE" -days 9 \
    -subj /CN=own -addext "subjectAltName=DNS:shop.example.com" 2>/dev/null
"""
EXEC = IssuerSpec(name="exec", exec="sign")


def hooked(tmp_path: Path, text: str, timeout_s: float = 30.0) -> Means:
    path = tmp_path / "hook"
    path.write_text(text)
    path.chmod(0o755)
    return Means(hooks={"sign": Hook(command=(str(path),), timeout_s=timeout_s)})


@pytest.mark.needs("openssl")
def test_a_hook_signs_for_the_key_that_we_keep(tmp_path: Path) -> None:
    async def story() -> None:
        root = make_root(await make_key("ecdsa-p256"), "Corp", now=time.time(), lifetime_s=90 * DAY)
        (tmp_path / "root.pem").write_bytes(root.chain)
        (tmp_path / "key.pem").write_text(root.key.reveal())
        async with opened(tmp_path, EXEC, means=hooked(tmp_path, SIGNER.replace("{root}", str(tmp_path)))) as house:
            id = await house.apply(NAME, "www.example.com")
            got = await house.engine.obtain(id, "exec")
            assert isinstance(got, Obtained), got
            assert (got.leaf.names, got.leaf.issuer) == ((NAME, "www.example.com"), "Corp")
            assert sound(house, id)
            assert (tmp_path / "hosts").read_text() == "shop.example.com www.example.com\n"
            assert "SSH_AUTH_SOCK" not in (tmp_path / "environment").read_text()
            assert set((tmp_path / "environment").read_text().split()) - {"PWD", "_", "OLDPWD", "SHLVL"} == {
                "HOLDFAST_CHAIN_FILE",
                "HOLDFAST_CSR_FILE",
                "HOLDFAST_HOSTS",
                "HOLDFAST_KEY_FILE",
                "HOME",
                "LANG",
                "PATH",
            }
            assert list((house.folder / "acme" / "hooks").iterdir()) == []

    run(story())


@pytest.mark.needs("openssl")
def test_a_hook_may_bring_a_key_of_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, EXEC, means=hooked(tmp_path, OWN_KEY)) as house:
            id = await house.apply(NAME)
            got = await house.engine.obtain(id, "exec")
            assert isinstance(got, Obtained), got
            assert got.leaf.issuer == "own"
            assert sound(house, id)

    run(story())


@pytest.mark.parametrize(
    ("text", "timeout_s", "words"),
    [
        ("#!/bin/sh\necho no luck >&2\nexit 3\n", 30.0, "it ended with 3: no luck"),
        ("#!/bin/sh\nexec sleep 100\n", 0.2, "it took longer than 0.2 s"),
        ("#!/bin/sh\ntrue\n", 30.0, "it wrote no file HOLDFAST_CHAIN_FILE"),
        ("no program at all", 30.0, "cannot use hook"),
    ],
)
def test_a_hook_that_does_not_do_its_work_is_named(tmp_path: Path, text: str, timeout_s: float, words: str) -> None:
    async def story() -> None:
        async with opened(tmp_path, EXEC, means=hooked(tmp_path, text, timeout_s)) as house:
            id = await house.apply(NAME)
            failed = await house.engine.obtain(id, "exec")
            assert isinstance(failed, Failed)
            assert failed.code == "HF3149"
            assert words in failed.message

    run(story())


@pytest.mark.needs("openssl")
def test_a_hook_that_gives_the_same_again_has_not_renewed(tmp_path: Path) -> None:
    async def story() -> None:
        kept = f'cp {tmp_path}/k "$HOLDFAST_KEY_FILE"; cp {tmp_path}/c "$HOLDFAST_CHAIN_FILE"'
        keep = f'cp "$HOLDFAST_KEY_FILE" {tmp_path}/k; cp "$HOLDFAST_CHAIN_FILE" {tmp_path}/c'
        again = OWN_KEY.replace("set -e\n", f"set -e\nif [ -e {tmp_path}/k ]; then {kept}; exit 0; fi\n") + keep
        async with opened(tmp_path, EXEC, means=hooked(tmp_path, again)) as house:
            id = await house.apply(NAME)
            assert isinstance(await house.engine.obtain(id, "exec"), Obtained)
            failed = await house.engine.obtain(id, "exec")
            assert isinstance(failed, Failed)
            assert "it is the certificate that is there already" in failed.message

    run(story())


# Certbot

CERTBOT = IssuerSpec(name="certbot", certbot=CertbotSpec())


def lineage(folder: Path, name: str, found: Pair, number: int = 1) -> None:
    """Lay a pair down as certbot does: files in archive, links in live."""
    archive, live = folder / "archive" / name, folder / "live" / name
    archive.mkdir(parents=True, exist_ok=True)
    live.mkdir(parents=True, exist_ok=True)
    for kind, data in (("fullchain", found.chain), ("privkey", found.key.reveal().encode())):
        (archive / f"{kind}{number}.pem").write_bytes(data)
        (live / f"{kind}.pem").unlink(missing_ok=True)
        (live / f"{kind}.pem").symlink_to(f"../../archive/{name}/{kind}{number}.pem")


def told(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def test_what_certbot_has_is_adopted_read_and_followed(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "letsencrypt"
        first = await pair(NAME, "www.example.com")
        lineage(folder, NAME, first)
        lineage(folder, "old", await pair(NAME, days=1))
        before = told(folder)
        async with opened(tmp_path, CERTBOT, LOCAL, means=Means(certbot=str(folder))) as house:
            id = await house.apply(NAME)
            assert isinstance(await house.engine.obtain(id, "certbot"), Obtained)
            assert (await house.handle(id))["source"] == "adopted"
            assert (house.served(id) / "fullchain.pem").read_bytes() == first.chain
            again = await house.engine.obtain(id, "certbot")
            assert isinstance(again, Obtained)
            assert not again.is_news
            assert told(folder) == before
            second = await pair(NAME, "www.example.com", days=120)
            lineage(folder, NAME, second, 2)
            assert isinstance(await house.engine.obtain(id, "certbot"), Obtained)
            assert (house.served(id) / "fullchain.pem").read_bytes() == second.chain

    run(story())


def test_what_certbot_has_is_taken_over_when_a_person_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "letsencrypt"
        lineage(folder, NAME, await pair())
        async with opened(tmp_path, CERTBOT, LOCAL, means=Means(certbot=str(folder))) as house:
            id = await house.apply(NAME)
            await house.renew.force(id)
            before = told(folder)
            came = await house.renew.take_over(id, "0 root")
            assert isinstance(came, Obtained)
            assert came.issuer == "local"
            assert told(folder) == before
            assert house.journal.types() == ["certificate.issued", "certificate.taken_over", "certificate.issued"]
            with pytest.raises(Rejected) as caught:
                await house.renew.take_over(id)
            assert caught.value.code == "HF3165"

    run(story())


@pytest.mark.parametrize("fault", ["other names", "expired", "another key", "a link that leads out", "nothing"])
def test_what_does_not_fit_is_not_adopted(tmp_path: Path, fault: str) -> None:
    async def story() -> None:
        folder = tmp_path / "letsencrypt"
        found = await pair("www.example.com" if fault == "other names" else NAME)
        if fault == "expired":
            found = self_signed(found.key, (NAME,), now=time.time() - 9 * DAY, lifetime_s=DAY, common_name="old")
        if fault == "another key":
            found = replace(found, key=await make_key("ecdsa-p256"))
        if fault != "nothing":
            lineage(folder, NAME, found)
        if fault == "a link that leads out":
            secret = tmp_path / "secret.pem"
            secret.write_bytes(found.chain)
            (folder / "live" / NAME / "fullchain.pem").unlink()
            (folder / "live" / NAME / "fullchain.pem").symlink_to(secret)
        async with opened(tmp_path, CERTBOT, means=Means(certbot=str(folder))) as house:
            id = await house.apply(NAME)
            failed = await house.engine.obtain(id, "certbot")
            assert isinstance(failed, Failed)
            assert failed.code == "HF3152"

    run(story())


def test_what_cannot_be_looked_at_is_unknown_and_not_absent(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as house:
            id = certificate(NAME).id
            (house.folder / "certificates").mkdir(parents=True)
            (house.folder / "certificates" / "shop").write_text("a file where a folder belongs")
            live = await house.engine.observe([id])
            assert id in live.unreachable
            with pytest.raises(EngineError):
                await house.apply(NAME)

    run(story())


def test_ids_are_those_of_the_host(tmp_path: Path) -> None:
    assert certificate(NAME).id == ResourceId(HOST, "Certificate", "shop", "shop")
