"""Spawning: from an instance to what the keeper is asked to start: user, folders, environment, sockets and limits.

The environment holds PATH, HOME, USER, LANG, HOLDFAST_DATA_DIR, PORT where the spec names one, and the declared keys; the keeper adds
LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID and NOTIFY_SOCKET. Nothing of our own environment is passed on. Secrets are resolved at each start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from holdfast.engines.process import logs
from holdfast.engines.process.instance import Instance, Unit
from holdfast.host import network
from holdfast.host.keeper_state import LogLimits, SocketUse, Spawn
from holdfast.host.users import RunUser
from holdfast.model.ports import Secrets
from holdfast.workload.process_spec import ProcessSpec, SecretRef
from holdfast.workload.run import Run


class Users(Protocol):
    """As whom programs run."""

    def user_of(self, application: str, user: str | None) -> Awaitable[RunUser]:
        """Raises Rejected where nobody may run so."""
        ...


class Places(Protocol):
    """Where the files of an Application are."""

    def release(self, application: str, release_id: str) -> Path: ...

    def data_dir(self, application: str, user: RunUser) -> Path:
        """Return the writable folder: made, 0700 and the user's."""
        ...

    def log_dir(self, application: str) -> Path:
        """Return the folder of its logs: made, and ours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where an instance stands."""

    user: RunUser
    data_dir: Path
    cwd: Path
    log: Path


class Spawning:
    """Finds an instance's ground and writes its spawn requests. `mark`: of this installation, in the names of its networks."""

    def __init__(self, *, users: Users, places: Places, secrets: Secrets, search_path: str, mark: str) -> None:
        self._mark = mark
        self._users = users
        self._places = places
        self._secrets = secrets
        self._search_path = search_path

    async def ground(self, unit: Unit, instance: Instance) -> Ground:
        """Return the ground of an instance; raises Rejected where its user is not to be had."""
        run, application = instance.run, unit.application
        user = await self._users.user_of(application, run.spec.user)
        data_dir = self._places.data_dir(application, user)
        root = data_dir if run.release is None else self._places.release(application, run.release)
        log = logs.file_of(self._places.log_dir(application), unit.id, instance.slot, application)
        return Ground(user=user, data_dir=data_dir, cwd=root / run.spec.working_dir, log=log)

    def log_dir(self, application: str) -> Path:
        return self._places.log_dir(application)

    def spawn(self, instance: Instance, ground: Ground, spawn_id: str, *, sockets: Sequence[SocketUse], cgroup: str | None) -> Spawn:
        """Return the request for one attempt; raises Rejected where a secret cannot be resolved."""
        spec = instance.run.spec
        log = spec.logs
        return self._request(
            spec.command,
            instance.run,
            ground,
            spawn_id,
            sockets=sockets,
            cgroup=cgroup,
            log=str(ground.log),
            limits=LogLimits(max_bytes=log.max_size, max_files=log.max_files),
            notify=any(probe is not None and probe.notify for probe in (spec.probes.startup, spec.probes.liveness, spec.probes.readiness)),
            meta={"id": str(instance.id), "slot": instance.slot},
        )

    def look(self, instance: Instance, ground: Ground, command: Sequence[str], spawn_id: str) -> Spawn:
        """Return the request for an exec probe: as the process's user, where and within what it runs, without its sockets."""
        return self._request(command, instance.run, ground, spawn_id)

    def _request(
        self,
        argv: Sequence[str],
        run: Run,
        ground: Ground,
        spawn_id: str,
        *,
        sockets: Sequence[SocketUse] = (),
        cgroup: str | None = None,
        log: str | None = None,
        limits: LogLimits | None = None,
        notify: bool = False,
        meta: object = None,
    ) -> Spawn:
        user, spec = ground.user, run.spec
        files = spec.limits.open_files
        return Spawn(
            spawn_id=spawn_id,
            argv=tuple(argv),
            path_env=self._search_path,
            env=self._environment(spec, ground),
            cwd=str(ground.cwd),
            uid=user.uid if user.uid >= 0 else None,
            gid=user.gid if user.gid >= 0 else None,
            groups=user.groups,
            rlimits={"NOFILE": (files, files)} if files is not None else {},
            cgroup_procs=cgroup,
            sockets=tuple(sockets),
            stdout=log,
            logs=limits,
            notify=notify,
            meta=meta,
            network=str(network.FOLDER / network.name_of(self._mark, run.network)) if run.network is not None else None,
            bind_ports=run.bind_ports,
            connect_ports=run.connect_ports,
        )

    def _environment(self, spec: ProcessSpec, ground: Ground) -> Mapping[str, str]:
        data_dir = str(ground.data_dir)
        env = {
            "PATH": self._search_path,
            "HOME": data_dir,
            "USER": ground.user.name,
            "LANG": "C.UTF-8",
            "HOLDFAST_DATA_DIR": data_dir,
        }
        if spec.port is not None:
            env["PORT"] = str(spec.port)
        for name, value in spec.env.items():
            env[name] = self._secrets.resolve(value.secret).reveal() if isinstance(value, SecretRef) else str(value)
        return env
