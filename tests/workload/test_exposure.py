"""Which images are databases, which addresses are public, and which images move."""

from __future__ import annotations

import pytest

from holdfast.workload.container_spec import MountSpec, PortSpec
from holdfast.workload.exposure import database_of, host_path_reason, is_engine_socket, is_public, moves

DATABASES = {
    "postgres": "postgres",
    "postgres:16-alpine": "postgres",
    "docker.io/library/postgres@sha256:abc": "postgres",
    "registry.example:5000/mirror/mysql:8": "mysql",
    "bitnami/redis:7": "redis",
    "mcr.microsoft.com/mssql/server:2022-latest": "mssql",
    "timescale/timescaledb-ha:pg16": "timescaledb-ha",
    "nginx:1": None,
    "ours/postgres-exporter:1": None,
    "postgres.example/app:1": None,
    "localhost:5432/app": None,
}


@pytest.mark.parametrize("image", DATABASES)
def test_a_database_is_known_by_its_image(image: str) -> None:
    assert database_of(image) == DATABASES[image]


ADDRESSES = {None: True, "0.0.0.0": True, "10.0.0.1": True, "::": True, "::1": False, "127.0.0.1": False, "127.9.9.9": False}


@pytest.mark.parametrize("address", [*ADDRESSES, "::ffff:127.0.0.1", "nonsense"])
def test_loopback_alone_is_not_public(address: str | None) -> None:
    assert is_public(PortSpec(target=5432, host_ip=address)) is ADDRESSES.get(address, address == "nonsense")


MOVING = {
    "nginx": True,
    "nginx:latest": True,
    "registry.example:5000/nginx": True,
    "nginx:1.27": False,
    "nginx@sha256:abc": False,
    "registry.example:5000/nginx:1": False,
}


@pytest.mark.parametrize("image", MOVING)
def test_an_image_without_a_version_moves(image: str) -> None:
    assert moves(image) is MOVING[image]


def test_paths_are_judged_tidy() -> None:
    assert host_path_reason("/etc/localtime", ()) is None
    assert host_path_reason("/etc/localtime/../shadow", ()) is not None
    assert host_path_reason("/srv/a/b", ("/srv/a",)) is None
    assert host_path_reason("/srv/ab", ("/srv/a",)) is not None
    assert is_engine_socket(MountSpec(type="bind", source="/var//run/./docker.sock", target="/x"))
    assert not is_engine_socket(MountSpec(type="bind", source="docker.sock", target="/x", within="release"))
