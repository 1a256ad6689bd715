"""A compose file in a real repository: rendered, refused, planned, and asked where its values came from."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.real.house import HOLDFAST, LIMIT_S, House, house

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

COMPOSE = """\
services:
  web:
    image: nginx:1.27
    ports: ["127.0.0.1:8080:80"]
    volumes: ["./conf:/etc/nginx/conf.d:ro"]
    env_file: web.env
    depends_on: [db]
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
"""
OVERRIDE = "services:\n  web:\n    ports: ['127.0.0.1:8443:443']\n"
EXPOSED = COMPOSE.replace('    volumes: ["data:', '    ports: ["5432:5432"]\n    volumes: ["data:')


@pytest.fixture(scope="module")
def shop() -> Iterator[House]:
    with house() as it:
        files = {"compose_yaml": COMPOSE, "compose_override_yaml": OVERRIDE, "web_env": "MODE=live\n", "conf__default_conf": "server {}\n"}
        it.commit("sound", **files)
        it.git("tag", "sound")
        it.commit("exposed", compose_yaml=EXPOSED)
        it.git("tag", "exposed")
        it.commit("broken", compose_yaml=COMPOSE.replace("depends_on", "dependson"))
        it.git("tag", "broken")
        yield it


def test_a_render_prints_the_model_and_the_resources(shop: House) -> None:
    file = ("--file", str(shop.file), "--revision", "sound")
    data = shop.answer("render", *file)["data"]
    (model,) = data["models"]
    assert (model["application"], model["path"]) == ("shop", "compose.yaml")
    assert model["model"]["services"]["web"]["environment"] == {"MODE": "live"}
    assert [port["published"] for port in model["model"]["services"]["web"]["ports"]] == ["8080", "8443"]
    assert [each["id"] for each in data["resources"]] == [
        "Container/shop/db",
        "Container/shop/web",
        "Network/shop/default",
        "Volume/shop/data",
    ]
    web = next(each for each in data["resources"] if each["id"] == "Container/shop/web")
    assert (web["origin"], web["needs"]) == ("compose.yaml:2", ["Container/shop/db", "Network/shop/default"])
    assert len(web["state"]["release"]) == 64
    printed = shop.run("render", *file, "--state", str(shop.state)).stdout
    first = next(yaml.safe_load_all(printed))
    assert first == model["model"]


def test_an_exposed_database_is_refused_by_render_and_plan_alike(shop: House) -> None:
    for command in ("render", "plan"):
        error = shop.answer(command, "--file", str(shop.file), "--revision", "exposed", expect=5)["data"]
        parts = error["errors"] or [error]
        (refused,) = (part for part in parts if part["code"] == "HF1440")
        assert [(where["path"], where["line"]) for where in refused["where"]] == [("compose.yaml", 10)]
        text = shop.run(command, "--file", str(shop.file), "--revision", "exposed", "--state", str(shop.state), expect=5).stderr
        assert "compose.yaml:10:13" in text
        assert 'ports: ["5432:5432"]' in text


def test_an_error_is_told_and_without_a_docker_host_nothing_is_planned(shop: House) -> None:
    broken = shop.answer("render", "--file", str(shop.file), "--revision", "broken", expect=1)["data"]
    assert (broken["code"], broken["hint"], broken["where"][0]["line"]) == ("HF1411", "did you mean depends_on?", 7)
    plan = shop.answer("plan", "--file", str(shop.file), "--revision", "sound", expect=1)["data"]
    assert (plan["code"], plan["where"][0]["path"]) == ("HF1430", "compose.yaml")


def test_a_value_says_where_it_came_from_after_merges(shop: House) -> None:
    file = ("-f", str(shop.file), "--revision", "sound")
    second = shop.answer("explain", "web.ports[1]", *file)
    assert second["kind"] == "Origin"
    assert second["data"]["where"] == {
        "path": "compose.override.yaml",
        "line": 3,
        "column": 13,
        "snippet": "    ports: ['127.0.0.1:8443:443']",
    }
    assert shop.answer("explain", "web.environment.MODE", *file)["data"]["value"] == "live"
    assert "--> compose.yaml:9:12" in shop.run("explain", "services.db.image", *file, "--state", str(shop.state)).stdout
    missing = shop.answer("explain", "web.port", *file, expect=64)["data"]
    assert missing["code"] == "HF8008"


def test_a_waiver_counts_with_the_local_configuration(shop: House) -> None:
    waiver = "{rule: HF1440, reason: a reporting tool, owner: dba@example.org, expires: '%s'}"
    waived = EXPOSED.replace(
        "    image: postgres:16\n", f"    image: postgres:16\n    x-holdfast: {{waivers: [{waiver % '2999-12-31'}]}}\n"
    )
    shop.commit("waived", compose_yaml=waived)
    shop.git("tag", "waived")
    shop.commit("ended", compose_yaml=waived.replace("2999", "2020"))
    shop.git("tag", "ended")
    code, document = allowing_waivers(shop, "waived")
    assert (code, [warning["reason"] for warning in document["data"]["warnings"]]) == (0, ["Waived"])
    shop.answer("render", "--file", str(shop.file), "--revision", "waived", expect=5)
    code, document = allowing_waivers(shop, "ended")
    assert (code, document["data"]["code"]) == (5, "HF1446")


def allowing_waivers(shop: House, revision: str) -> tuple[int, Any]:
    words = ("render", "--file", str(shop.file), "--revision", revision, "--state", str(shop.state), "--json")
    environment = {**os.environ, "HOLDFAST_ALLOW_WAIVERS": "true"}
    done = subprocess.run([*HOLDFAST, *words], env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return done.returncode, json.loads(done.stdout)
