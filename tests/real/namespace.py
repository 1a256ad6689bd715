"""A network namespace of a test's own, and the rules and sockets in it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from holdfast.host.keeper.kernel import Kernel

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    name: str

    @property
    def path(self) -> Path:
        return Path("/run/netns", self.name)

    @property
    def nft(self) -> tuple[str, ...]:
        """The command that runs nft in it."""
        return ("ip", "netns", "exec", self.name, "nft")

    def run(self, *command: str) -> str:
        done = subprocess.run(("ip", "netns", "exec", self.name, *command), capture_output=True, text=True, check=True)
        return done.stdout

    def within(self, work: Callable[[], T]) -> T:
        """Do something in it, in a thread that never does anything else, and return what it returned."""
        found: list[T] = []

        def enter() -> None:
            fd = os.open(self.path, os.O_RDONLY)
            Kernel().enter_network(fd)
            os.close(fd)
            found.append(work())

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return found[0]

    def listener(self, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
        """Return a socket that listens in it, wherever it is served from."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return self.within(lambda: socket.create_server((host, port), family=family))


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Lend an empty network namespace with its loopback up and an address of its own, 192.0.2.77 (RFC 5737), on a dummy interface."""
    it = Namespace(name=f"hf-test-{secrets.token_hex(4)}")
    subprocess.run(("ip", "netns", "add", it.name), check=True)
    try:
        for command in ("link set lo up", "address add 192.0.2.77/32 dev lo"):
            subprocess.run(("ip", "-n", it.name, *command.split()), check=True)
        yield it
    finally:
        subprocess.run(("ip", "netns", "delete", it.name), check=True)
