"""Who listens: the kernel's tables are read by address, not by port alone."""

from __future__ import annotations

import sys

import pytest

from holdfast.host.keeper import listeners

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0"
TCP = HEAD + "".join(
    f"   {number}: {local} 00000000:0000 {state} {REST} {inode} 1\n"
    for number, (local, state, inode) in enumerate(
        [("0100007F:1F90", "0A", 11), ("00000000:1F91", "0A", 12), ("0100007F:1F90", "01", 13), ("0200007F:1F90", "0A", 14)]
    )
)
UNIX = """Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 21 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 22
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="the table above is a little-endian machine's")
@pytest.mark.parametrize(
    ("host", "port", "inodes"),
    [
        ("127.0.0.1", 8080, {"11"}),
        ("127.0.0.2", 8080, {"14"}),
        ("127.0.0.3", 8080, set()),
        ("0.0.0.0", 8080, {"11", "14"}),
        ("10.0.0.1", 8081, {"12"}),
        ("::", 8080, {"11", "14"}),
        ("127.0.0.1", 8082, set()),
    ],
)
def test_a_listener_is_found_where_addresses_overlap(host: str, port: int, inodes: set[str]) -> None:
    assert listeners.tcp_inodes(TCP, host, port) == inodes


def test_a_unix_socket_is_found_by_its_path() -> None:
    assert listeners.unix_inodes(UNIX, "/run/a b.sock") == {"21"}
    assert listeners.unix_inodes(UNIX, "/run/a") == set()
