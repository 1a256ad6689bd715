"""What a request would meet, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.daemon import Runner

CONFIG = """upstream app { server 10.0.0.1:80; server 10.0.0.2:80 backup; }
server {
    listen 443 ssl; server_name a.example;
    add_header X-One 1;
    location /api/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
    location ~ (?R) { return 200; }
}
"""


@pytest.fixture
def conf(tmp_path: Path) -> str:
    (tmp_path / "a.conf").write_text(CONFIG)
    return str(tmp_path / "a.conf")


def test_all_that_a_request_meets_with_its_places(holdfast: Runner, conf: str) -> None:
    data = holdfast("edge", "explain", "https://a.example/api//x/../y?q=1", "-f", conf, "--json").data
    assert data["server"] == {"text": "server", "at": f"{conf}:2:1"}
    assert (data["names"], data["is_default"]) == (["a.example"], False)
    assert data["locations"] == [{"text": "location /api/", "at": f"{conf}:5:5"}]
    assert [each["text"] for each in data["answers"]] == ["proxy_pass http://app"]
    assert [each["text"] for each in data["upstream"]["servers"]] == ["server 10.0.0.1:80", "server 10.0.0.2:80 backup"]
    assert [each["text"] for each in data["headers"]] == ["add_header X-One 1"]
    assert [each["text"] for each in data["guards"]] == ["allow 10.0.0.0/8", "deny all"]
    assert data["unknown"] == ["(?R)"]


def test_people_see_a_line_for_each(holdfast: Runner, conf: str) -> None:
    ran = holdfast("edge", "explain", "b.example", "-f", conf)
    assert ran.code == 0
    assert f"server    a.example (the default: no server has the name)  {conf}:2:1\n" in ran.out


def test_nobody_listening_is_told_by_the_exit_code(holdfast: Runner, conf: str) -> None:
    ran = holdfast("edge", "explain", "http://a.example/", "-f", conf)
    assert (ran.code, ran.out) == (3, "nobody listens on port 80 for http\n")


@pytest.mark.parametrize("url", ["ftp://a.example", "https://", "https://a:b"])
def test_what_is_no_address_is_told(holdfast: Runner, conf: str, url: str) -> None:
    ran = holdfast("edge", "explain", url, "-f", conf, "--json")
    assert (ran.code, ran.data["code"]) == (64, "HF8033")
    assert holdfast("edge", "explain", "https://a", "--json").data["code"] == "HF8001"
