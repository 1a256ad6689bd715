"""Sites from Git beside what an nginx of the system serves already: it is started apart, includes one link, and is never stopped."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

import pytest
from tests.ports import free_port
from tests.real.edge_house import NGINX
from tests.real.house import house
from tests.real.rolling import Patrons
from tests.real.test_edge_slots import commit
from tests.real.test_edge_up import HOST, Edge

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx")]
SYSTEM = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    include conf.d/*.conf;
    server {{ listen 127.0.0.1:{port} default_server; return 204; }}
}}
"""


@pytest.fixture
def edge() -> Iterator[Edge]:
    with house() as it:
        folder = it.folder / "system"
        (folder / "conf.d").mkdir(parents=True)
        conf = folder / "nginx.conf"
        conf.write_text(SYSTEM.format(folder=folder, port=free_port()))
        it.environ |= {"HOLDFAST_EDGE_INCLUDE": str(folder / "conf.d" / "holdfast.conf"), "HOLDFAST_EDGE_CONF": str(conf)}
        yield Edge(it)


class System:
    """The system's nginx, for as long as the block runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "system"
        self.include = self.folder / "conf.d" / "holdfast.conf"
        words = (self.folder / "nginx.conf").read_text().split()
        self.port = int(words[words.index("listen") + 1].rpartition(":")[2])

    def __enter__(self) -> Self:
        command = [NGINX, "-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "error.log"), "-g", "daemon off;"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        pid, deadline = self.folder / "nginx.pid", time.monotonic() + 20.0
        while not pid.exists() or not pid.read_text().strip():
            assert time.monotonic() < deadline, "it does not start"
            time.sleep(0.01)  # nobody tells
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20.0)

    def status(self) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        try:
            connection.request("GET", "/", headers={"Host": "other.example.org"})
            return connection.getresponse().status
        finally:
            connection.close()


def test_a_site_is_served_by_the_systems_nginx_and_goes_without_a_trace(edge: Edge) -> None:
    it = edge.house
    with System(it.folder) as system:
        it.well_at(commit(edge, "1", 2))
        assert it.resource("Edge/shop/edge")["live"]["pid"] == system.process.pid
        assert os.readlink(system.include) == str(it.state / "edge" / "current" / "nginx.conf")
        with Patrons(edge.http, HOST) as patrons:
            it.well(commit(edge, "2", 3))
            it.answer("edge", "pause", "shop", "on")
            it.until("requests wait", lambda: it.answer("edge", "status")["data"]["sites"][0]["waiting"] == 4)
            it.answer("edge", "pause", "shop", "off")
            assert system.status() == 204
        assert patrons.failures == []
        assert patrons.versions == {"1", "2"}
        assert [look["message"] for look in it.answer("edge", "test")["data"]["looks"]] == [None]
        it.end()
        it.up()
        it.well()
        it.client.work("/v1/down", lambda event: None, application="shop")
        it.until("it is gone", lambda: not system.include.exists())
        assert system.status() == 204
        assert system.process.poll() is None


def test_a_systems_nginx_that_is_down_is_told_with_what_to_do(edge: Edge) -> None:
    it = edge.house
    commit(edge, "1", 1)
    it.up()
    failed = it.happened("operation.failed")
    assert "system's nginx" in str(failed), failed
    assert it.answer("edge", "status")["data"]["nginx"]["phase"] == "waiting"
    with System(it.folder):
        it.answer("sync", "shop", expect=None)
        it.well()
