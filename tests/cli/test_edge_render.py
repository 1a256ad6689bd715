"""The configuration that the Sites of a repository make, and what a request would meet in it, without a daemon."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.cli.daemon import Runner

from holdfast.edge.parse import parse

pytestmark = pytest.mark.needs("git")

SITES = """apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {name: web}
spec: {command: [sleep, "100"], port: 3000}
---
apiVersion: holdfast.dev/v1alpha1
kind: Site
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  service: web
  paths:
    - {path: /api, targets: ['api.internal:80'], allow: [10.0.0.0/8]}
---
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {name: edge}
spec: {https: 9443, connections: 128}
"""


def repository(folder: Path, text: str, **files: str) -> Path:
    folder.mkdir()
    for name, content in {"site.yaml": text, **files}.items():
        (folder / name).write_text(content)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def test_the_configuration_of_a_folder_as_it_is_committed(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", SITES)
    ran = holdfast("edge", "render", str(shop), "--nginx", "1.22.1", "--json")
    assert (ran.code, ran.document["kind"]) == (0, "EdgeConfiguration")
    text = ran.data["text"]
    assert parse("nginx.conf", text.encode()).directives
    for line in (
        "listen 9443 ssl http2;",
        "worker_connections 128;",
        "server api.internal:80 max_fails=1",
        "unix:/known-after-apply/Process/shop/web",
    ):
        assert line in text, line
    assert [each["id"] for each in ran.data["sites"]] == ["Site/shop/shop"]
    first, last = ran.data["sites"][0]["lines"][-1]
    assert "server_name shop.example.com;" in "\n".join(text.splitlines()[first - 1 : last])
    assert "the addresses of Process/shop/web, api.internal are known after apply" in ran.document["warnings"]
    assert holdfast("edge", "render", str(shop), "--nginx", "1.30.4").out.count("http2 on;") == 2
    assert holdfast("edge", "render", str(shop), "--nginx", "1.22.1").out.rstrip("\n") == text.rstrip("\n")


def test_what_a_request_meets_in_it(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", SITES)
    data = holdfast("edge", "explain", "https://shop.example.com:9443/api/x", "-f", str(shop), "--json").data
    assert data["sites"] == ["Site/shop/shop"]
    assert data["locations"][0]["text"] == "location ^~ /api/"
    assert [each["text"] for each in data["guards"]][:2] == ["allow 10.0.0.0/8", "deny all"]
    assert data["upstream"]["servers"][0]["text"].startswith("server api.internal:80 ")
    redirect = holdfast("edge", "explain", "http://shop.example.com/", "-f", str(shop))
    assert "return 308" in redirect.out
    (tmp_path / "a.conf").write_text("")
    assert holdfast("edge", "explain", "https://a", "-f", str(shop), "-f", str(tmp_path / "a.conf"), "--json").data["code"] == "HF8001"


def test_a_file_of_nginx_stands_beside_sites_under_its_own_kind(holdfast: Runner, tmp_path: Path) -> None:
    declared = "---\napiVersion: holdfast.dev/v1alpha1\nkind: NginxFile\nmetadata: {name: old}\nspec: {file: old.conf}\n"
    shop = repository(
        tmp_path / "shop", SITES + declared, **{"old.conf": "server { listen 80; server_name old.example.com; return 204; }\n"}
    )
    data = holdfast("edge", "render", str(shop), "--nginx", "1.22.1", "--json").data
    assert [each["id"] for each in data["sites"]] == ["NginxFile/shop/old", "Site/shop/shop"]
    assert holdfast("edge", "explain", "http://old.example.com/", "-f", str(shop), "--json").data["sites"] == ["NginxFile/shop/old"]


def test_no_site_and_a_site_that_cannot_be_served_are_told(holdfast: Runner, tmp_path: Path) -> None:
    none = repository(tmp_path / "none", SITES.partition("---")[0])
    ran = holdfast("edge", "render", str(none), "--json")
    assert (ran.code, ran.data["code"]) == (64, "HF8034")
    odd = repository(tmp_path / "odd", SITES.replace("targets: ['api.internal:80']", "targets: ['127.0.0.1:9443']"))
    ran = holdfast("edge", "render", str(odd), "--json")
    assert (ran.code, ran.data["code"]) == (1, "HF1325")
    assert ran.data["where"][0]["path"] == "site.yaml"
    assert holdfast("edge", "render", "--json").data["code"] == "HF8001"
