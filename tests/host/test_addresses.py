"""The addresses of a host, read from what the kernel lists."""

from __future__ import annotations

import ipaddress

from holdfast.host import addresses

FIB = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 192.0.2.0
        /24 link UNICAST
Local:
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 169.254.1.1
        /32 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
     |-- 10.0.0.7
        /32 host LOCAL
"""
INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 05 40 00 80     eth0
fe80000000000000021122fffe334455 05 40 20 80     eth0
"""


def test_local_addresses_are_found_without_loopback_and_link_local() -> None:
    assert {str(each) for each in addresses._ipv4(FIB)} == {"192.0.2.2", "10.0.0.7"}
    assert [str(each) for each in addresses._ipv6(INET6)] == ["fd00::2"]


def test_this_host_lists_addresses_that_are_addresses() -> None:
    found = [ipaddress.ip_address(each) for each in addresses.addresses()]
    assert not any(each.is_loopback or each.is_link_local for each in found)
    assert len(set(found)) == len(found)


def test_a_host_that_lists_nothing_has_none() -> None:
    assert list(addresses._ipv4("")) == list(addresses._ipv6("")) == []
