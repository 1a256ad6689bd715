"""The keeper's one wait: descriptors and what to do when they are ready."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT


class Poller:
    """Level-triggered epoll with one callback for each descriptor. A callback may be called once in vain and must bear it."""

    __slots__ = ("_callbacks", "_epoll")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}

    def watch(self, fd: int, callback: Callable[[int], None], mask: int = READ) -> None:
        self._epoll.register(fd, mask)
        self._callbacks[fd] = callback

    def change(self, fd: int, mask: int) -> None:
        self._epoll.modify(fd, mask)

    def unwatch(self, fd: int) -> None:
        """Forget a descriptor; call it before closing."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def wait(self, timeout_s: float | None) -> None:
        """Wait for the first ready descriptors and run their callbacks."""
        for fd, mask in self._epoll.poll(timeout_s):
            callback = self._callbacks.get(fd)
            if callback is not None:
                callback(mask)
