"""Looks at ports from elsewhere: as another user of this host, from another network namespace, under another's port rules.

Each round is one short program (`vantage_program`), which forks a child for each vantage. Nothing is sent over what is opened. Callers: the
look of `closed` and `open` claims. A look that could not be made says so; it is never taken for a closed port.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast.errors import TimedOut, Unavailable
from holdfast.host import vantage_program
from holdfast.host.command import end_group
from holdfast.kit.canonical import Json
from holdfast.model.vantage import Seen, Sight, Target, Vantage

PROGRAM = Path(vantage_program.__file__)
SPARE_S = 5.0
"""Beyond the time of the looks: how long the program may take to start and end."""
GRACE_S = 0.5


async def look_from(vantages: Sequence[Vantage], *, timeout_s: float) -> tuple[tuple[Seen, ...], ...]:
    """Look from each vantage at each of its targets, all at once; return what was seen, in the same order.

    Raises `TimedOut` (HF3091) or `Unavailable` (HF3092) where the program itself comes to nothing.
    """
    asked = json.dumps({"timeout_s": timeout_s, "vantages": [_asked(vantage) for vantage in vantages]})
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(PROGRAM),
            asked,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable("HF3092", f"cannot look from elsewhere: {error.strerror or error}") from error
    try:
        async with asyncio.timeout(timeout_s + SPARE_S):
            out, _ = await process.communicate()
    except TimeoutError as error:
        raise TimedOut("HF3091", f"cannot look from elsewhere: no answer within {timeout_s + SPARE_S:g} s") from error
    finally:
        await end_group(process, GRACE_S)
    return _answers(vantages, out)


def _asked(vantage: Vantage) -> Json:
    ports = None if vantage.connect_ports is None else list[Json](vantage.connect_ports)
    targets = [_place(target) for target in vantage.targets]
    who: dict[str, Json] = {"network": vantage.network, "uid": vantage.uid, "gid": vantage.gid}
    return {**who, "connect_ports": ports, "home": None if vantage.home is None else list[Json](vantage.home), "targets": targets}


def _place(target: Target) -> Json:
    return {"path": target.path} if target.path is not None else {"host": target.host, "port": target.port}


def _answers(vantages: Sequence[Vantage], out: bytes) -> tuple[tuple[Seen, ...], ...]:
    try:
        told = json.loads(out)
        return tuple(
            tuple(
                Seen(target=target, sight=Sight(word), detail=str(detail))
                for target, (word, detail) in zip(vantage.targets, seen, strict=True)
            )
            for vantage, seen in zip(vantages, told, strict=True)
        )
    except (ValueError, TypeError) as error:
        raise Unavailable("HF3092", "cannot look from elsewhere: the program that looks came to nothing") from error
