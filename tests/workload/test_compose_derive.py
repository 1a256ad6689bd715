"""What a compose file becomes: containers, networks, volumes and files, with their needs, places and one state for one meaning."""

from __future__ import annotations

from typing import Any

import pytest
from tests.workload.compose_files import read, resources, scope

from holdfast.model.labels import EXCLUSIVE
from holdfast.model.resource import Resource

SHOP = {
    ".env": "DB_PASSWORD=secret\n",
    "compose.yaml": """
services:
  web:
    image: shop/web:1.2
    command: serve --port 80
    ports: ["127.0.0.1:8080:80"]
    depends_on:
      db: {condition: service_healthy, restart: true}
      mail: {condition: service_started, required: false}
    networks: {front: {aliases: [www]}, back: }
    volumes: ["./public:/srv/public:ro", "./uploads:/srv/uploads", "cache:/cache"]
    configs: [{source: site, target: /etc/site.conf, mode: 0444}]
    secrets: [token, {source: key, target: tls.key, uid: "33"}]
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 256M}}, update_config: {order: start-first, delay: 5s}}
    stop_grace_period: 1m30s
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD}"}
    healthcheck: {test: [CMD, pg_isready], interval: 5s, retries: 5}
    networks: [back]
    volumes: [{type: volume, source: pg, target: /var/lib/postgresql/data}]
    restart: on-failure:3
  job: {image: shop/web:1.2, command: migrate, network_mode: "service:db"}
networks: {front: , back: {internal: true, name: shared}, unused: }
volumes: {cache: , pg: {external: true, name: pgdata}, unused: }
configs: {site: {file: ./site.conf}}
secrets: {token: {external: true}, key: {environment: TLS_KEY}}
""",
    "public/index.html": "<h1>",
    "site.conf": "listen 80;\n",
}


@pytest.fixture(scope="module")
def shop() -> dict[str, Resource]:
    return resources(SHOP)


def test_what_is_used_is_derived_with_its_needs(shop: dict[str, Resource]) -> None:
    assert sorted(shop) == [
        "Container/db",
        "Container/job",
        "Container/web",
        "File/config.site",
        "File/secret.key",
        "File/secret.token",
        "Network/back",
        "Network/front",
        "Volume/cache",
        "Volume/pg",
    ]
    needs = {each.name: each.spec.needs for each in read(SHOP).declarations if each.kind == "Container"}
    assert needs == {
        "web": (
            "Network/front",
            "Network/back",
            "Volume/cache",
            "File/secret.token",
            "File/secret.key",
            "File/config.site",
            "Container/db",
        ),
        "db": ("Network/back", "Volume/pg"),
        "job": ("Container/db",),
    }


def test_a_container_has_quantities_and_times_in_numbers_and_text_of_this_house(shop: dict[str, Resource]) -> None:
    fields = shop["Container/web"].state.fields
    assert fields["limits"] == {"cpus": 0.5, "memory": "256Mi"}
    assert fields["stop"] == {"timeout": "1m30s"}
    assert fields["command"] == ["serve", "--port", "80"]
    assert fields["ports"] == [{"target": 80, "published": "8080", "hostIp": "127.0.0.1"}]
    assert (fields["replicas"], fields["order"]) == (2, "start-first")
    assert shop["Container/db"].state.fields["restart"] == {"policy": "on-failure", "maxAttempts": 3}
    assert shop["Container/db"].state.fields["healthcheck"] == {"test": ["CMD", "pg_isready"], "interval": "5s", "retries": 5}
    assert shop["Container/job"].state.fields["networkMode"] == "container:db"


def test_mounts_come_from_the_release_the_data_folder_volumes_and_files(shop: dict[str, Resource]) -> None:
    fields: Any = shop["Container/web"].state.fields
    mounts = {mount["target"]: mount for mount in fields["mounts"]}
    assert mounts["/srv/public"] == {
        "type": "bind",
        "target": "/srv/public",
        "source": "public",
        "within": "release",
        "readOnly": True,
    }
    assert mounts["/srv/uploads"] == {"type": "bind", "target": "/srv/uploads", "source": "uploads", "within": "data"}
    assert mounts["/cache"] == {"type": "volume", "target": "/cache", "source": "cache"}
    assert mounts["/run/secrets/tls.key"]["secret"] == {"secret": "TLS_KEY", "fingerprint": None}
    assert mounts["/run/secrets/tls.key"]["uid"] == "33"
    assert mounts["/etc/site.conf"]["source"] == "config.site"
    assert fields["release"] == "release-1"
    assert "release" not in shop["Container/db"].state.fields


def test_files_hold_configs_and_name_secrets(shop: dict[str, Resource]) -> None:
    assert shop["File/config.site"].state.fields == {"path": "compose/configs/site", "mode": "0644", "content": "listen 80;\n"}
    assert shop["File/secret.token"].state.fields["content"] == {"secret": "token", "fingerprint": None}
    assert shop["File/secret.key"].id.destination == "host"
    changed = resources({**SHOP, "site.conf": "listen 81;\n"})
    assert changed["Container/web"].state.digest != shop["Container/web"].state.digest
    assert changed["Container/db"].state.digest == shop["Container/db"].state.digest


def test_what_is_external_is_looked_at_and_never_changed(shop: dict[str, Resource]) -> None:
    pg, cache = shop["Volume/pg"], shop["Volume/cache"]
    assert (pg.state.fields["volumeName"], pg.policy.prune, pg.policy.adopt, pg.policy.heal) == ("pgdata", False, True, False)
    assert (cache.state.fields["volumeName"], cache.policy.prune, cache.policy.protect) == ("shop_cache", False, True)
    assert "driver" in cache.policy.replace_on
    assert shop["Network/back"].state.fields["networkName"] == "shared"


def test_a_container_goes_down_with_the_networks_and_services_that_it_says(shop: dict[str, Resource]) -> None:
    assert sorted(map(str, shop["Container/web"].policy.restart_with)) == [
        "Container/shop/db",
        "Network/shop/back",
        "Network/shop/front",
    ]


def test_ports_of_this_host_are_one_containers_and_claimed_from_outside(shop: dict[str, Resource]) -> None:
    web = shop["Container/web"]
    assert web.labels[EXCLUSIVE] == "tcp:127.0.0.1:8080"
    assert [(claim.text, claim.target) for claim in web.claims] == [("answers on port 8080", {"host": "127.0.0.1", "port": 8080})]
    far = resources(SHOP, where=scope(destination="ssh://root@far"))["Container/web"]
    assert (far.claims, EXCLUSIVE in far.labels, far.id.destination) == ((), False, "ssh://root@far")


def test_every_field_can_say_where_it_stands() -> None:
    (web,) = (each for each in read(SHOP).declarations if each.name == "web")
    places = {
        path: f"{where.line}:{where.column}"
        for path in (
            (),
            ("spec", "ports", 0),
            ("spec", "mounts", 1),
            ("spec", "mounts", 3),
            ("spec", "env"),
            ("spec", "limits"),
            ("spec", "replicas"),
        )
        for where in [web.place(path)]
    }
    assert places == {
        (): "3:3",
        ("spec", "ports", 0): "6:13",
        ("spec", "mounts", 1): "11:42",
        ("spec", "mounts", 3): "13:15",
        ("spec", "env"): "3:3",
        ("spec", "limits"): "3:3",
        ("spec", "replicas"): "14:24",
    }
    assert web.origin.line == 3


def test_a_secret_from_git_is_a_warning_and_one_without_a_name_an_error() -> None:
    files: dict[str, str | bytes] = {
        "compose.yaml": "services: {a: {image: a:1, secrets: [s]}}\nsecrets: {s: {file: s.txt}}\n",
        "s.txt": b"\xff\x00",
    }
    reading = read(files)
    assert [warning.reason for warning in reading.warnings] == ["SecretInGit"]
    assert resources(files)["File/secret.s"].state.fields["content"] == {"base64": "/wA="}
    missing = read("services: {a: {image: a:1, secrets: [s]}}\nsecrets: {s: {external: true, name: ../x}}\n")
    assert [error.message for error in missing.errors] == ["cannot read compose.yaml: '../x' is no name of a secret"]


def test_no_replicas_are_none_and_one_is_the_container_itself() -> None:
    found = resources("services: {a: {image: a:1, scale: 0}, b: {image: b:1, deploy: {mode: global, replicas: 5}}}")
    assert found["Container/a"].state.fields["replicas"] == 0
    assert "replicas" not in found["Container/b"].state.fields
