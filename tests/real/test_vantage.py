"""Looks from elsewhere: every sight there is, from users, namespaces and port rules, and looks that cannot be made."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from tests.real.namespace import namespace

from holdfast.host.keeper.kernel import PORT_RULES_ABI, Kernel
from holdfast.host.vantage import look_from
from holdfast.model.vantage import Seen, Sight, Target, Vantage

pytestmark = pytest.mark.real

NOBODY = 65534


def look(*vantages: Vantage, timeout_s: float = 3.0) -> list[list[Sight]]:
    return [[each.sight for each in seen] for seen in seen_from(*vantages, timeout_s=timeout_s)]


def seen_from(*vantages: Vantage, timeout_s: float = 3.0) -> tuple[tuple[Seen, ...], ...]:
    async def story() -> tuple[tuple[Seen, ...], ...]:
        async with asyncio.timeout(20.0):
            return await look_from(vantages, timeout_s=timeout_s)

    return asyncio.run(story())


def at(*targets: Target, **more: object) -> Vantage:
    return Vantage(name="it", targets=targets, **more)  # type: ignore[arg-type]


def test_open_and_refused_over_both_families_and_a_path(tmp_path: Path) -> None:
    path = str(tmp_path / "it.sock")
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(path)
        unix.listen()
        port, other = four.getsockname()[1], six.getsockname()[1]
        targets = (Target(port=port), Target(host="::1", port=other), Target(path=path), Target(path=str(tmp_path / "none")))
        assert look(at(*targets)) == [[Sight.OPEN, Sight.OPEN, Sight.OPEN, Sight.UNREACHABLE]]
    assert look(at(Target(port=port), Target(path=path))) == [[Sight.REFUSED, Sight.REFUSED]]


def test_a_queue_that_is_full_is_silence_and_not_a_closed_port() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()), socket.socket() as more:
            more.setblocking(False)
            more.connect_ex(full.getsockname())
            assert look(at(Target(port=full.getsockname()[1])), timeout_s=0.3) == [[Sight.SILENT]]


@pytest.mark.needs("root")
def test_another_user_is_kept_out_by_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "shut"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "it"))
        os.chmod(folder / "it", 0o777)
        unix.listen()
        target = Target(path=str(folder / "it"))
        assert look(at(target), at(target, uid=NOBODY, gid=NOBODY)) == [[Sight.OPEN], [Sight.FORBIDDEN]]


@pytest.mark.needs("root", "ip")
def test_another_network_is_another_world() -> None:
    with namespace() as it, it.listener() as inside, socket.create_server(("127.0.0.1", 0)) as outside:
        targets = (Target(port=inside.getsockname()[1]), Target(port=outside.getsockname()[1]))
        nowhere = Target(host="198.51.100.1", port=1)
        assert look(at(*targets, nowhere, network=str(it.path)), at(*targets)) == [
            [Sight.OPEN, Sight.REFUSED, Sight.UNREACHABLE],
            [Sight.REFUSED, Sight.OPEN],
        ]


@pytest.mark.needs("root", "ip")
def test_an_address_that_is_anothers_there_is_not_looked_at() -> None:
    with namespace() as home, namespace() as foreign, home.listener("0.0.0.0") as it, foreign.listener("192.0.2.77", 4711):
        port = it.getsockname()[1]
        home.run("ip", "link", "add", "hf0", "type", "veth", "peer", "name", "hf1", "netns", foreign.name)
        home.run("ip", "address", "add", "198.51.100.1/30", "dev", "hf0")
        home.run("ip", "link", "set", "hf0", "up")
        foreign.run("ip", "address", "add", "198.51.100.2/30", "dev", "hf1")
        foreign.run("ip", "link", "set", "hf1", "up")
        own, ours = Target(host="192.0.2.77", port=4711), Target(host="198.51.100.1", port=port)
        far = Target(host="203.0.113.9", port=port)
        vantage = at(own, ours, far, network=str(foreign.path), home=("198.51.100.1", "192.0.2.77"))
        assert look(vantage) == [[Sight.ELSEWHERE, Sight.OPEN, Sight.UNREACHABLE]], "without a way there is nobody to ask"
        foreign.run("ip", "route", "add", "default", "via", "198.51.100.1")
        assert look(at(ours, network=str(foreign.path), home=("198.51.100.1",))) == [[Sight.OPEN]]
        foreign.run("ip", "route", "replace", "203.0.113.0/24", "via", "198.51.100.1")
        assert look(at(far, network=str(foreign.path), home=("192.0.2.77",))) == [[Sight.ELSEWHERE]], "somebody else leads there"


@pytest.mark.skipif(Kernel().landlock_abi() < PORT_RULES_ABI, reason="needs a kernel with Landlock rules for TCP ports (6.7)")
def test_port_rules_forbid() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        targets = (Target(port=one.getsockname()[1]), Target(port=two.getsockname()[1]))
        assert look(at(*targets, connect_ports=(targets[0].port,))) == [[Sight.OPEN, Sight.FORBIDDEN]]


def test_a_vantage_that_cannot_be_had_makes_no_look_and_spoils_no_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as it:
        target = Target(port=it.getsockname()[1])
        gone, here = seen_from(at(target, target, network=str(tmp_path / "none")), at(target))
    assert [each.sight for each in gone] == [Sight.UNMADE, Sight.UNMADE]
    assert "No such file" in gone[0].detail
    assert here[0].sight is Sight.OPEN


def test_what_is_no_address_is_no_look() -> None:
    assert look(at(Target(host="300.0.0.1", port=1))) == [[Sight.UNMADE]]
