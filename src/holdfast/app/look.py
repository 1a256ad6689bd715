"""Looking without a daemon: what Git says, and what would change.

Nothing of an installation is changed: the store is read, secrets are not resolved, and mirrors of repositories lie in a temporary folder
where there is no state folder yet.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.api.document import Planned, plan_data, render_data
from holdfast.app.application_files import ApplicationFiles
from holdfast.app.applications import managed, sourced
from holdfast.app.charts import charted
from holdfast.app.cluster import clusters
from holdfast.app.glance import CopiedRecords, Glance, Remembered, remember
from holdfast.app.mirrors import mirrors
from holdfast.app.private import ground
from holdfast.app.registry import means, registry
from holdfast.app.state import StateFolder
from holdfast.controllers.source.rendering import Rendering, Sourced
from holdfast.core.planner import plan
from holdfast.core.policy import Settings, policy
from holdfast.core.world import subjects
from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.declare.source import Source
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.command import run
from holdfast.host.config import Config
from holdfast.host.javascript import JavaScript
from holdfast.host.secrets import FileSecrets
from holdfast.kit.secret import Redactor
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Desired
from holdfast.model.state import Facts
from holdfast.walk.hook import HookBook
from holdfast.workload.slug import slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing to look at."""

    sourced: Sourced
    settings: Settings


async def rendered(files: tuple[str, ...], state: StateFolder, config: Config, revision: str | None) -> dict[str, Any]:
    """Return the data of `Render`: of Application files, or of one folder of a repository, as it is committed."""
    async with _looking(files, state, config, is_render=True) as it:
        return render_data([await it.desired(each, revision) for each in it.subjects])


async def located(path: str, files: tuple[str, ...], state: StateFolder, config: Config, revision: str | None) -> dict[str, Any] | None:
    """Return {application, path, value, where} of a value in a file of another tool; None where no Application has it.

    Raises ValueError where `path` is none.
    """
    async with _looking(files, state, config, is_render=True) as it:
        for subject in it.subjects:
            for model in (await it.desired(subject, revision)).models:
                if (found := model.locate(path)) is not None:
                    where = found.where.to_json()
                    return {"application": subject.sourced.name, "path": path, "value": found.value, "where": where}
    return None


async def planned(files: tuple[str, ...], state: StateFolder, config: Config, revision: str | None) -> dict[str, Any]:
    """Return the data of `Plan` against what lives on this host now."""
    async with _looking(files, state, config, is_render=False) as it:
        return plan_data([await it.plan(each, revision) for each in it.subjects], it.told)


class _Looking:
    """Everything that a look needs."""

    def __init__(self, looked_at: tuple[Subject, ...], rendering: Rendering, remembered: Remembered, glance: Glance) -> None:
        self.subjects = looked_at
        self._rendering = rendering
        self._inventory = remembered.inventory
        self._book = HookBook(CopiedRecords(remembered.hooks))
        self._glance = glance
        self.told: dict[ResourceId, str] = {}
        """What changes of the plans bring that their states do not say."""

    async def desired(self, subject: Subject, revision: str | None) -> Desired:
        found, _ = await self._rendering.at(subject.sourced, revision)
        return found

    async def plan(self, subject: Subject, revision: str | None) -> Planned:
        desired = await self.desired(subject, revision)
        resources = {resource.id: resource for resource in desired}
        live = await self._glance.observe(subjects(desired, self._inventory), resources)
        found = plan(desired, live, self._inventory, policy(subject.settings))
        self.told |= await self._glance.forecast(resources, {change.id: resources[change.id] for change in found if change.id in resources})
        return Planned(desired=desired, plan=found, are_hooks_due=self._book.is_due(desired, found))


@asynccontextmanager
async def _looking(files: tuple[str, ...], state: StateFolder, config: Config, *, is_render: bool) -> AsyncIterator[_Looking]:
    looked_at, local = await _subjects(files, config, is_render=is_render)
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        place = state.path if os.access(state.path, os.W_OK) else Path(folder)
        git = mirrors(place, config, os.environ, is_local=lambda path: path in local, clock=RealClock(), random=RealRandom())
        try:
            remembered = remember(state)
            rendering = Rendering(
                git=git,
                renderer=Renderer(_registry(config, is_render=is_render, is_folder=is_render and _folder_of(files) is not None)),
                javascript=JavaScript(git=git, search_path=config.path).exports,
                chart=charted(git, config, state.charts if place == state.path else None),
                facts=lambda: _facts(state),
                allowed=config.allowed,
                had_resources=lambda name: any(owned.application == name for owned in remembered.inventory.values()),
                now=RealClock().now,
            )
            yield _Looking(looked_at, rendering, remembered, Glance(state, config, remembered))
        finally:
            await git.close()


def _registry(config: Config, *, is_render: bool, is_folder: bool) -> Registry:
    reached = clusters(config, os.environ).accesses
    lent, laid = means(config), ground(config.path)
    return registry(config.file_roots, lent=lent, ground=laid, clusters=reached, is_render=is_render, is_folder=is_folder)


async def _subjects(files: tuple[str, ...], config: Config, *, is_render: bool) -> tuple[tuple[Subject, ...], frozenset[str]]:
    """Return what to look at, and the local repositories that an operator named with it."""
    place = _folder_of(files)
    if place is not None and (repository := await _repository_of(str(place))) is not None:
        return (_of_folder(place, repository),), frozenset([repository])
    found = ApplicationFiles(given=files, folder=os.getcwd(), config=config).read(is_render=is_render)
    served = tuple(Subject(sourced=sourced(each), settings=managed(each).settings) for each in found.applications)
    return served, found.local_repositories


def _folder_of(files: tuple[str, ...]) -> Path | None:
    """Return the folder that is asked for instead of Application files."""
    return Path(os.path.realpath(files[0])) if len(files) == 1 and os.path.isdir(files[0]) else None


def _of_folder(folder: Path, repository: str) -> Subject:
    """Return a folder of a repository as an Application that is named after it."""
    path = os.path.relpath(folder, repository)
    name = slug(folder.name) or "application"
    settings = Settings(prune=True)
    return Subject(
        sourced=Sourced(
            name=name,
            sources=(Source(repository=repository, path="" if path == "." else path),),
            namespace=name,
            destination=HOST,
        ),
        settings=settings,
    )


def _facts(state: StateFolder) -> Facts:
    """Return the fingerprints that this installation gives; without a key there are none, and secrets read `known after apply`."""
    try:
        key = state.key.read_bytes()
    except OSError:
        return Facts()
    return Facts(fingerprints=FileSecrets(state.secrets, key, Redactor()).fingerprints())


async def _repository_of(folder: str) -> str | None:
    """Return the top of the repository that a folder lies in, None where it lies in none, or holds Application files itself."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": "", "LC_ALL": "C"}
    command = ("git", "-C", folder, "-c", "safe.directory=*", "rev-parse", "--show-toplevel")
    ended = await run(command, folder="/", environment=environment, timeout_s=10.0)
    return ended.lines[0] if ended.code == 0 and ended.lines else None
