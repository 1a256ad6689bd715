"""What the command line calls: each runs an event loop of its own and blocks, takes and returns plain values, and raises HoldfastErrors."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from holdfast.api.document import operation_data
from holdfast.app.application_files import ApplicationFiles
from holdfast.app.checks import checks
from holdfast.app.house import House
from holdfast.app.look import located, planned, rendered
from holdfast.app.opening import opened
from holdfast.app.progress import lines_of
from holdfast.app.settle import settle
from holdfast.app.state import StateFolder
from holdfast.controllers.sync.lane import Ask, Request
from holdfast.core.view import status
from holdfast.host.config import Config
from holdfast.host.memory import look_for_cycles_seldom, use_one_heap, use_small_tls_buffers
from holdfast.host.options import Outcome, Progress, ProgressLine, UpOptions
from holdfast.host.users import person_of
from holdfast.kit.tasks import Tasks

T = TypeVar("T")
STAY = "the processes keep running without a daemon; `holdfast up` takes care of them again"


def up(options: UpOptions, config: Config, progress: Progress) -> Outcome:
    """Run the controllers until a signal comes, or with `once` until all is settled. Raises what reading the files raises, first of all."""
    return _run(_up(options, config, progress))


def plan(files: tuple[str, ...], *, state_dir: str, config: Config, revision: str | None = None) -> dict[str, Any]:
    """Return the data of `Plan` for Application files, without a daemon and without changing anything."""
    return _run(planned(files, StateFolder(state_dir), config, revision))


def render(files: tuple[str, ...], *, state_dir: str, config: Config, revision: str | None = None) -> dict[str, Any]:
    """Return the data of `Render` for Application files, or for a folder of a repository as it is committed."""
    return _run(rendered(files, StateFolder(state_dir), config, revision))


def locate(path: str, files: tuple[str, ...], *, state_dir: str, config: Config, revision: str | None = None) -> dict[str, Any] | None:
    """Return {application, path, value, where} of a value of a compose file; None where there is none, ValueError where `path` is none."""
    return _run(located(path, files, StateFolder(state_dir), config, revision))


def down(
    application: str, *, state_dir: str, config: Config, approve: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Take an Application away without a daemon, and return the data of `Operation`."""
    return _run(_down(application, StateFolder(state_dir), config, approve, progress))


def doctor(*, state_dir: str, config: Config) -> dict[str, Any]:
    """Return {checks[] {name, result ok|warn|fail, message, next_step}}."""
    return {"checks": _run(checks(StateFolder(state_dir).path, None))}


def _run(main: Coroutine[Any, Any, T]) -> T:
    if sys.version_info < (3, 12):  # its default watcher waits in a thread for each child
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
    return asyncio.run(main)


async def _up(options: UpOptions, config: Config, progress: Progress) -> Outcome:
    use_one_heap()
    use_small_tls_buffers()
    look_for_cycles_seldom()
    files = ApplicationFiles(given=options.files, folder=os.getcwd(), config=config, from_cluster=options.from_cluster)
    async with opened(StateFolder(options.state_dir), config, files) as house, Tasks() as tasks:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, house.stop.set)
        tasks.start("progress", _tell(house, progress))
        exit_code = 0
        try:
            if not options.once:
                await house.run()
            else:
                exit_code = await _once(house, options.timeout_s)
        finally:
            await tasks.stop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        is_alive = any(resource.live for it in house.journal.view.applications.values() for resource in it.resources.values())
        notes = (STAY,) if is_alive else ()
        return Outcome(status=status(house.journal.view, house.clock.now()), exit_code=exit_code, notes=notes)


async def _once(house: House, timeout_s: float) -> int:
    async with Tasks() as tasks:
        tasks.start("house", house.run())
        try:
            return await settle(house, timeout_s)
        finally:
            house.stop.set()


async def _tell(house: House, progress: Progress) -> None:
    async with aclosing(house.journal.follow(house.journal.newest)) as news:
        async for event in news:
            for line in lines_of(event):
                progress(line)


async def _down(application: str, state: StateFolder, config: Config, approve: str | None, progress: Progress | None) -> dict[str, Any]:
    async with opened(state, config, None) as house, Tasks() as tasks:
        house.applications.take_over(application)
        tasks.start("progress", _tell(house, progress or _silent))
        tasks.start("house", house.run(serve=False))
        try:
            request = Request(ask=Ask.DOWN, person=person_of(os.getuid()), approve=approve)
            return operation_data(await house.sync.request(application, request))
        finally:
            house.stop.set()
            await tasks.ended("house")
            await tasks.stop()


def _silent(line: ProgressLine) -> None:
    return None
