"""Who else is there while a house is under siege: visitors that ask without a pause, and somebody who follows its events."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.real.house import House

from holdfast.errors import HoldfastError

PAUSE_S = 0.01
"""Between two visits of one visitor."""
PATIENCE_S = 20.0
"""How long a visitor waits for an answer."""
LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request that failed."""

    began_at: float
    ended_at: float
    reason: str


class Visitors:
    """Threads, one for each port, that ask without a pause for long, over a connection for each request."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._failed: list[Visit] = []
        self.answered = 0
        self._threads = [threading.Thread(target=self._visit_on, args=(port,), name=f"visitor of {port}") for port in ports]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def take_failed(self) -> list[Visit]:
        """Return what failed since this was asked last."""
        with self._lock:
            failed, self._failed = self._failed, []
        return failed

    def _visit_on(self, port: int) -> None:
        while not self._ended.wait(PAUSE_S):
            began_at = time.monotonic()
            reason = _visit(port)
            with self._lock:
                if reason is None:
                    self.answered += 1
                else:
                    self._failed.append(Visit(began_at=began_at, ended_at=time.monotonic(), reason=reason))


def _visit(port: int) -> str | None:
    """Ask once; return what was wrong with the answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    return None if head.startswith(b"HTTP/1.0 200") and body else f"half an answer: {answer!r}"


class Listener:
    """A thread that follows the daemon's events through all its deaths, as a person's terminal does: what it heard was acknowledged."""

    def __init__(self, it: House) -> None:
        self._house = it
        self._ended = threading.Event()
        self.heard: dict[int, dict[str, Any]] = {}
        self.doubled: list[int] = []
        self._thread = threading.Thread(target=self._listen_on, name="listener")

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _listen_on(self) -> None:
        newest = 0
        while not self._ended.wait(LOOK_AGAIN_S):
            try:
                for event in self._house.client.events(newest, None):
                    if self._ended.is_set():
                        return
                    if event is None:
                        continue
                    if event["seq"] in self.heard:
                        self.doubled.append(event["seq"])
                    newest = event["seq"]
                    self.heard[newest] = event
            except HoldfastError:
                continue  # the daemon is dead, and comes back
