"""The keeper's process: start once per folder, serve clients, reap, rotate, end when there is nothing left to keep."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
import struct
import time

from holdfast.host.keeper.children import Children
from holdfast.host.keeper.logs import CHECK_S
from holdfast.host.keeper.operations import Operations
from holdfast.host.keeper.poller import READ, WRITE, Poller
from holdfast.host.keeper.protocol import LOCK_NAME, NOTE_NAME, NOTIFY_DIR, SOCKET_NAME, Lines, Refusal, decode, encode
from holdfast.host.keeper.sockets import Sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OUT_LIMIT = 4 << 20
"""Bytes that wait for a client that does not read; beyond it the client is dropped."""
FIRST_CLIENT_S = 10.0
IDLE_S = 0.5
"""How long an empty keeper waits: for its first client, and after its last."""
NOTES_LIMIT = 256 << 10
PASSED = frozenset({signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})
"""What a terminal or a careless hand might send; the keeper goes on."""


class Client:
    """One connection: what it sent and what still waits to be read by it."""

    __slots__ = ("is_subscribed", "lines", "out", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.lines = Lines()
        self.out = bytearray()
        self.is_subscribed = False


class Server:
    """Everything of one keeper, single-threaded."""

    def __init__(self, run_dir: str, listener: socket.socket) -> None:
        self._run_dir = run_dir
        self._listener = listener
        self._poller = Poller()
        self._clients: dict[int, Client] = {}
        self._held = Sockets()
        self._woken = catch_signals()
        self._children = Children(run_dir, self._held, self._poller, self._emit)
        self._children.succeed()
        self._operations = Operations(self._children, self._held)
        self._poller.watch(self._woken, self._on_signal)
        self._poller.watch(listener.fileno(), self._on_connect)
        self._idle_until: float | None = time.monotonic() + FIRST_CLIENT_S
        self._rotate_at: float | None = None

    def run(self) -> None:
        """Serve until there is nothing left to keep."""
        while not self._is_done():
            self._poller.wait(self._timeout())
            self._rotate()

    def _is_done(self) -> bool:
        if self._operations.is_closing:
            return self._children.living == 0
        if self._clients or len(self._children) or len(self._held):
            self._idle_until = None
            return False
        if self._idle_until is None:
            self._idle_until = time.monotonic() + IDLE_S
        return time.monotonic() >= self._idle_until

    def _timeout(self) -> float | None:
        if self._rotate_at is None and self._children.has_logs:
            self._rotate_at = time.monotonic() + CHECK_S
        ends = [end for end in (self._idle_until, self._rotate_at) if end is not None]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _rotate(self) -> None:
        if self._rotate_at is not None and time.monotonic() >= self._rotate_at:
            self._rotate_at = None
            self._children.rotate_logs()
            gc.collect()

    # -- signals -------------------------------------------------------------------------------------------------------------

    def _on_signal(self, mask: int) -> None:
        try:
            numbers = os.read(self._woken, 4096)
        except BlockingIOError:
            numbers = b""
        if signal.SIGTERM in numbers:
            self._operations.is_closing = True
            note(self._run_dir, f"SIGTERM: no new work; ending when the last of {self._children.living} children has ended")
        self._children.reap()

    # -- clients -------------------------------------------------------------------------------------------------------------

    def _on_connect(self, mask: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left; level-triggered, so it is tried again
            return
        connection.setblocking(False)
        client = Client(connection)
        if not _is_same_user(connection):
            self._send(client, {"error": Refusal("peer", "the keeper serves its own user only").to_json()})
            connection.close()
            return
        self._clients[connection.fileno()] = client
        self._poller.watch(connection.fileno(), lambda mask: self._on_client(client, mask))

    def _on_client(self, client: Client, mask: int) -> None:
        if mask & WRITE:
            self._flush(client)
        if mask & ~WRITE and client.socket.fileno() >= 0:
            self._read(client)

    def _read(self, client: Client) -> None:
        try:
            data = client.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        try:
            lines = client.lines.feed(data)
        except Refusal as refusal:
            self._send(client, {"n": None, "error": refusal.to_json()})
            self._drop(client)
            return
        for line in lines:
            self._send(client, self._answer(client, line))

    def _answer(self, client: Client, line: bytes) -> dict[str, Any]:
        number = None
        try:
            request = decode(line)
            number = request.get("n")
            answer = self._operations.answer(request)
            if request["op"] == "subscribe":
                client.is_subscribed = True
        except Refusal as refusal:
            return {"n": number, "error": refusal.to_json()}
        except Exception as error:  # noqa: BLE001  one bad request must not end the keeper of all children
            note(self._run_dir, f"{type(error).__name__}: {error} while answering {line[:200]!r}")
            return {"n": number, "error": Refusal("bug", f"{type(error).__name__}: {error}").to_json()}
        return {"n": number, "ok": True, **answer}

    def _emit(self, event: dict[str, Any]) -> None:
        """Tell all subscribers. One that lags does not get notes it can read in `list`; exits it always gets."""
        for client in list(self._clients.values()):
            if client.is_subscribed and (event["event"] == "exited" or len(client.out) < OUT_LIMIT // 16):
                self._send(client, event)

    def _send(self, client: Client, message: dict[str, Any]) -> None:
        if client.socket.fileno() < 0:
            return
        is_waiting = bool(client.out)
        client.out += encode(message)
        if not is_waiting:
            self._flush(client)
        if len(client.out) > OUT_LIMIT:
            note(self._run_dir, "dropped a client that does not read")
            self._drop(client)

    def _flush(self, client: Client) -> None:
        try:
            sent = client.socket.send(client.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(client)
            return
        del client.out[:sent]
        if client.socket.fileno() in self._clients:
            self._poller.change(client.socket.fileno(), READ | WRITE if client.out else READ)

    def _drop(self, client: Client) -> None:
        fd = client.socket.fileno()
        if self._clients.pop(fd, None) is not None:
            self._poller.unwatch(fd)
        client.socket.close()
        client.out.clear()


def catch_signals() -> int:
    """Let SIGCHLD and SIGTERM wake the loop, and other signals pass without effect; return the descriptor that wakes it.

    Nothing is ignored or blocked, not even what our starter ignored: children inherit both through exec, but not handlers (signal(7)).
    """
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    ignored = {number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN}
    for number in ignored | PASSED | {signal.SIGCHLD, signal.SIGTERM}:
        signal.signal(number, _nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return woken


def _nothing(number: int, frame: object) -> None:
    """Stand in as a handler; the byte on the wake-up descriptor is what counts."""


def _is_same_user(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.geteuid())


def note(run_dir: str, words: str) -> None:
    """Write a line to the keeper's own log; one that grew too large starts anew. A log that cannot be written is no reason to stop."""
    path = f"{run_dir}/{NOTE_NAME}"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size > NOTES_LIMIT:
                os.ftruncate(fd, 0)
            os.write(fd, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} keeper {os.getpid()}: {words}\n".encode())
        finally:
            os.close(fd)
    except OSError:
        return


def _lock(run_dir: str) -> int | None:
    """Return the held lock of the folder, None when another keeper has it. The file stays: removing it would let two hold it."""
    fd = os.open(f"{run_dir}/{LOCK_NAME}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    os.ftruncate(fd, 0)
    os.write(fd, f"{os.getpid()}\n".encode())
    return fd


def _make_folders(run_dir: str) -> None:
    """Make what is missing, such that run users can pass through to their notify sockets and see nothing else."""
    for folder in (run_dir, f"{run_dir}/{NOTIFY_DIR}"):
        if not os.path.isdir(folder):
            os.makedirs(folder)
            os.chmod(folder, 0o711)


def _listen(run_dir: str) -> socket.socket:
    path = f"{run_dir}/{SOCKET_NAME}"
    if os.path.lexists(path):
        os.unlink(path)  # the lock says that nobody serves it
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(64)
    listener.setblocking(False)
    return listener


def _detach(keep: int) -> None:
    """Leave the caller: not its child, a session of our own, none of its descriptors but `keep`."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o027)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
        if fd > 2 and fd != keep:
            _close(fd)
    if keep > 2:
        os.set_inheritable(keep, False)


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:  # the descriptor of the listing itself
        return


def _tell(fd: int, word: str) -> None:
    """Tell the starter how the start went; it may have gone."""
    if fd > 2:
        with contextlib.suppress(OSError):
            os.write(fd, word.encode())
        os.close(fd)


def main(arguments: list[str]) -> int:
    """Run a keeper for the folder in the first argument; the second is a descriptor on which to say `ready`, `busy` or what failed."""
    run_dir = os.path.abspath(arguments[0])
    ready = int(arguments[1]) if len(arguments) > 1 else -1
    _detach(ready)
    try:
        _make_folders(run_dir)
        lock = _lock(run_dir)
        if lock is None:
            _tell(ready, "busy")
            return 0
        listener = _listen(run_dir)
        server = Server(run_dir, listener)
    except OSError as error:
        _tell(ready, f"failed {error}")
        return 1
    _tell(ready, "ready")
    gc.freeze()
    gc.disable()
    try:
        server.run()
    except BaseException as error:
        note(run_dir, f"ended by {type(error).__name__}: {error}")
        raise
    os.unlink(f"{run_dir}/{SOCKET_NAME}")
    return 0
