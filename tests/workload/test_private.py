"""Levels of a Process's network: what they derive, what they claim, what they refuse, and what this host cannot do."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Derived, Desired, Resource
from holdfast.testing.rendering import Repository
from holdfast.workload.exposure import is_loopback
from holdfast.workload.ground import Ground
from holdfast.workload.port_guard import PortGuardKind
from holdfast.workload.private import listening
from holdfast.workload.process import ProcessKind

ABLE = Ground()
NOTHING = Ground(port_rules="its kernel is old", user_rules="only root can", namespaces="only root can")
DB = """
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {name: db}
spec: {command: [redis-server], port: 6379}
"""
WEB = """
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {name: web}
spec: {command: [web], needs: [db], sockets: [{name: http, port: 8080}]}
"""


def rendered(*documents: str, ground: Ground | None = ABLE, **more: Any) -> Desired:
    kinds = Registry(kinds=(ProcessKind(ground), PortGuardKind()))
    return Repository({"p.yaml": "---".join(documents)}).render(Renderer(kinds), **more)


def errors(document: str, ground: Ground | None = ABLE, **more: Any) -> list[str]:
    return Repository({"p.yaml": document}).errors(Renderer(Registry(kinds=(ProcessKind(ground), PortGuardKind()))), **more)


def of(desired: Desired, id: str) -> Resource:
    kind, name = id.split("/")
    found = desired.get(ResourceId(HOST, kind, "shop", name))
    assert found is not None
    return found


def test_a_database_is_private_by_itself_and_its_port_for_those_that_need_it() -> None:
    desired = rendered(DB, WEB)
    db, guard, web = of(desired, "Process/db"), of(desired, "PortGuard/db"), of(desired, "Process/web")
    assert guard.state.fields == {"ports": [6379], "users": ["holdfast-shop"]}
    assert guard.owner == Derived((db.id,))
    assert guard.id in db.needs, "it is guarded before it starts"
    assert db.state.fields["bindPorts"] == [6379]
    assert "connectPorts" not in db.state.fields, "a database archives and replicates"
    assert [(claim.text, claim.method) for claim in db.claims] == [
        ("answers on port 6379", "tcp"),
        ("port 6379 is closed to everybody else", "closed"),
        ("port 6379 is open to Process/shop/web", "open"),
    ]
    assert not {"bindPorts", "connectPorts"} & web.state.fields.keys(), "who says nothing stays as it was"
    assert {str(id) for id in web.needs} == {"Process/shop/db"}


def test_what_says_nothing_and_is_no_database_stays_as_it_was() -> None:
    plain = "apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {name: web}\nspec: {command: [web], port: 3000}\n"
    assert rendered(plain).digest == rendered(plain, ground=None).digest
    assert len(rendered(plain).resources) == 1


@pytest.mark.parametrize(
    ("spec", "is_private"),
    [
        ("command: [/usr/lib/postgresql/15/bin/postgres, -D, data], port: 6000", True),
        ("command: [redis-server], port: 6000", True),
        ("command: [mongod], port: 6000", True),
        ("command: [postgres-15], port: 6000", True),
        ("command: [run], port: 5432", True),
        ("command: [run], port: 50000", False),
        ("command: [node, postgres.js], port: 3000", False),
        ("command: [redis-server], port: 6379, network: {level: open}", False),
        ("command: [api], port: 3000, network: {level: private}", True),
    ],
)
def test_a_database_is_known_by_its_program_or_port_and_a_written_level_counts_before(spec: str, is_private: bool) -> None:
    document = f"apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {{name: it}}\nspec: {{{spec}}}\n"
    assert {resource.id.kind for resource in rendered(document)} == ({"Process", "PortGuard"} if is_private else {"Process"})


def test_rules_for_connecting_come_of_needs_once_they_are_asked_for() -> None:
    asked = WEB.replace("needs: [db]", "needs: [db], network: {connect: [443]}")
    web = of(rendered(DB, asked), "Process/web")
    assert web.state.fields["connectPorts"] == [443, 6379]
    assert "bindPorts" not in web.state.fields
    moved = of(rendered(DB.replace("6379", "6380"), asked), "Process/web")
    assert moved.state.fields["connectPorts"] == [443, 6380], "who needs it is rolled: rules cannot be widened on what runs"
    private = WEB.replace("needs: [db]", "needs: [db], port: 3000, network: {level: private}").replace(
        "sockets: [{name: http, port: 8080}]", ""
    )
    web = of(rendered(DB, private), "Process/web")
    assert (web.state.fields["connectPorts"], web.state.fields["bindPorts"]) == ([3000, 6379], [3000])


def test_users_of_all_that_need_it_and_named_clients_may_come() -> None:
    db = DB.replace("port: 6379", "port: 6379, user: redis, network: {clients: [backup, holdfast-reports], listen: [16379]}")
    worker = WEB.replace("name: web", "name: worker").replace("[web]", "[worker], user: worker").replace("8080", "8081")
    guard = of(rendered(db, WEB, worker), "PortGuard/db")
    assert guard.state.fields == {
        "ports": [6379, 16379],
        "users": ["backup", "holdfast-reports", "holdfast-shop", "redis", "worker"],
    }


def test_each_replica_is_guarded_and_the_first_one_claims() -> None:
    db = DB.replace("port: 6379", "sockets: [{name: main, port: 6379}], replicas: 2")
    desired = rendered(db, WEB)
    first, second = of(desired, "Process/db.0"), of(desired, "Process/db.1")
    guard = of(desired, "PortGuard/db")
    assert guard.id in first.needs & second.needs
    assert {claim.method for claim in first.claims} >= {"closed", "open"}
    assert {claim.method for claim in second.claims}.isdisjoint({"closed", "open"})


def test_what_this_host_cannot_do_is_said_and_nothing_is_derived_of_it() -> None:
    desired = rendered(DB, WEB, ground=NOTHING)
    db = of(desired, "Process/db")
    assert [resource.id.kind for resource in desired] == ["Process", "Process"]
    assert "bindPorts" not in db.state.fields
    assert [claim.text for claim in db.claims] == [
        "answers on port 6379",
        "port 6379 is closed beyond this host",
        "port 6379 is open to Process/shop/web",
    ]
    told = {warning.reason: warning.message for warning in desired.warnings}
    assert "where every user of this host comes to port 6379: only root can; a unix socket" in told["NoUserRules"]
    assert told["NoPortRules"] == "Process db may bind and connect to any port: its kernel is old"


def test_a_database_that_nobody_can_look_at_is_a_warning() -> None:
    hidden = rendered(DB.replace(", port: 6379", ""))
    assert [warning.reason for warning in hidden.warnings] == ["NothingToProve"]
    opened = rendered(DB.replace("port: 6379", "port: 6379, network: {level: open}"))
    assert "OpenDatabase" in {warning.reason for warning in opened.warnings}


def test_a_socket_of_its_own_is_claimed_like_a_port() -> None:
    db = DB.replace("port: 6379", "network: {socket: redis.sock}")
    claims = of(rendered(db, WEB), "Process/db").claims
    assert [(claim.text, claim.target["path"]) for claim in claims] == [
        ("socket redis.sock is closed to everybody else", "redis.sock"),
        ("socket redis.sock is open to Process/shop/web", "redis.sock"),
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("port: 1, network: {level: strict}", ("HF3087", "needs a network to be in")),
        ("port: 1, network: {name: back}", ("HF3087", "its level is open")),
        ("port: 1, network: {clients: [a]}", ("HF3087", "nobody is kept out by user")),
        ("network: {socket: .}", ("HF3087", "the data folder itself")),
        ("network: {level: private}, sockets: [{name: a, port: 1, host: 0.0.0.0}]", ("HF3087", "socket a listens on 0.0.0.0")),
        ("network: {level: strict, name: b}, port: 1, probes: {readiness: {tcp: {}}}", ("HF3087", "only its network reaches")),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(spec: str, expected: tuple[str, str]) -> None:
    document = f"apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {{name: it}}\nspec: {{command: [run], {spec}}}\n"
    found = [error for error in errors(document) if not error.startswith("HF1201")]
    assert [error.split(" ")[0] for error in found] == [expected[0]]
    assert expected[1] in found[0]
    assert "p.yaml:4:" in found[0]


def test_a_network_namespace_where_none_can_be_had_is_refused() -> None:
    document = DB.replace("port: 6379", "port: 6379, network: {level: strict, name: back}")
    assert "HF3088 p.yaml:5:" in errors(document, NOTHING)[0]


@pytest.mark.parametrize(
    "command",
    [
        "[redis-server, --bind, 0.0.0.0]",
        "[redis-server, --bind, 127.0.0.1, 10.0.0.1]",
        "[postgres, -h, '*']",
        "[postgres, -c, listen_addresses=0.0.0.0]",
        "[mongod, --bind_ip_all]",
        "[mongod, --bind_ip, 'localhost,10.0.0.1']",
        "[mysqld, --bind-address=0.0.0.0]",
        "[memcached, -l, '0.0.0.0:11211']",
    ],
)
def test_a_database_that_is_told_to_listen_for_everybody_is_refused(command: str) -> None:
    document = DB.replace("[redis-server], port: 6379", f"{command}, port: 6379")
    (error,) = errors(document)
    assert error.startswith("HF1440 p.yaml:5:")
    opened = document.replace("port: 6379", "port: 6379, network: {level: open}")
    assert errors(opened), "Git alone opens no database"
    assert rendered(opened, allowed=frozenset({"waivers"})).resources, "the local configuration lets it"


@pytest.mark.parametrize(
    "command",
    [
        ("redis-server", "--bind", "127.0.0.1", "-::1", "--port", "6379"),
        ("postgres", "-h", "", "-k", "/run/pg"),
        ("postgres", "-c", "listen_addresses=''"),
        ("postgres", "-h", "localhost"),
        ("mongod", "--bind_ip", "127.0.0.1,/run/mongo.sock"),
        ("mysqld", "--bind-address=::1"),
        ("memcached", "-l", "127.0.0.1:11211"),
    ],
)
def test_listening_on_loopback_or_a_path_is_fine(command: tuple[str, ...]) -> None:
    assert [address for _, address in listening(command) if not is_loopback(address)] == []


def test_a_held_socket_of_a_database_on_a_public_address_is_refused() -> None:
    document = DB.replace("port: 6379", "sockets: [{name: a, port: 6379, host: 0.0.0.0}]")
    (error,) = errors(document)
    assert error.startswith("HF1440 p.yaml:5:")


def test_a_guard_is_not_written_by_hand() -> None:
    (error,) = errors(DB.replace("kind: Process", "kind: PortGuard"))
    assert error.startswith("HF3087")
    assert "write kind: Process" in error
