"""What the patches of a review make of a file, in real nginx: it starts, and answers as before."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.real.edge_house import DEADLINE_S, Answer, Application, Edge, Ground, capability, command

from holdfast.edge.parse import parse
from holdfast.edge.review import review
from holdfast.edge.review_mend import mended

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]
MAIN = """\
daemon off;
pid nginx.pid;
events {{ worker_connections 2000; }}
http {{
    access_log off;
    include site.conf;
}}
"""
SITE = """\
server {{
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl http2;
    server_name shop.example.com;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    location ~ ^/(a+)+$ {{ return 204; }}
    location / {{
        proxy_pass http://{application};
    }}
    location /api/ {{
        proxy_pass http://{application}/v1/;
    }}
}}
"""


@contextmanager
def serving(ground: Ground) -> Iterator[Edge]:
    process = subprocess.Popen(command(ground.folder), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        edge, deadline = Edge(ground), time.monotonic() + DEADLINE_S
        while process.poll() is None:
            try:
                edge.get()
                break
            except OSError:
                assert time.monotonic() < deadline, "nginx does not answer"
        yield edge
    finally:
        process.terminate()
        _, told = process.communicate(timeout=DEADLINE_S)
        assert b"emerg" not in told, told


def asked(edge: Edge) -> list[Answer]:
    return [
        edge.get(path, tls=tls, X_Real_IP="6.6.6.6")
        for path in ("/", "/cart?a=b%20c", "/api/orders", "/api", "/aaa")
        for tls in (True, False)
    ]


def test_a_file_with_all_its_patches_starts_and_answers_as_before(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    (tmp_path / "chain.pem").write_bytes(ground.chain)
    (tmp_path / "key.pem").write_bytes(ground.key)
    with Application().serving() as application:
        words = {"http": ground.http, "https": ground.https, "application": application.address.replace("127.0.0.1", "localhost")}
        main, site = MAIN.format(), SITE.format(**words, chain=tmp_path / "chain.pem", key=tmp_path / "key.pem")
        (tmp_path / "nginx.conf").write_text(main)
        (tmp_path / "site.conf").write_text(site)
        with serving(ground) as edge:
            before = asked(edge)
        files = {
            str(tmp_path / name): parse(str(tmp_path / name), text.encode()) for name, text in (("nginx.conf", main), ("site.conf", site))
        }
        found = {each.rule for each in review(files, capability())}
        assert {"forwarded-for", "websocket", "request-id", "regex-catastrophic", "descriptors", "version-disclosure"} <= found
        for path, text in mended(files, capability()).items():
            Path(path).write_bytes(text)
        assert ground.tested() == ""
        with serving(ground) as edge:
            after = asked(edge)
    new = {"x-request-id", "connection"}
    assert [answer.status for answer in after] == [answer.status for answer in before]
    for one, other in zip(before, after, strict=True):
        if one.body.startswith("{"):
            assert {name: value for name, value in other.seen.items() if name not in new} == {
                name: value for name, value in one.seen.items() if name not in new
            }
            assert other.seen["host"] == "shop.example.com"
