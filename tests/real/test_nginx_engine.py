"""The engine on a real nginx: what a reload refuses, what needs none, and what nobody but us may change."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.real.edge_house import SEARCH_PATH, Application, self_signed
from tests.real.nginx_house import DEADLINE_S, NginxHouse, play
from tests.real.process_house import SERVER

from holdfast.edge.route_spec import AuthSpec, BasicAuth, MaintenanceSpec, SecretRef, StaticSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.engines.nginx.installed import InstalledNginx, places
from holdfast.engines.nginx.port import Generation, Nginx
from holdfast.engines.nginx.turns import KEPT
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import SocketUse, Spawn
from holdfast.host.wire import Visit
from holdfast.kit.tasks import all_of
from holdfast.testing.contracts.nginx import edge, fails, site

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

HOST = "a.example.com"


class Mischievous(InstalledNginx):
    """Writes something else than it was given, to see what nginx makes of it."""

    spoil = ("", "")

    async def lay(self, generation: Generation) -> None:
        old, new = self.spoil
        await super().lay(replace(generation, text=generation.text.replace(old, new, 1)))


class MischievousHouse(NginxHouse):
    def made(self) -> Nginx:
        return Mischievous(
            places=places(self.root, data=self.root.parent / "data", http=self.http, https=self.https),
            releases=self.releases,
            run_dir=self.run_dir,
            records=self.records,
            clock=RealClock(),
            random=RealRandom(),
            search_path=SEARCH_PATH,
        )

    def spoil(self, old: str, new: str) -> None:
        assert isinstance(self.nginx, Mischievous)
        self.nginx.spoil = (old, new)


ZONE = "    limit_req_zone $remote_addr zone=probe:64k rate=5r/s;\n"
HTTP = "http {\n"
SERVED = "server_name b.example.com;"
CHANGES = {
    "a syntax error": ("}\n", "", "HF3181", '"http" directive is not allowed here'),
    "the key of a zone that is there": (HTTP, HTTP + ZONE.replace("$remote_addr", "$server_name"), "HF3183", 'uses the "$server_name" key'),
    "a port that somebody holds": (SERVED, f"{SERVED} listen 127.0.0.1:TAKEN;", "HF3183", "could not bind()"),
    "a log that cannot be written": (HTTP, f"{HTTP}    access_log /nonexistent/access.log;\n", "HF3181", "/nonexistent/access.log"),
}
TAKEN_WELL = {
    "a zone of another size": (HTTP, HTTP + ZONE.replace("64k", "128k")),
    "a good change": (HTTP, HTTP + ZONE),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_nginx_does_not_take_leaves_the_old_configuration_serving(name: str) -> None:
    async def story(house: NginxHouse) -> None:
        assert isinstance(house, MischievousHouse)
        house.spoil(HTTP, HTTP + ZONE)
        await house.apply(site("a"))
        generation, pid = await house.nginx.answer(), house.pid()
        old, new, code, words = CHANGES[name]
        house.spoil(old, new.replace("TAKEN", str(house.take_port())))
        error = await fails(code, house.apply(site("b")))
        assert words in f"{error.message} {' '.join(error.log)}"
        assert (house.pid(), await house.nginx.answer(), house.nginx.current()) == (pid, generation, generation)
        assert (await house.visit(HOST)).status == 502
        assert await house.status("b.example.com") is None
        house.spoil(HTTP, HTTP + ZONE)
        await house.apply(site("c"))
        assert await house.status("c.example.com") == 502

    play(story, house_of=MischievousHouse)


@pytest.mark.parametrize("name", TAKEN_WELL)
def test_a_change_that_nginx_takes_is_served(name: str) -> None:
    async def story(house: NginxHouse) -> None:
        assert isinstance(house, MischievousHouse)
        house.spoil(HTTP, HTTP + ZONE)
        await house.apply(site("a"))
        house.spoil(*TAKEN_WELL[name])
        await house.apply(site("b"))
        assert await house.status("b.example.com") == 502
        assert house.events("edge.refused") == []

    play(story, house_of=MischievousHouse)


def test_maintenance_is_a_flag_and_needs_no_reload() -> None:
    async def story(house: NginxHouse) -> None:
        with Application().serving() as application:
            spec = SiteSpec(hosts=(HOST,), targets=(application.address,))
            await house.apply(site("a", spec))
            master = house.nginx.master()
            assert master is not None
            for enabled, status in ((True, 503), (False, 200)):
                await house.apply(site("a", replace(spec, maintenance=MaintenanceSpec(enabled=enabled))))
                assert (await house.visit(HOST)).status == status
            now = house.nginx.master()
            assert now is not None
            assert (now.pid, now.accepting) == (master.pid, master.accepting)

    play(story)


def test_a_change_after_which_a_host_fails_goes_back() -> None:
    async def story(house: NginxHouse) -> None:
        with Application().serving() as good, Application(answers={"/": (500, {}, "broken")}).serving() as bad:
            await house.apply(site("a", SiteSpec(hosts=(HOST,), targets=(good.address,))))
            generation = await house.nginx.answer()
            error = await fails("HF3186", house.apply(site("a", SiteSpec(hosts=(HOST,), targets=(bad.address,)))))
            assert "it answers 500, and 200 before" in error.message
            assert (await house.visit(HOST)).status == 200
            assert (await house.nginx.answer(), house.nginx.current()) == (generation, generation)

    play(story)


def test_files_of_a_release_are_served_and_change_with_it() -> None:
    async def story(house: NginxHouse) -> None:
        for release, words in (("one", "first"), ("two", "second")):
            folder = house.releases / "shop" / release / "public"
            folder.mkdir(parents=True)
            (folder / "index.html").write_text(words)
        for folder in (house.releases, house.releases / "shop"):
            folder.chmod(0o755)
        spec = SiteSpec(hosts=(HOST,), static=StaticSpec(root="public"))
        for release, words in (("one", "first"), ("two", "second"), ("one", "first")):
            await house.apply(site("a", spec, release=release))
            seen = await house.visit(HOST)
            assert (seen.status, seen.headers["content-length"]) == (200, str(len(words)))

    play(story)


def test_a_secret_is_for_the_workers_to_read_and_for_nobody_else() -> None:
    async def story(house: NginxHouse) -> None:
        house.secrets.values["users"] = "ann:{PLAIN}open sesame\n"
        auth = AuthSpec(basic=BasicAuth(users=SecretRef(secret="users")))
        with Application().serving() as application:
            await house.apply(site("a", SiteSpec(hosts=(HOST,), targets=(application.address,), auth=auth)))
            assert (await house.visit(HOST)).status == 401
            reader, writer = await asyncio.open_connection("127.0.0.1", house.https, ssl=house.wire.context, server_hostname=HOST)
            writer.write(f"GET / HTTP/1.0\r\nHost: {HOST}\r\nAuthorization: Basic YW5uOm9wZW4gc2VzYW1l\r\n\r\n".encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
        mode = stat.S_IMODE((house.root / "secrets" / "users").stat().st_mode)
        assert mode & 0o007 == 0
        assert "sesame" not in house.conf.read_text() + house.log()

    play(story)


def test_a_renewed_certificate_is_read_and_shown() -> None:
    async def story(house: NginxHouse) -> None:
        await house.apply(site("a"))
        before = (await house.visit(HOST)).certificate
        chain, key = self_signed(HOST)
        house.pairs.put("shop", "a", chain, key)
        house.engine.renewed()

        async def shown() -> bool:
            return (await house.visit(HOST)).certificate == house.nginx.certificate("shop", "a")

        await house.until(shown, "the certificate that lies there")  # an old worker may still answer after a new one did
        assert house.nginx.certificate("shop", "a") not in (None, before)
        assert (await house.seen(site("a").id)).state == site("a").state

    play(story)


def test_a_pair_that_does_not_fit_keeps_the_old_one_serving() -> None:
    async def story(house: NginxHouse) -> None:
        await house.apply(site("a"))
        generation, before = await house.nginx.answer(), (await house.visit(HOST)).certificate
        house.pairs.put("shop", "a", self_signed(HOST)[0], self_signed(HOST)[1])
        error = await fails("HF3181", house.apply(site("b")))
        assert "cannot serve Site shop/a: nginx says: SSL_CTX_use_PrivateKey" in error.message
        assert [str(where) for where in error.where] == ["a.yaml:3"]
        assert (await house.nginx.answer(), (await house.visit(HOST)).certificate) == (generation, before)

    play(story)


def test_the_last_generations_are_kept_with_their_pages_and_no_others() -> None:
    async def story(house: NginxHouse) -> None:
        for at in range(KEPT + 3):
            maintenance = MaintenanceSpec(page=f"<h1>{at}</h1>")
            await house.apply(site("a", SiteSpec(hosts=(HOST,), targets=("127.0.0.1:9",), maintenance=maintenance)))
        kept = sorted(path.name for path in (house.root / "generations").iterdir())
        assert len(kept) == KEPT
        assert os.readlink(house.root / "current") == f"generations/{await house.nginx.answer()}"
        pages = {path.read_text() for path in (house.root / "pages").iterdir()}
        assert {f"<h1>{at}</h1>" for at in range(3, KEPT + 3)} <= pages
        assert "<h1>0</h1>" not in pages

    play(story)


@pytest.mark.parametrize("what", ["the configuration is removed", "the link leads elsewhere", "a page is changed"])
def test_whatever_is_done_to_the_files_is_told_within_a_second_and_put_right(what: str) -> None:
    async def story(house: NginxHouse) -> None:
        wanted = site("a")
        await house.apply(wanted)
        generation = await house.nginx.answer()
        match what:
            case "the configuration is removed":
                os.unlink(house.conf)
            case "the link leads elsewhere":
                os.unlink(house.root / "current")
                os.symlink("generations/elsewhere", house.root / "current")
            case _:
                next(iter((house.root / "pages").iterdir())).write_text("vandals")
        async with asyncio.timeout(1.0):
            await house.until_told("edge.edited")
        for resource in (edge(), wanted):
            await house.apply(resource)
            assert (await house.seen(resource.id)).state == resource.state
        assert house.nginx.edits() == ()
        assert (await house.nginx.answer(), house.nginx.current()) == (generation, generation)

    play(story)


def test_a_keeper_that_dies_takes_nothing_with_it_and_its_successor_tells_of_the_master() -> None:
    async def story(house: NginxHouse) -> None:
        await house.apply(site("a"))
        pid = house.pid()
        client = await KeeperClient.connect(house.run_dir, start=False)
        keeper = (await client.hello()).pid
        os.kill(keeper, signal.SIGKILL)
        await client.wait_closed()
        assert await house.status(HOST) == 502
        await house.apply(site("b"))
        assert house.pid() == pid
        reloads = len(house.events("edge.reloaded"))
        house.kill_master()
        await house.until_told("edge.exited")
        await house.until_told("edge.reloaded", reloads + 1)
        assert house.pid() != pid
        assert await house.status("b.example.com") == 502

    play(story)


def test_a_daemon_that_was_away_while_nginx_died_starts_it_again() -> None:
    async def story(house: NginxHouse) -> None:
        await house.apply(site("a"))
        pid = house.pid()
        await house.leave()
        os.kill(pid, signal.SIGKILL)
        await house.begin()
        await house.until_told("edge.reloaded", 3)
        assert await house.status(HOST) == 502

    play(story)


def test_an_edit_while_no_daemon_looked_is_told_and_undone_at_the_next_start() -> None:
    async def story(house: NginxHouse) -> None:
        await house.apply(site("a"))
        await house.leave()
        house.edit(HOST, "x.example.com")
        assert house.events("edge.edited") == []
        await house.begin()
        told = await house.until_told("edge.edited")
        assert "x.example.com" in str(told.data["diff"])
        await house.until_told("edge.reloaded", 3)
        assert house.nginx.edits() == ()

    play(story)


def test_without_nginx_it_is_said_and_sites_wait() -> None:
    class Nowhere(NginxHouse):
        def made(self) -> Nginx:
            return InstalledNginx(
                places=places(self.root, data=self.root.parent / "data", http=self.http, https=self.https),
                releases=self.releases,
                run_dir=self.run_dir,
                records=self.records,
                clock=RealClock(),
                random=RealRandom(),
                search_path="/nonexistent",
                beside=(),
            )

    async def story(house: NginxHouse) -> None:
        await house.begin()
        error = await fails("HF3180", house.apply(site("a")))
        assert error.hint is not None
        assert "install it" in error.hint

    play(story, is_running=False, house_of=Nowhere)


@asynccontextmanager
async def held_application(folder: Path) -> AsyncIterator[tuple[str, KeeperClient]]:
    """Lend the address of a socket that a keeper holds, and the keeper."""
    client = await KeeperClient.connect(folder, start=True)
    held = await client.hold_tcp("web", "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{held.port}", client
    finally:
        await client.release("web")
        await forgotten(client)
        await client.aclose()


async def forgotten(client: KeeperClient) -> None:
    """End all children and forget them: a keeper stays for as long as somebody may ask how one ended."""
    await client.subscribe()
    for child in (await client.list()).children:
        await client.kill(child.spawn_id)
    async with asyncio.timeout(DEADLINE_S):
        while any(child.alive for child in (await client.list()).children):
            await anext(client.events())
    for child in (await client.list()).children:
        await client.forget(child.spawn_id)


async def started(client: KeeperClient, number: int) -> str:
    spawn_id = f"web/{number}"
    await client.spawn(
        Spawn(
            spawn_id=spawn_id,
            argv=(sys.executable, "-c", SERVER),
            path_env="/usr/bin:/bin",
            env={"WORD": str(number)},
            sockets=(SocketUse(key="web", name="http"),),
        )
    )
    return spawn_id


def test_an_application_is_replaced_and_killed_behind_a_held_socket_without_a_reload_or_a_failure() -> None:
    async def story(house: NginxHouse) -> None:
        async with held_application(house.run_dir.with_name("keep")) as (address, client):
            house.held["Process/shop/web"] = (address,)
            old = await started(client, 0)
            await house.apply(site("a", SiteSpec(hosts=(HOST,), service="web")))
            master = house.nginx.master()
            assert master is not None
            is_over = asyncio.Event()
            statuses: list[int] = []

            async def visitor() -> None:
                while not is_over.is_set():
                    statuses.append((await house.visit(HOST)).status)

            async def replaced() -> None:
                nonlocal old
                for number in range(1, 9):
                    if number % 2:  # the new one first, then the old one goes
                        new = await started(client, number)
                        await client.signal(old, "SIGTERM")
                    else:  # killed while it answers; the next one finds what has queued
                        await client.kill(old)
                        new = await started(client, number)
                    old = new
                    await asyncio.sleep(0.1)  # let visitors meet it
                is_over.set()

            await all_of(*(visitor() for _ in range(4)), replaced())
            await client.signal(old, "SIGTERM")
            now = house.nginx.master()
            assert now is not None
            assert now.accepting == master.accepting
            assert set(statuses) == {200}
            assert len(statuses) > 50

    play(story)


def test_an_edge_behind_a_proxy_is_visited_as_that_proxy_would() -> None:
    async def story(house: NginxHouse) -> None:
        with Application().serving() as application:
            await house.apply(edge(proxy_protocol=True, trusted_proxies=("127.0.0.1",)))
            await house.apply(site("a", SiteSpec(hosts=(HOST,), targets=(application.address,))))
            behind = Visit(address="127.0.0.1", port=house.https, host=HOST, is_tls=True, is_proxied=True)
            assert (await house.wire.visit(behind, timeout_s=30)).status == 200
            assert await house.status(HOST) is None

    play(story)


def test_what_nginx_says_of_itself_is_known() -> None:
    async def story(house: NginxHouse) -> None:
        can = await house.nginx.capability()
        assert can.product == "nginx"
        assert can.has_tls
        handle = (await house.seen(edge().id)).handle
        assert handle is not None
        assert (handle["phase"], handle["pid"], handle["version"]) == ("serving", house.pid(), str(can))
        assert (handle["http"], handle["https"]) == (house.http, house.https)

    play(story)


def test_a_key_of_another_site_that_does_not_fit_is_named_though_only_the_change_was_tested() -> None:
    async def story(house: NginxHouse) -> None:
        await house.apply(site("a"))
        await house.apply(site("b"))
        pid, before = house.pid(), house.conf.read_text()
        house.pairs.put("shop", "a", house.pairs.chain, self_signed("a.example.com")[1])
        error = await fails("HF3181", house.apply(site("b", SiteSpec(hosts=("b.example.com",), targets=("127.0.0.1:8",)))))
        assert "Site shop/a" in error.message
        assert "values mismatch" in error.message
        assert (house.pid(), house.conf.read_text()) == (pid, before)
        assert (await house.visit("b.example.com")).status == 502, "it serves on, before an application that is not there"
        assert sorted(path.name for path in house.conf.parent.resolve().iterdir()) == ["manifest.json", "nginx.conf"]

    play(story)
