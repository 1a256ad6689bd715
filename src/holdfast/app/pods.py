"""Work in a container of a pod: asked of its cluster by the command line itself, with the kubeconfig of the local configuration."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from holdfast.app.cluster import Clusters, clusters
from holdfast.app.console import Work, Worked
from holdfast.app.streams import pass_input, write_all
from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.exec import STDERR, Command, Place, run_in
from holdfast.engines.kubernetes.pods import Pods
from holdfast.engines.kubernetes.transport import Transport
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import Unavailable, UsageError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Config
from holdfast.kit.tasks import Tasks
from holdfast.kubernetes.pod import default_container, is_ready, run_of
from holdfast.model.ids import ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class InPod:
    """A container of an object's pods: the named pod, else the first that is ready; the named container, else its default one."""

    id: ResourceId
    pod: str | None = None
    container: str | None = None


def work_in_pod(where: InPod, work: Work, config: Config) -> tuple[str, Worked]:
    """Run a command and return where it ran (`Pod/shop/web-0:web`) and how it ended. Raises EngineError, UsageError (HF8056)."""
    return asyncio.run(_work(where, work, clusters(config, os.environ)))


async def _work(where: InPod, work: Work, reached: Clusters) -> tuple[str, Worked]:
    access = reached.accesses.get(where.id.destination)
    if access is None:
        raise Unavailable("HF3313", f"cannot reach {where.id}: no cluster of this installation is {where.id.destination}")
    clock = RealClock()
    wire = HttpWire(Credentials(access, base=reached.base, clock=clock, environment=dict(os.environ)))
    client = Client(Transport(wire, clock=clock, random=RealRandom()))
    try:
        place = await _place(client, where)
        async with run_in(wire, place, tuple(work.command), has_input=work.has_input, has_terminal=work.has_terminal) as command:
            out, err = await _carried(command, work)
        assert command.code is not None, "it was read to its end"
        return str(place), Worked(code=command.code, out=out.decode(errors="replace"), err=err.decode(errors="replace"))
    finally:
        await client.aclose()


async def _place(client: Client, where: InPod) -> Place:
    pods = [pod for pod in await Pods(client, where.id).found() if not pod["metadata"].get("deletionTimestamp")]
    found = sorted((pod for pod in pods if where.pod in (None, pod["metadata"]["name"])), key=lambda pod: not is_ready(pod))
    if not found:
        others = ", ".join(str(pod["metadata"]["name"]) for pod in pods)
        hint = f"it has {others}" if others else "`holdfast tree` shows what it has"
        raise UsageError("HF8056", f"cannot find {where.pod or 'a pod'} of {where.id}: there is none", hint=hint)
    pod = found[0]
    container = where.container or default_container(pod) or ""
    if not run_of(pod, container)[1]:
        names = [str(each["name"]) for each in pod["spec"]["containers"] if run_of(pod, str(each["name"]))[1]]
        hint = f"there run {', '.join(names)}" if names else "`holdfast tree` shows why"
        raise UsageError("HF8056", f"cannot find container {container} of Pod {pod['metadata']['name']}: it does not run", hint=hint)
    return Place(namespace=str(pod["metadata"]["namespace"]), pod=str(pod["metadata"]["name"]), container=container)


async def _carried(command: Command, work: Work) -> tuple[bytes, bytes]:
    """Carry input and output until the command ends; return what was captured."""
    out, err = bytearray(), bytearray()
    loop = asyncio.get_running_loop()
    async with Tasks() as tasks:
        if work.has_input:
            tasks.start("input", pass_input(command.write, command.end_input), guard=False)
        if work.has_terminal:
            await _resized(command)
            loop.add_signal_handler(signal.SIGWINCH, lambda: tasks.start(f"resize {loop.time()}", _resized(command)))
        try:
            async for channel, data in command.read():
                if work.captures:
                    (err if channel == STDERR else out).extend(data)
                else:
                    write_all(2 if channel == STDERR else 1, data)
        finally:
            if work.has_terminal:
                loop.remove_signal_handler(signal.SIGWINCH)
            await tasks.stop()
    return bytes(out), bytes(err)


async def _resized(command: Command) -> None:
    with suppress(OSError):  # a window of no size is no reason to stop
        size = os.get_terminal_size(0)
        await command.resize(size.columns, size.lines)
