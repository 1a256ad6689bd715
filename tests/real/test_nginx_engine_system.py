"""An nginx that is the system's: it includes a file of ours, and everything else about it stays its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ports import free_port
from tests.real.edge_house import NGINX, SEARCH_PATH
from tests.real.nginx_house import DEADLINE_S, NginxHouse, play

from holdfast.engines.nginx.installed import places
from holdfast.engines.nginx.port import Nginx
from holdfast.engines.nginx.system import SystemNginx
from holdfast.testing.contracts.nginx import edge, fails, refused_site, site

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]


class SystemHouse(NginxHouse):
    """A house with an nginx of somebody else in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.system = folder / "system"
        (self.system / "conf.d").mkdir(parents=True)
        self.port = free_port()
        self.conf_of_system = self.system / "nginx.conf"
        self.conf_of_system.write_text(self.text())

    def text(self) -> str:
        return f"""
            pid {self.system}/nginx.pid;
            error_log {self.system}/error.log;
            events {{ }}
            http {{
                sendfile off;
                ssl_protocols TLSv1.2;
                default_type text/plain;
                access_log off;
                include conf.d/*.conf;
                server {{
                    listen 127.0.0.1:{self.port} default_server;
                    return 204;
                }}
            }}
        """

    def made(self) -> Nginx:
        return SystemNginx(
            places=places(self.root, data=self.root.parent / "data", http=self.http, https=self.https),
            releases=self.releases,
            include=self.system / "conf.d" / "holdfast.conf",
            search_path=SEARCH_PATH,
            conf=self.conf_of_system,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the system's nginx, as an init system would."""
        command = [NGINX, "-c", str(self.conf_of_system), "-e", str(self.system / "error.log"), "-g", "daemon off;"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + DEADLINE_S
            while not (self.system / "nginx.pid").exists() or not (self.system / "nginx.pid").read_text().strip():
                assert time.monotonic() < deadline, "it does not start"
                time.sleep(0.01)  # nobody tells
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def test_a_site_is_served_beside_what_the_system_serves() -> None:
    async def story(house: NginxHouse) -> None:
        assert isinstance(house, SystemHouse)
        with house.running():
            await house.begin()
            pid = house.pid()
            await house.apply(edge())
            await house.apply(site("a"))
            seen = await house.visit("a.example.com")
            assert (seen.status, seen.protocol) == (502, "TLSv1.3"), "our servers offer what our policy says"
            house.http = house.port
            assert (await house.visit("other.example.org", is_tls=False)).status == 204
            assert house.pid() == pid
            await house.delete(site("a").id)
            await house.delete(edge().id)
            assert not (house.system / "conf.d" / "holdfast.conf").is_symlink()
            assert (await house.visit("other.example.org", is_tls=False)).status == 204
            assert house.pid() == pid

    play(story, is_running=False, house_of=SystemHouse)


def test_what_it_refuses_is_blamed_on_its_site_and_leaves_the_system_as_it_was() -> None:
    async def story(house: NginxHouse) -> None:
        assert isinstance(house, SystemHouse)
        with house.running():
            await house.begin()
            await house.apply(edge())
            await house.apply(site("a"))
            error = await fails("HF3181", house.apply(refused_site("bad")))
            assert [str(where) for where in error.where] == ["bad.yaml:3"]
            assert (await house.visit("a.example.com")).status == 502
            house.edit("server_name a.example.com", "server_name x.example.com")
            await house.until_seen(site("a").id, lambda seen: seen.state != site("a").state, "a drifted")
            await house.apply(site("a"))
            assert house.nginx.edits() == ()

    play(story, is_running=False, house_of=SystemHouse)


def test_a_system_whose_nginx_is_down_is_waited_for() -> None:
    async def story(house: NginxHouse) -> None:
        assert isinstance(house, SystemHouse)
        await house.begin()
        await fails("HF3188", house.apply(edge()))
        with house.running():
            await house.apply(edge())
            await house.apply(site("a"))
            assert (await house.visit("a.example.com")).status == 502

    play(story, is_running=False, house_of=SystemHouse)
