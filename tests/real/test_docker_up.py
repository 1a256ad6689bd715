"""`holdfast up` with a compose file on a real Docker Engine, as a user has it."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.house import House, house

pytestmark = [pytest.mark.real, pytest.mark.needs("git", *NEEDS)]
WEB = "Container/shop/web"
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop
  annotations: {annotations}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  destination: {{ server: "{server}" }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "mkdir -p /www && echo {version} > /www/index.html && exec httpd -f -p 8080 -h /www"]
    expose: ["8080"]
    stop_signal: SIGKILL
    networks: [back]
    mem_limit: 64m
    restart: unless-stopped
    healthcheck: {{ test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"], interval: 200ms, retries: 30 }}
    deploy: {{ update_config: {{ order: start-first }} }}
  store:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    networks: [back]
    volumes: ["data:/data"]
    restart: always
networks:
  back: {{ internal: true }}
volumes:
  data: {{}}
"""


@pytest.fixture
def shop(dockerd: Dockerd) -> Iterator[House]:
    try:
        with house() as it:
            it.file.write_text(APPLICATION.format(repository=it.repository, server=dockerd.address, annotations="{}"))
            yield it
    finally:
        it_is_gone(dockerd, "shop")


def it_is_gone(dockerd: Dockerd, project: str) -> None:
    for each in dockerd.ask("GET", "/containers/json?all=1"):
        dockerd.ask("DELETE", f"/containers/{each['Id']}?force=1&v=1")
    for each in dockerd.ask("GET", "/networks"):
        if each["Name"].startswith(f"{project}_"):
            dockerd.ask("DELETE", f"/networks/{each['Id']}")
    for each in dockerd.ask("GET", "/volumes")["Volumes"] or ():
        if each["Name"].startswith(f"{project}_"):
            dockerd.ask("DELETE", f"/volumes/{each['Name']}")


def said(dockerd: Dockerd, name: str = "shop-web-1") -> str:
    """Return what the web container answers."""
    networks = dockerd.ask("GET", f"/containers/{name}/json")["NetworkSettings"]["Networks"]
    (address,) = [each["IPAddress"] for each in networks.values()]
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=5) as answer:
        text: str = answer.read().decode().strip()
    return text


def healed(shop: House, dockerd: Dockerd, act: Any, id: str = WEB) -> tuple[float, dict[str, Any]]:
    """Do something by hand; return how long it took until it was healed, and the event of its drift."""
    after, began = shop.newest(), time.monotonic()
    act()
    drifted = shop.happened("resource.drifted", id, after)
    shop.happened("resource.healed", id, after)
    return time.monotonic() - began, drifted


def test_a_compose_file_is_brought_up_healed_rolled_out_and_rolled_back(shop: House, dockerd: Dockerd) -> None:
    first = shop.commit("first", compose_yaml=COMPOSE.format(image=SMALL, version="one"))
    plan = shop.answer("plan", "--file", str(shop.file), expect=2)["data"]
    assert json.dumps(plan).count('"create"') == 4
    shop.up()
    shop.well(first)
    assert said(dockerd) == "one"
    shown = {each["id"]: each for each in shop.answer("status")["data"]["applications"][0]["resources"]}
    assert shown[WEB]["live"]["status"] == "running"

    took: dict[str, float] = {}
    acts: dict[str, tuple[Any, str]] = {
        "update": (
            lambda: dockerd.ask("POST", "/containers/shop-web-1/update", {"Memory": 32 << 20, "MemorySwap": 64 << 20}),
            "limits.memory",
        ),
        "stop": (lambda: dockerd.ask("POST", "/containers/shop-web-1/stop?t=1"), "stopped"),
        "pause": (lambda: dockerd.ask("POST", "/containers/shop-web-1/pause"), "paused"),
        "rename": (lambda: dockerd.ask("POST", "/containers/shop-web-1/rename?name=other"), "renamed"),
    }
    for name, (act, field) in acts.items():
        took[name], drifted = healed(shop, dockerd, act)
        assert any(each.startswith(field) for each in drifted["data"]["fields"]), (name, drifted["data"])
    store = "Container/shop/store"
    off = {"Container": "shop-store-1"}
    took["disconnect"], drifted = healed(shop, dockerd, lambda: dockerd.ask("POST", "/networks/shop_back/disconnect", off), store)
    assert drifted["data"]["fields"] == ["network"]
    took["remove"], _ = healed(shop, dockerd, lambda: dockerd.ask("DELETE", "/containers/shop-store-1?force=1"), store)
    assert max(took.values()) <= 2.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), (took, os.getloadavg())
    shop.well(first)

    second = shop.commit("second", compose_yaml=COMPOSE.format(image=SMALL, version="two"))
    shop.well(second)
    assert said(dockerd) == "two"

    bad = shop.commit("bad", compose_yaml=COMPOSE.format(image=SMALL, version="three").replace("exec httpd", "exec false #"))
    pinned = shop.reach("pinned", lambda it: it["pinned"] and it["desired_revision"] == bad)
    assert pinned["sync"] == "OutOfSync"
    assert said(dockerd) == "two"

    third = shop.commit("third", compose_yaml=COMPOSE.format(image=SMALL, version="four"))
    shop.well(third)
    assert said(dockerd) == "four"
    assert len(dockerd.ask("GET", "/containers/json?all=1")) == 2


BUILT = """\
services:
  web:
    build: { context: app, args: { WORD: hello } }
    expose: ["8080"]
    stop_signal: SIGKILL
    deploy: { update_config: { order: start-first } }
"""
DOCKERFILE = f"""\
FROM {SMALL}
ARG WORD
COPY page /www/index.html
RUN echo $WORD >> /www/index.html
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
"""


def test_a_service_is_built_from_its_commit_and_a_build_that_fails_changes_nothing(shop: House, dockerd: Dockerd) -> None:
    first = shop.commit("first", compose_yaml=BUILT, app__Dockerfile=DOCKERFILE, app__page="one\n")
    plan = shop.answer("plan", "--file", str(shop.file), expect=2)["data"]
    assert [it["forecast"] for it in plan["applications"][0]["changes"] if it["id"] == WEB] == ["builds image shop-web from app"]
    shop.up()
    shop.well(first)
    assert said(dockerd) == "one\nhello"
    container = dockerd.ask("GET", "/containers/shop-web-1/json")["Id"]

    bad = shop.commit("bad", app__Dockerfile=DOCKERFILE.replace("CMD", "RUN echo no luck; exit 3\nCMD"))
    pinned = shop.reach("pinned", lambda it: it["pinned"] and it["desired_revision"] == bad)
    assert pinned["sync"] == "OutOfSync"
    assert dockerd.ask("GET", "/containers/shop-web-1/json")["Id"] == container
    assert "it fails at step 5 of 6, RUN echo no luck; exit 3" in json.dumps(shop.answer("history", "shop"))

    second = shop.commit("second", app__Dockerfile=DOCKERFILE, app__page="two\n")
    shop.well(second)
    assert said(dockerd) == "two\nhello"
    for each in dockerd.ask("GET", "/images/json"):
        for tag in [tag for tag in each["RepoTags"] or () if tag.startswith("shop-web:build-")]:
            dockerd.ask("DELETE", f"/images/{tag}?force=1")


def test_what_runs_outlives_the_daemon(shop: House, dockerd: Dockerd) -> None:
    first = shop.commit("first", compose_yaml=COMPOSE.format(image=SMALL, version="one"))
    shop.up()
    shop.well(first)
    before = {each["Id"] for each in dockerd.ask("GET", "/containers/json")}
    shop.end()
    assert said(dockerd) == "one"
    shop.up()
    shop.well(first)
    assert {each["Id"] for each in dockerd.ask("GET", "/containers/json")} == before


def test_a_compose_file_without_a_docker_host_says_what_to_write(shop: House) -> None:
    shop.file.write_text(APPLICATION.format(repository=shop.repository, server="host://local", annotations="{}"))
    shop.commit("first", compose_yaml=COMPOSE.format(image=SMALL, version="one"))
    error = shop.answer("plan", "--file", str(shop.file), expect=1)["data"]
    assert error["code"] == "HF1430"
    assert "unix:///var/run/docker.sock" in error["hint"]


def test_a_docker_host_that_is_not_there_changes_nothing(shop: House) -> None:
    shop.file.write_text(APPLICATION.format(repository=shop.repository, server="unix:///nowhere/docker.sock", annotations="{}"))
    shop.commit("first", compose_yaml=COMPOSE.format(image=SMALL, version="one"))
    plan = shop.answer("plan", "--file", str(shop.file), expect=75)
    assert "cannot reach the Docker Engine" in json.dumps(plan)


def test_files_of_the_release_are_shown_to_whoever_the_container_runs_as(shop: House, dockerd: Dockerd) -> None:
    text = """\
services:
  web:
    image: {image}
    command: ["httpd", "-f", "-p", "8080", "-h", "/www"]
    user: "65534:65534"
    expose: ["8080"]
    stop_signal: SIGKILL
    networks: [back]
    volumes: ["./html:/www:ro"]
networks:
  back: {{ internal: true }}
"""
    first = shop.commit("first", compose_yaml=text.format(image=SMALL), html__index_html="one\n")
    shop.up()
    shop.well(first)
    assert said(dockerd) == "one"
    second = shop.commit("second", html__index_html="two\n")
    shop.well(second)
    assert said(dockerd) == "two"
