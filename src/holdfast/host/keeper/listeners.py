"""Who listens on an address: read from /proc/net and the descriptors of other processes, for a message that names the holder."""

from __future__ import annotations

import os
import socket
import struct

_LISTEN = "0A"


def find_tcp(host: str, port: int) -> tuple[int, str] | None:
    """Return pid and command name of a process that listens where `host:port` would; None when it cannot be found out."""
    return _owner({inode for version in ("tcp", "tcp6") for inode in tcp_inodes(_read(f"/proc/net/{version}"), host, port)})


def find_unix(path: str) -> tuple[int, str] | None:
    """Return pid and command name of a process that has the socket at `path` open."""
    return _owner(unix_inodes(_read("/proc/net/unix"), path))


def tcp_inodes(table: str, host: str, port: int) -> set[str]:
    """Return the socket inodes of a /proc/net/tcp table whose listening address overlaps `host:port`."""
    asked = kernel_address(host)
    inodes = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, _, number = fields[1].partition(":")
        if fields[3] == _LISTEN and int(number, 16) == port and _overlap(address, asked):
            inodes.add(fields[9])
    return inodes


def unix_inodes(table: str, path: str) -> set[str]:
    """Return the socket inodes of a /proc/net/unix table bound to `path`."""
    lines = (line.split(maxsplit=7) for line in table.splitlines()[1:])
    return {fields[6] for fields in lines if len(fields) == 8 and fields[7] == path}


def kernel_address(host: str) -> str:
    """Return a literal address as /proc/net prints it: hexadecimal words in the machine's byte order."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))


def _overlap(one: str, other: str) -> bool:
    return one == other or not one.strip("0") or not other.strip("0")


def _owner(inodes: set[str]) -> tuple[int, str] | None:
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    for name in os.listdir("/proc"):
        if name.isdigit() and links & _links(name):
            return int(name), _read(f"/proc/{name}/comm").strip()
    return None


def _links(pid: str) -> set[str]:
    """Return what the descriptors of a process point to; empty for one that is gone or another user's."""
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    except OSError:
        return found
    return found


def _read(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""
