"""Importing nginx files from the command line: what is printed, what is written, and that nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.cli.daemon import Runner

SHOP = """server { listen 443 ssl; server_name shop.example.com; ssl_certificate /etc/ssl/shop.pem; ssl_certificate_key /etc/ssl/shop.key;
  location / { proxy_pass http://10.0.0.1:3000; proxy_set_header Host $host; } }
"""
ODD = """# Ours
server { listen 80; server_name odd.example.com;
    location ~ ^/(.*)$ { proxy_pass http://$1; }   # wherever
}
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "shop.conf").write_text(SHOP)
    (tmp_path / "conf" / "odd.conf").write_text(ODD)
    return tmp_path / "conf"


def test_the_sites_are_printed_as_yaml(holdfast: Runner, conf: Path) -> None:
    ran = holdfast("import", "nginx", str(conf / "shop.conf"), "--nginx", "1.22.1")
    assert ran.code == 0
    certificate, site = yaml.safe_load_all(ran.out)
    assert (certificate["kind"], certificate["spec"]["hosts"]) == ("Certificate", ["shop.example.com"])
    assert site == {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "Site",
        "metadata": {"name": "shop.example.com"},
        "spec": {"hosts": ["shop.example.com"], "certificate": "shop.example.com", "targets": ["10.0.0.1:3000"]},
    }
    assert "# - tls-protocols: no ssl_protocols" in ran.out
    assert "secret shop.pem: copy /etc/ssl/shop.pem to secrets/shop.pem of the state folder" in ran.err


def test_a_folder_is_written_file_by_file(holdfast: Runner, conf: Path, tmp_path: Path) -> None:
    ran = holdfast("import", "nginx", str(conf), "--output", str(tmp_path / "edge"), "--json")
    assert (ran.code, ran.document["kind"]) == (0, "Import")
    assert sorted(path.name for path in (tmp_path / "edge").iterdir()) == [
        "certificate-shop.example.com.yaml",
        "odd.example.com.conf",
        "shop.example.com.yaml",
    ]
    assert sorted(ran.data["written"]) == sorted(map(str, (tmp_path / "edge").iterdir()))
    assert [each["name"] for each in ran.data["secrets"]] == ["shop.key", "shop.pem"]
    assert len(ran.document["warnings"]) == 1
    assert "where requests go is made of the request: http://$1" in ran.document["warnings"][0]


def test_what_stays_is_as_it_was_below_its_reasons(holdfast: Runner, conf: Path, tmp_path: Path) -> None:
    holdfast("import", "nginx", str(conf / "odd.conf"), "--output", str(tmp_path / "edge"))
    text = (tmp_path / "edge" / "odd.example.com.conf").read_text()
    assert text.startswith("# Stays as it was:\n# - ")
    assert text.endswith(ODD.removeprefix("# Ours\n"))
    assert holdfast("edge", "review", str(tmp_path / "edge" / "odd.example.com.conf"), "--nginx", "any", "--rule", "ssrf").code == 5


def test_the_data_of_nginx_proxy_manager_is_read_as_a_folder(holdfast: Runner, tmp_path: Path) -> None:
    host = """map $scheme $hsts_header { https "max-age=63072000; preload"; }
server { set $forward_scheme http; set $server "192.168.1.10"; set $port 3000; listen 80; listen 443 ssl http2; server_name npm.example.com;
  include conf.d/include/letsencrypt-acme-challenge.conf; include conf.d/include/ssl-ciphers.conf;
  ssl_certificate /etc/letsencrypt/live/npm-1/fullchain.pem; ssl_certificate_key /etc/letsencrypt/live/npm-1/privkey.pem;
  include conf.d/include/force-ssl.conf; location / { include conf.d/include/proxy.conf; }
  include /data/nginx/custom/server_proxy[.]conf; }
"""
    for folder, text in (("proxy_host", host), ("stream", "server { listen 5432; proxy_pass 10.0.0.1:5432; }\n")):
        (tmp_path / "nginx" / folder).mkdir(parents=True)
        (tmp_path / "nginx" / folder / "1.conf").write_text(text)
    data = holdfast("import", "nginx", str(tmp_path / "nginx"), "--nginx", "1.22.1", "--json").data
    assert [each["kind"] for each in data["files"]] == ["Edge", "Site", "nginx"]
    site = yaml.safe_load(data["files"][1]["text"])
    assert (site["metadata"]["name"], site["spec"]["targets"]) == ("npm.example.com", ["192.168.1.10:3000"])
    assert "redirectHttp" not in site["spec"]


def test_a_copy_of_a_hosts_folder_is_read_as_it_lay_there(holdfast: Runner, tmp_path: Path) -> None:
    """As Debian and certbot leave it: the main file names its sites by where they lay, and those are links."""
    main = "events { } http { include /etc/nginx/mime.types; include /etc/nginx/conf.d/*.conf; include /etc/nginx/sites-enabled/*; }"
    shop = """server { server_name shop.example.com; location / { proxy_pass http://127.0.0.1:3000; include proxy_params; }
  listen 443 ssl; # managed by Certbot
  ssl_certificate /etc/letsencrypt/live/shop.example.com/fullchain.pem; # managed by Certbot
  ssl_certificate_key /etc/letsencrypt/live/shop.example.com/privkey.pem; # managed by Certbot
  include /etc/letsencrypt/options-ssl-nginx.conf; # managed by Certbot
}
server { if ($host = shop.example.com) { return 301 https://$host$request_uri; } listen 80; server_name shop.example.com; return 404; }
"""
    for name, text in (
        ("nginx.conf", main),
        ("sites-available/shop", shop),
        ("sites-available/old", "server { server_name old.example.com; }"),
    ):
        (tmp_path / "nginx" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "nginx" / name).write_text(text)
    (tmp_path / "nginx" / "sites-enabled").mkdir()
    (tmp_path / "nginx" / "sites-enabled" / "shop").symlink_to("../sites-available/shop")
    data = holdfast("import", "nginx", str(tmp_path / "nginx"), "--nginx", "1.22.1", "--json").data
    edge, site = (yaml.safe_load(each["text"]) for each in data["files"])
    assert edge["spec"]["tls"]["issuers"] == [{"name": "certbot", "certbot": {}}]
    assert (site["metadata"]["name"], site["spec"]["targets"]) == ("shop.example.com", ["127.0.0.1:3000"])


def test_nothing_is_overwritten(holdfast: Runner, conf: Path, tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "shop.example.com.yaml").write_text("mine\n")
    ran = holdfast("import", "nginx", str(conf), "--output", str(tmp_path / "edge"), "--json")
    assert (ran.code, ran.data["code"]) == (5, "HF8031")
    assert [path.name for path in (tmp_path / "edge").iterdir()] == ["shop.example.com.yaml"]
    (tmp_path / "file").write_text("")
    assert holdfast("import", "nginx", str(conf), "--output", str(tmp_path / "file"), "--json").data["code"] == "HF8032"


def test_files_and_hosts_are_said_by_options(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("server { listen 80; root /srv/a; }\n")
    ran = holdfast("import", "nginx", str(tmp_path / "a.conf"), "--files", "/srv/a=public", "--host", "a.example.com")
    assert yaml.safe_load(ran.out)["spec"]["static"] == {"root": "public"}
    for wrong in ("/srv/a", "srv=a", "/srv=/a"):
        assert holdfast("import", "nginx", str(tmp_path / "a.conf"), "--files", wrong, "--json").data["code"] == "HF8001"
