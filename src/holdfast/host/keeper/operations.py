"""The keeper's operations: what a request may ask and what it is answered. One method an operation, named as the operation.

    hello      → pid, start_time, boot_id, version, started_at, abilities
    list       → children, sockets
    hold       key, kind "tcp" | "unix", host, port (0: any), path, mode, backlog, replace, rest → key, kind, host, port, path, resting
    shut       key → queued (connections that wait to be accepted; nobody new comes)
    rest       key (it refuses until it is held again)
    release    key
    spawn      spawn_id, argv, path_env, env, cwd, uid, gid, groups, umask, rlimits {"NOFILE": [soft, hard]}, cgroup_procs,
               sockets [{key, name}], stdout, stderr (null: as stdout), logs {max_bytes, max_files}, notify, meta,
               network (path of a namespace), bind_ports, connect_ports (null: any) → child
    adopt      spawn_id, pid, start_time, boot_id, sockets [{key, name, fd, kind, host, port, path}], cgroup_procs, stdout, stderr, logs,
               notify_path, ready, meta, started_at, exit → child, sockets_taken, sockets_lost
    signal     spawn_id, signal (number or "SIGTERM"), group → delivered
    kill       spawn_id → delivered
    forget     spawn_id
    subscribe  → events from now on; what was before is in `list`

Error kinds: protocol, request, exec (with stage), in-use (with pid, command, or key), key-taken, listen, unknown-socket, unknown-child,
alive, signal, closing.
"""

from __future__ import annotations

import os
import time

from holdfast.host.keeper import kernel
from holdfast.host.keeper.protocol import CONFINES, VERSION, Refusal, text, whole
from holdfast.host.keeper.sockets import BACKLOG, address_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from holdfast.host.keeper.children import Children
    from holdfast.host.keeper.sockets import Sockets

NEW_WORK = frozenset({"spawn", "adopt", "hold"})


class Operations:
    """Answers requests. `is_closing` is set by SIGTERM: from then on no new work is taken."""

    def __init__(self, children: Children, held: Sockets) -> None:
        self._children = children
        self._held = held
        self._start_time = kernel.start_time(os.getpid())
        self._started_at = time.time()
        self.is_closing = False

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return what an operation answers; raises Refusal."""
        name = text(request, "op")
        if self.is_closing and name in NEW_WORK:
            raise Refusal("closing", "the keeper was told to end and takes no new work")
        operation: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(self, f"do_{name}", None)
        if operation is None:
            raise Refusal("request", f"unknown operation {name!r}")
        return operation(request)

    def do_hello(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "start_time": self._start_time,
            "boot_id": self._children.boot_id,
            "version": VERSION,
            "started_at": self._started_at,
            "abilities": [CONFINES],
        }

    def do_list(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"children": self._children.to_json(), "sockets": self._held.to_json()}

    def do_subscribe(self, request: dict[str, Any]) -> dict[str, Any]:
        return {}

    def do_hold(self, request: dict[str, Any]) -> dict[str, Any]:
        key, address = text(request, "key"), address_of(request)
        backlog = whole(request, "backlog", BACKLOG)
        rest = request.get("rest") is True
        return self._held.hold(key, address, backlog, replace=request.get("replace") is True, rest=rest).to_json()

    def do_shut(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"queued": self._held.shut(text(request, "key"))}

    def do_rest(self, request: dict[str, Any]) -> dict[str, Any]:
        self._held.rest(text(request, "key"))
        return {}

    def do_release(self, request: dict[str, Any]) -> dict[str, Any]:
        self._held.release(text(request, "key"))
        return {}

    def do_spawn(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"child": self._children.spawn(request).to_json()}

    def do_adopt(self, request: dict[str, Any]) -> dict[str, Any]:
        child, taken, lost = self._children.adopt(request)
        return {"child": child.to_json(), "sockets_taken": taken, "sockets_lost": lost}

    def do_signal(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"delivered": self._children.signal(request)}

    def do_kill(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"delivered": self._children.kill(request)}

    def do_forget(self, request: dict[str, Any]) -> dict[str, Any]:
        self._children.forget(request)
        return {}
