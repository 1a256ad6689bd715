"""The door of a listening TCP socket: shut it without losing who is through already, have it refuse, and open it again.

A socket that is closed resets whoever waits in its queue, and while another process has it too it is not even closed. So first the kernel
is told to drop new connections unanswered (socket(7) SO_ATTACH_FILTER): who is in the queue is still served, and who comes now asks again
within the second. Then, when nobody accepts any more, it stops to listen (tcp(7), shutdown(2) on a listening socket): the port stays ours,
and who comes is refused at once.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_DROP = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""One instruction of the classic packet filter: BPF_RET | BPF_K, 0 bytes of the packet (linux/filter.h)."""
_TCP_INFO_BYTES = 104
_QUEUED_AT = 24
"""Of tcpi_unacked in struct tcp_info: of a listening socket, the connections that wait to be accepted (linux/tcp.h)."""


def shut(listener: socket.socket) -> int:
    """Drop new connections from now on; return how many still wait to be accepted."""
    code = ctypes.create_string_buffer(_DROP, len(_DROP))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HL", 1, ctypes.addressof(code)))
    return queued(listener)


def queued(listener: socket.socket) -> int:
    """Return how many connections wait to be accepted."""
    found: int = struct.unpack_from("=I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES), _QUEUED_AT)[0]
    return found


def refuse(listener: socket.socket) -> None:
    """Stop listening; the port stays bound."""
    listener.shutdown(socket.SHUT_RD)


def reserve(listener: socket.socket, host: str, port: int) -> None:
    """Bind to an address by its number, so that the kernel keeps it for this socket also while it does not listen.

    A port that the kernel chose itself would be given back with the first `refuse`. Raises OSError.
    """
    if port == 0:
        with socket.socket(listener.family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))


def open_(listener: socket.socket, backlog: int) -> None:
    """Listen, for the first time or again. Raises OSError where somebody took the port meanwhile."""
    with suppress(FileNotFoundError):  # ENOENT: it was never shut
        listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    listener.listen(backlog)
