"""Visitors of the demo: requests one after the other, each over a connection of its own, counted and judged."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

VISITORS = 2
PAUSE_S = 0.001
PATIENCE_S = 10.0


def ask(port: int, host: str | None = None) -> dict[str, Any]:
    """Ask once and return the JSON answer; by TLS where a host is named. OSError: nobody answers; ValueError: it is no good answer.

    Nobody asks who signed the certificate: the demo's signs itself.
    """
    if host is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    else:
        connection = _Encrypted("127.0.0.1", port, host)
    try:
        connection.request("GET", "/", headers={"Host": host or f"127.0.0.1:{port}"})
        got = connection.getresponse()
        body = got.read()
    except HTTPException as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if got.status != 200:
        raise ValueError(f"status {got.status}")
    found: dict[str, Any] = json.loads(body)
    return found


class _Encrypted(HTTPConnection):
    """HTTP over TLS to an address, under the name of a host."""

    def __init__(self, address: str, port: int, host: str) -> None:
        super().__init__(address, port, timeout=PATIENCE_S)
        self._name = host
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


class Load:
    """Asks from the beginning of its block to the end; `visit` raises OSError or ValueError where it fails."""

    def __init__(self, visit: Callable[[], object]) -> None:
        self.requests = 0
        self.failures: list[str] = []
        self._ask = visit
        self._is_over = threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._visit) for _ in range(VISITORS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        while not self._is_over.wait(PAUSE_S):
            try:
                self._ask()
                problem = None
            except (OSError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            with self._counting:
                self.requests += 1
                if problem is not None:
                    self.failures.append(problem)
