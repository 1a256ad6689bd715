"""Visitors of the demo: requests one after the other, each over a connection of its own, counted and judged."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

VISITORS = 2
PAUSE_S = 0.001
PATIENCE_S = 10.0


def ask(port: int) -> dict[str, Any]:
    """Ask once and return the JSON answer; OSError where nobody answers, ValueError where it is no good answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/")
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


class Load:
    """Asks from the beginning of its block to the end."""

    def __init__(self, port: int) -> None:
        self.requests = 0
        self.failures: list[str] = []
        self._port = port
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
                ask(self._port)
                problem = None
            except (OSError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            with self._counting:
                self.requests += 1
                if problem is not None:
                    self.failures.append(problem)
