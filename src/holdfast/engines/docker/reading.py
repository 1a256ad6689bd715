"""Reading what containers wrote: the last lines, and what follows, taken apart and cut to what can be shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from holdfast.engines.docker.failure import Missing
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.raw import pieces
from holdfast.errors import EngineError

LONGEST_LINE = 4096


async def tail(host: DockerHost, container: str, lines: int) -> tuple[str, ...]:
    """Return the last lines of a container, both streams in one; none where it has none or cannot be read."""
    try:
        return tuple([line async for line in read(host, container, {"tail": lines})])
    except (EngineError, ValueError):
        return ()


async def read(host: DockerHost, container: str, query: dict[str, str | int | bool]) -> AsyncGenerator[str, None]:
    """Yield lines as the engine gives them: `tail`, `since`, `follow`, `timestamps` as in ContainerLogs. Close it when done."""
    inspected = await host.inspect(container)
    if inspected is None:
        raise Missing("HF3205", f"cannot read logs of container {container[:12]}: it is gone")
    is_terminal = bool((inspected.get("Config") or {}).get("Tty"))
    doing = f"read logs of container {container[:12]}"
    rest = {1: b"", 2: b""}
    asked = {"stdout": True, "stderr": True, **query}
    async with host.api.stream("GET", doing, f"/containers/{container}/logs", asked) as data:
        async for piece in pieces(data, is_terminal=is_terminal):
            *whole, rest[piece.stream] = (rest[piece.stream] + piece.data).split(b"\n")
            for line in whole:
                yield shown(line)
            rest[piece.stream] = rest[piece.stream][-LONGEST_LINE:]
    for left in rest.values():
        if left:
            yield shown(left)


def shown(line: bytes) -> str:
    return line[-LONGEST_LINE:].decode(errors="replace").rstrip("\r")
