"""Files of nginx beside Sites in one real nginx."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.edge.test_nginx_file import part_from
from tests.real.edge_house import Application, Ground, folded, running

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.testing.sites import part

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

TEXT = """
map $http_x_plan $plan { default free; gold gold; }
upstream app { server %s; }
server { listen 80; server_name old.example.com; return 301 https://$host$request_uri; }
server {
    listen 443 ssl http2; server_name old.example.com;
    location / { proxy_pass http://app; proxy_set_header X-Plan $plan; }
    location ~ ^/greet/(?<who>[a-z]+)$ { default_type text/plain; return 200 "hello $who"; }
    location /static/ { root public; }
}
"""


def test_a_file_and_a_site_are_served_side_by_side(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    public = tmp_path / "releases" / "shop" / "current" / "public" / "static"
    public.mkdir(parents=True)
    (public / "a.txt").write_text("a")
    with Application(name="old").serving() as old, Application(name="web").serving() as web:
        parts = (part_from(TEXT % old.address), part("web", SiteSpec(hosts=("shop.example.com",), targets=(web.address,))))
        with running(ground, folded(ground, *parts, edge=EdgeSpec(bind=("127.0.0.1",), connections=256))) as edge:
            answer = edge.get("/x", host="old.example.com", X_Plan="gold")
            assert (answer.seen[":who"], answer.seen["x-plan"]) == ("old", "gold")
            assert edge.get("/greet/amy", host="old.example.com").body == "hello amy"
            assert edge.get("/static/a.txt", host="old.example.com").body == "a"
            assert edge.get("/static/../../x", host="old.example.com").status == 400
            assert edge.get("/x", host="old.example.com", tls=False).status == 301
            assert edge.get("/.well-known/acme-challenge/none", host="old.example.com", tls=False).status == 404
            assert edge.get("/x").seen[":who"] == "web"
            assert {line["route"] for line in edge.log(7)} >= {"shop/old", "shop/web"}
