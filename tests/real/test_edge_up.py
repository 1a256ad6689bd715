"""A Site from Git, end to end: real nginx, real TLS, deploys and kills under visitors, and an edit that is put back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any, Self

import pytest
from tests.ports import free_port
from tests.real.acme_house import CA, Pebble, pebble
from tests.real.house import House, house

from holdfast.edge.certificate_life import Leaf
from holdfast.engines.nginx.generations import CONF, LINK
from holdfast.host.thread import in_thread
from holdfast.host.tls import leaf_of

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx")]
HOST = "shop.example.test"
SITE = """\
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {{ name: edge }}
spec: {{ http: {http}, https: {https}, bind: [127.0.0.1], shutdownTimeout: 5s, tls: {{ issuers: {issuers} }} }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Site
metadata: {{ name: shop }}
spec: {{ hosts: {hosts}, service: web, certificate: {certificate} }}
"""
CERTIFICATE = """\
---
apiVersion: holdfast.dev/v1alpha1
kind: Certificate
metadata: {{ name: shop }}
spec: {{ hosts: {hosts}, files: {files} }}
"""


class Edge:
    """The edge of a house, asked as visitors do."""

    def __init__(self, it: House) -> None:
        self.house = it
        self.http, self.https = free_port(), free_port()
        self.issuers: list[dict[str, Any]] = []
        self.hosts = [HOST]
        self.files: dict[str, object] | None = None
        """A pair of secrets instead of an issuer."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def commit(self, version: str, extra: str = "") -> str:
        self.house.web(version, replicas=2)
        return self.house.commit("a site", site_yaml=self.site() + extra)

    def site(self) -> str:
        words = {"http": self.http, "https": self.https, "hosts": json.dumps(self.hosts), "issuers": json.dumps(self.issuers)}
        if self.files is None:
            return SITE.format(**words, certificate="auto")
        return SITE.format(**words, certificate="shop") + CERTIFICATE.format(**words, files=json.dumps(self.files))

    def leaf(self, host: str = HOST) -> Leaf:
        """Return the certificate that visitors get."""
        with (
            socket.create_connection(("127.0.0.1", self.https), timeout=10.0) as plain,
            self.context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            return leaf_of([connection.getpeercert(binary_form=True) or b""])

    def issuer(self, host: str = HOST) -> str:
        """Return who signed it."""
        return self.leaf(host).issuer

    def serial(self) -> str:
        return self.leaf().serial

    def trust(self, root: str) -> None:
        """Visit from now on as a browser that believes one root alone."""
        self.context = ssl.create_default_context(cafile=root)

    def ask(self) -> dict[str, str]:
        """Visit once, over a connection of its own."""
        with (
            socket.create_connection(("127.0.0.1", self.https), timeout=10.0) as plain,
            self.context.wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head or b" 200 " not in head.splitlines()[0]:
            raise ValueError(head[:80].decode())
        found: dict[str, str] = json.loads(body)
        return found


class Visitors:
    """Two who visit one after another for as long as the block lasts."""

    def __init__(self, edge: Edge) -> None:
        self.failures: list[str] = []
        self.answers = 0
        self._edge = edge
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit) for _ in range(2)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        while not self._over.wait(0.002):
            try:
                self._edge.ask()
            except (OSError, ValueError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            else:
                self.answers += 1


@pytest.fixture
def edge() -> Iterator[Edge]:
    with house() as it:
        yield Edge(it)


def test_a_site_is_served_by_tls_and_loses_no_visitor_by_a_deploy_or_a_kill(edge: Edge) -> None:
    it = edge.house
    it.well_at(edge.commit("1"))
    assert edge.ask()["version"] == "1"
    it.happened("claim.proven", "SitePart/shop/shop")
    reloads = len(list((it.state / "edge" / "generations").iterdir()))
    with Visitors(edge) as visitors:
        it.well(it.web("2", replicas=2))
        after = it.newest()
        os.kill(it.pid("Process/shop/web.0"), signal.SIGTERM)  # a stop that nobody asked Holdfast for: it finishes what it began
        it.happened("process.started", "Process/shop/web.0", after)
        it.well()
    assert visitors.failures == []
    assert visitors.answers > 0
    assert edge.ask()["version"] == "2"
    assert len(list((it.state / "edge" / "generations").iterdir())) == reloads, "a deploy needs no reload"


def test_an_edit_by_hand_is_told_and_put_back(edge: Edge) -> None:
    it = edge.house
    it.well_at(edge.commit("1"))
    conf = it.state / "edge" / LINK / CONF
    text, after = conf.read_text(), it.newest()
    conf.write_text(text + "# by hand\n")
    it.happened("resource.healed", after=after)
    assert conf.read_text() == text
    it.well()


def test_a_bad_site_leaves_the_old_one_serving_and_names_its_line(edge: Edge) -> None:
    it = edge.house
    it.well_at(edge.commit("1"))
    edge.commit(
        "1",
        "---\napiVersion: holdfast.dev/v1alpha1\nkind: Site\nmetadata: { name: two }\nspec: { hosts: [shop.example.test], service: web }\n",
    )
    it.happened("render.failed")
    errors = [each for each in it.application()["conditions"] if each["type"] == "RenderError"]
    assert any((each["origin"] or "").startswith("site.yaml:") for each in errors)
    assert edge.ask()["version"] == "1"


def test_nginx_outlives_the_daemon_and_the_next_one_takes_it_over(edge: Edge) -> None:
    it = edge.house
    it.well_at(edge.commit("1"))
    pid = it.resource("Edge/shop/edge")["live"]["pid"]
    it.end()
    assert edge.ask()["version"] == "1"
    it.up()
    it.well()
    assert it.resource("Edge/shop/edge")["live"]["pid"] == pid


@pytest.mark.needs("pebble")
def test_a_site_gets_its_certificate_from_an_issuer_that_asks_the_very_edge(edge: Edge) -> None:
    it = edge.house

    def act(ca: Pebble) -> None:
        secrets = it.state / "secrets"
        secrets.mkdir(mode=0o700, parents=True)
        (secrets / CA).write_text(ca.root)
        edge.http = ca.challenges
        edge.issuers = [{"name": "pebble", "acme": {"directory": ca.directory, "ca": {"secret": CA}}}]
        it.well_at(edge.commit("1"))
        it.happened("certificate.issued")
        it.until("the issued certificate is shown", lambda: edge.issuer().startswith("Pebble Intermediate"))
        it.reach("proven anew", lambda status: any(proof["evidence"].find("Pebble") >= 0 for proof in proofs(status)))

    async def story() -> None:
        async with pebble(it.folder / "pebble") as ca:
            await in_thread(act, ca)

    asyncio.run(story())


def proofs(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [proof for each in status["resources"] for proof in each["proofs"]]
