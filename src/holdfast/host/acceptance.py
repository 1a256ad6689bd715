"""Acceptance: whether a program of this host has taken a connection, or the kernel keeps it in a queue for somebody who may never come.

A held socket takes every connection, whatever became of its program, so that a connection alone proves nothing. A queued one has no inode
yet at its other end: sock_diag(7) says so for TCP, proc(5) for unix sockets. Not asked of connections that leave this host.
"""

from __future__ import annotations

import os
import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
ESTABLISHED = 1
ANY = 0xFFFFFFFF
_HEAD = struct.Struct("=IHHII")
_ASKED = struct.Struct("=4BI2s2s16s16sIII")
"""`inet_diag_req_v2`: family, protocol, two unused, states, then the socket: ports, addresses, interface, no cookie."""
_TOLD = struct.Struct("=4B48x4II")
"""The beginning of `inet_diag_msg`: family, state, timer, retransmits, the socket, four counts, and its inode."""
_UNIX_TABLE = "/proc/net/unix"


def is_queued(connection: socket.socket) -> bool:
    """Say whether nobody has accepted a connection yet; False where the kernel does not tell."""
    try:
        if connection.family == socket.AF_UNIX:
            return _is_unix_queued(os.fsdecode(connection.getpeername()))
        return _is_tcp_queued(connection)
    except (OSError, struct.error):
        return False


def _is_tcp_queued(connection: socket.socket) -> bool:
    (there, there_port), (here, here_port) = connection.getpeername()[:2], connection.getsockname()[:2]
    addresses = (socket.inet_pton(connection.family, address.partition("%")[0]) for address in (there, here))
    ports = (struct.pack("!H", port) for port in (there_port, here_port))
    asked = _ASKED.pack(connection.family, socket.IPPROTO_TCP, 0, 0, ANY, *ports, *addresses, 0, ANY, ANY)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(_HEAD.pack(_HEAD.size + len(asked), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + asked)
        told = kernel.recv(4096)
    if _HEAD.unpack_from(told)[1] != SOCK_DIAG_BY_FAMILY:
        return False  # no such socket here: it is closed already, or on another host
    fields: tuple[int, ...] = _TOLD.unpack_from(told, _HEAD.size)
    return fields[1] == ESTABLISHED and fields[-1] == 0


def _is_unix_queued(path: str) -> bool:
    """Whose place in the queue it is cannot be told, so somebody else's counts too."""
    with open(_UNIX_TABLE, encoding="utf-8", errors="surrogateescape") as table:
        rows = (line.rstrip("\n").split(maxsplit=7) for line in table)
        return any(len(row) == 8 and row[7] == path and row[6] == "0" for row in rows)
