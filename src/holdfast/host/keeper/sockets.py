"""Listening sockets that the keeper holds, so that they outlive the children that serve them.

A socket is made once for its key and stays open until it is released; every child that uses it gets a copy, and what is queued in its
backlog while no child runs is answered by the next one. One that nobody will serve for now rests: its port is ours, and refuses.
"""

from __future__ import annotations

import errno
import os
import socket
import stat

from holdfast.host.keeper import door, listeners
from holdfast.host.keeper.protocol import Refusal, text, text_or_none, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from holdfast.host.keeper.kernel import Kernel

BACKLOG = 4096
"""Default; the kernel caps it at net.core.somaxconn."""


class Address:
    """Where a socket listens: tcp host and port, or a unix path with its mode."""

    __slots__ = ("host", "kind", "mode", "path", "port")

    def __init__(self, kind: str, host: str | None, port: int | None, path: str | None, mode: int) -> None:
        self.kind = kind
        self.host = host
        self.port = port
        self.path = path
        self.mode = mode

    def covers(self, other: Address) -> bool:
        """Whether a socket at `other` is what was asked for here; port 0 is content with any."""
        return (self.kind, self.host, self.path) == (other.kind, other.host, other.path) and self.port in (0, other.port)

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"socket {self.path}"
        return f"[{self.host}]:{self.port}" if ":" in (self.host or "") else f"{self.host}:{self.port}"


def address_of(request: dict[str, Any]) -> Address:
    """Return the address that a request names; raises Refusal. The host is a literal address: nothing here may wait for a resolver."""
    kind = text(request, "kind")
    if kind == "unix":
        path = text(request, "path")
        if not path.startswith("/"):
            raise Refusal("request", "field path must be absolute")
        return Address("unix", None, None, path, whole(request, "mode", 0o600))
    if kind != "tcp":
        raise Refusal("request", f"unknown kind of socket {kind!r}: tcp or unix")
    host = text_or_none(request, "host") or "127.0.0.1"
    port = whole(request, "port", 0)
    host = {"localhost": "127.0.0.1", "*": "0.0.0.0"}.get(host, host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host = socket.inet_ntop(family, socket.inet_pton(family, host))
    except OSError as error:
        raise Refusal("listen", f"cannot listen on {host}:{port}: not a literal address", errno.EINVAL) from error
    if port > 65535:
        raise Refusal("listen", f"cannot listen on {host}:{port}: ports end at 65535", errno.EINVAL)
    return Address("tcp", host, port, None, 0)


class Held:
    """One held socket."""

    __slots__ = ("address", "inode", "is_resting", "key", "socket")

    def __init__(self, key: str, address: Address, listener: socket.socket, *, is_resting: bool = False) -> None:
        self.key = key
        self.socket = listener
        self.address = actual(address, listener)
        self.inode = _inode(address.path)
        self.is_resting = is_resting

    def to_json(self) -> dict[str, Any]:
        where = self.address
        place = {"key": self.key, "kind": where.kind, "host": where.host, "port": where.port, "path": where.path}
        return {**place, "resting": self.is_resting}

    def wake(self, backlog: int) -> None:
        """Listen again, if it rested or was shut."""
        if self.address.kind == "tcp":
            door.open_(self.socket, backlog)
        self.is_resting = False

    def rest(self) -> None:
        """Refuse from now on. What still waits to be accepted is reset."""
        if not self.is_resting:
            door.refuse(self.socket)
            self.is_resting = True

    def close(self) -> None:
        """Close our copy; a unix path goes too while it still is this socket's."""
        self.socket.close()
        path = self.address.path
        if path is not None and self.inode is not None and _inode(path) == self.inode:
            os.unlink(path)


def actual(address: Address, listener: socket.socket) -> Address:
    """Return the address with the port that the kernel chose."""
    if address.kind == "unix":
        return address
    return Address("tcp", address.host, listener.getsockname()[1], None, 0)


class Sockets:
    """All held sockets by key."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def to_json(self) -> list[dict[str, Any]]:
        return [held.to_json() for held in self._held.values()]

    def get(self, key: str) -> Held:
        """Return a held socket; raises Refusal for a key that is not held."""
        held = self._held.get(key)
        if held is None:
            raise Refusal("unknown-socket", f"no socket is held as {key}")
        return held

    def find(self, key: str) -> Held | None:
        return self._held.get(key)

    def hold(self, key: str, address: Address, backlog: int, *, replace: bool, rest: bool = False) -> Held:
        """Return the socket of a key, made now if need be. Another address under the same key is refused unless `replace`.

        It listens, whatever it did before; with `rest` one that is made now does not, and one that is there stays as it is.
        """
        held = self._held.get(key)
        if held is not None and address.covers(held.address):
            if not rest:
                self._wake(held, backlog)
            return held
        if held is not None and not replace:
            raise Refusal("key-taken", f"cannot hold {address} as {key}: the key holds {held.address}")
        new = Held(key, address, self._listen(address, None if rest else backlog), is_resting=rest and address.kind == "tcp")
        if held is not None:
            held.close()
        self._held[key] = new
        return new

    def keep(self, key: str, address: Address, listener: socket.socket) -> None:
        """Hold a socket that was taken back from a child."""
        self._held[key] = Held(key, address, listener)

    def _wake(self, held: Held, backlog: int) -> None:
        try:
            held.wake(backlog)
        except OSError as error:
            raise self._failed(held.address, error) from error

    def shut(self, key: str) -> int:
        """Let nobody new through the door of a TCP socket; return how many still wait to be accepted."""
        held = self.get(key)
        return 0 if held.is_resting or held.address.kind != "tcp" else door.shut(held.socket)

    def rest(self, key: str) -> None:
        """Have a TCP socket refuse until it is held again."""
        held = self.get(key)
        if held.address.kind == "tcp":
            held.rest()

    def release(self, key: str) -> None:
        """Let a socket go; a key that is not held is no error."""
        held = self._held.pop(key, None)
        if held is not None:
            held.close()

    def _listen(self, address: Address, backlog: int | None) -> socket.socket:
        try:
            return listen(address, backlog)
        except OSError as error:
            raise self._failed(address, error) from error

    def _failed(self, address: Address, error: OSError) -> Refusal:
        if error.errno == errno.EADDRINUSE:
            return self._in_use(address)
        return Refusal("listen", f"cannot listen on {address}: {error.strerror or error}", error.errno)

    def _in_use(self, address: Address) -> Refusal:
        subject = f"port {address.port}" if address.kind == "tcp" else str(address)
        for held in self._held.values():
            if held.address.kind == address.kind and held.address.port == address.port and held.address.path == address.path:
                return Refusal("in-use", f"cannot listen on {address}: {subject} is held as {held.key}", errno.EADDRINUSE, key=held.key)
        owner = listeners.find_unix(address.path) if address.path else listeners.find_tcp(address.host or "", address.port or 0)
        if owner is None:
            return Refusal("in-use", f"cannot listen on {address}: {subject} is in use", errno.EADDRINUSE)
        pid, command = owner
        by = f"{subject} is in use by pid {pid} ({command})"
        return Refusal("in-use", f"cannot listen on {address}: {by}", errno.EADDRINUSE, pid=pid, command=command)


def listen(address: Address, backlog: int | None) -> socket.socket:
    """Return a new listening socket; raises OSError. An IPv6 wildcard also serves IPv4, as Node and Go listen. None: it only is bound."""
    if address.kind == "unix":
        return _listen_unix(address.path or "", address.mode, BACKLOG if backlog is None else backlog)
    host = address.host or ""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if ":" in host:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        door.reserve(listener, host, address.port or 0)
        if backlog is not None:
            door.open_(listener, backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _listen_unix(path: str, mode: int, backlog: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear_stale(path)
        _bind_with_mode(listener, path, mode)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _bind_with_mode(bound: socket.socket, path: str, mode: int) -> None:
    """Bind a unix socket that never has wider permissions than asked for."""
    before = os.umask(0o777 & ~mode)
    try:
        bound.bind(path)
    finally:
        os.umask(before)
    os.chmod(path, mode)


def _clear_stale(path: str) -> None:
    """Unlink a socket of ours that nobody answers; anything else stays, and the bind says that the address is in use."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid() and not is_answered(path):
        os.unlink(path)


def is_answered(path: str) -> bool:
    """Whether a process listens at a unix path. A full backlog is an answer too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)


def take_back(kernel: Kernel, pid: int, pidfd: int, fd: int | None, address: Address) -> socket.socket | None:
    """Return a copy of a listening socket that a process still has, None when it has none there or the kernel forbids the copy.

    The descriptor that the process was given is tried first, then all its sockets: a program may have moved it.
    """
    for place in ([] if fd is None else [fd]) + _socket_fds(pid):
        try:
            listener = socket.socket(fileno=kernel.take_fd(pidfd, place))
        except OSError:
            continue
        if _listens_at(listener, address):
            return listener
        listener.close()
    return None


def _socket_fds(pid: int) -> list[int]:
    try:
        names = [int(name) for name in os.listdir(f"/proc/{pid}/fd")]
        return [fd for fd in sorted(names) if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")]
    except OSError:
        return []


def _listens_at(found: socket.socket, address: Address) -> bool:
    try:
        if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return False
        name = found.getsockname()
    except OSError:
        return False
    if address.kind == "unix":
        return bool(name == address.path)
    return isinstance(name, tuple) and name[0] == address.host and name[1] == address.port


def _inode(path: str | None) -> int | None:
    try:
        return None if path is None else os.lstat(path).st_ino
    except OSError:
        return None
