"""Private containers: what is claimed of a database in a container: that strangers do not reach it, and that who needs it does.

Claims are made at a Docker host that is this host, where the network namespaces of containers can be entered: only root can. A database
whose publishing a reviewed waiver lets through claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from holdfast.kit.canonical import Json
from holdfast.model.declaration import Declaration, Peer
from holdfast.model.ids import ResourceId
from holdfast.model.proof import Claim
from holdfast.model.resource import Resource, Warning
from holdfast.workload.container_spec import ContainerSpec
from holdfast.workload.exposure import database_of
from holdfast.workload.ground import Ground
from holdfast.workload.private import CLOSED, OPEN, VALID_S, named

PUBLISHED = "HF1440"
IMAGE_PORTS: Mapping[str, int] = {
    **dict.fromkeys("postgres postgresql postgis pgvector timescaledb timescaledb-ha supabase-postgres pgvecto-rs".split(), 5432),
    **dict.fromkeys("mysql mysql-server mariadb percona percona-server percona-xtradb-cluster".split(), 3306),
    **dict.fromkeys("mongo mongodb mongodb-community-server percona-server-mongodb ferretdb".split(), 27017),
    **dict.fromkeys("redis redis-stack redis-stack-server valkey keydb dragonfly kvrocks garnet".split(), 6379),
    **dict.fromkeys("elasticsearch opensearch".split(), 9200),
    **dict.fromkeys("cassandra scylla".split(), 9042),
    **dict.fromkeys("cockroach cockroachdb".split(), 26257),
    **dict.fromkeys("mssql-server mssql azure-sql-edge".split(), 1433),
    "memcached": 11211,
    "couchdb": 5984,
    "neo4j": 7687,
    "arangodb": 8529,
    "rethinkdb": 28015,
    "etcd": 2379,
    "influxdb": 8086,
    "clickhouse": 8123,
    "clickhouse-server": 8123,
}
"""Word of an image (`exposure.DATABASES`) → the port that it listens on, unless `expose` says otherwise."""


def ports_of(spec: ContainerSpec) -> tuple[int, ...]:
    """Return the TCP ports of a database: what it exposes, else the one that its image is known for; none of what is no database."""
    word = database_of(spec.image)
    if word is None:
        return ()
    exposed = {int(port) for each in spec.expose if (port := each.removesuffix("/tcp")).isdecimal()}
    known = IMAGE_PORTS.get(word.lower())
    return tuple(sorted(exposed)) if exposed else () if known is None else (known,)


def joined(leaves: tuple[Resource, ...], own: Peer, dependants: tuple[Peer, ...], ground: Ground | None) -> tuple[Resource, ...]:
    """Return the leaves of a Container with what is claimed of each: `model.declaration.Joining`."""
    spec: ContainerSpec = own.declaration.spec
    if ground is None or ground.namespaces is not None or not _is_looked_at(spec, own.id):
        return leaves
    return tuple(replace(leaf, claims=(*leaf.claims, *_claims(leaf.id, ports_of(spec), dependants))) for leaf in leaves)


def warnings(declaration: Declaration, ground: Ground | None) -> Iterator[Warning]:
    spec: ContainerSpec = declaration.spec
    if ground is not None and ground.namespaces is not None and ports_of(spec):
        message = f"Container {declaration.name} is a database, and nobody can look whether it is closed: {ground.namespaces}"
        yield Warning(reason="NothingToProve", message=message, origin=declaration.origin)


def _is_looked_at(spec: ContainerSpec, id: ResourceId) -> bool:
    is_waived = any(waiver.rule == PUBLISHED for waiver in spec.waivers)
    return bool(ports_of(spec)) and spec.replicas > 0 and id.destination.startswith("unix://") and not is_waived


def _claims(id: ResourceId, ports: tuple[int, ...], dependants: tuple[Peer, ...]) -> Iterator[Claim]:
    place: dict[str, Json] = {"container": list[Json](id), "ports": list[Json](ports)}
    verb = "are" if len(ports) > 1 else "is"
    yield Claim(text=f"{named(ports)} {verb} closed to other networks", method=CLOSED, target=place, valid_for_s=VALID_S)
    for peer in dependants:
        client = peer.declaration.spec
        if isinstance(client, ContainerSpec) and client.replicas > 0:
            one = peer.id._replace(name=f"{peer.id.name}.0") if client.replicas > 1 else peer.id
            target: dict[str, Json] = {**place, "client": list[Json](one)}
            yield Claim(text=f"{named(ports)} {verb} open to {peer.id}", method=OPEN, target=target, valid_for_s=VALID_S)
