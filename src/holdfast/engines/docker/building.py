"""Building images from the files of a commit, by the engine's own builder (ImageBuild), each build once: its result is named by its key.

What a build sees is sent as a tar that is made while it is sent, from the blobs of Git; nothing is checked out. A build that was built
before, by whichever commit, is found by its name. Secrets take no part: arguments are text of Git, and what is told is the steps.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import tarfile
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from holdfast.engines.docker.client import Query
from holdfast.engines.docker.failure import plain, said_no
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.image import Credentials, Images, Progress, authorization, digest_of, read_reference
from holdfast.errors import EngineError, Rejected, TimedOut
from holdfast.host.registry_credentials import key_of
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.path import tidy
from holdfast.model.ids import ResourceId
from holdfast.model.source import EXECUTABLE, LINK, Tree
from holdfast.workload.build import Listed, context, files_digest, listing_of, tag
from holdfast.workload.build_spec import BuildSpec

BUILD_S = 3600.0
LOG_LINES = 20
BATCH = 4 << 20
"""Bytes of blobs that are read at once."""
DOCKERFILE = ".holdfast.Dockerfile"
"""In the context, of a Dockerfile that does not lie in it."""
_ASIDE = ("--->", "Removing intermediate container")
"""How lines of the builder about itself begin."""
_STEP = re.compile(r"Step (\d+)/(\d+) : (.+)")
_FROM = re.compile(r"^\s*FROM\s+(?:--platform=\S+\s+)?([^\s$]+)\s*(?:AS\s.*)?$", re.IGNORECASE | re.MULTILINE)
Read = Callable[[str, Collection[str]], Awaitable[Mapping[str, bytes]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits:
    """What of an Application's commits is at hand: `trees` newest first, and `read`, which gives blobs of a repository by their ids."""

    trees: Callable[[str], Iterable[Tree]]
    read: Read


class Building:
    def __init__(self, *, images: Images, commits: Commits, credentials: Credentials) -> None:
        self._images = images
        self._commits = commits
        self._credentials = credentials
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def image(
        self, host: DockerHost, declared: ResourceId, application: str, name: str, spec: BuildSpec, operation: str, progress: Progress
    ) -> Mapping[str, Any]:
        """Return the image of a build (ImageInspect), built where the host does not have it. Raises HF3223, HF3224."""
        read_reference(name)
        built = tag(name, spec)
        async with self._locks[host.name, built]:
            found = await host.image(built)
            is_new = found is None
            if found is None:
                tree, files = self._found(application, name, spec)
                try:
                    async with asyncio.timeout(BUILD_S):
                        await self._build(host, name, built, spec, tree, files, progress)
                except TimeoutError as late:
                    raise TimedOut("HF3212", f"cannot build image {name}: not built within {BUILD_S:g} s") from late
                found = await host.image(built)
                if found is None:
                    raise Rejected("HF3223", f"cannot build image {name}: the engine built it, and does not have it")
            names = [name, *spec.tags]
            for each in names:
                await self._images.call(host, str(found["Id"]), each)
        called = (built, *names)
        await self._images.hold(declared, built, found, operation, digest=digest_of(found, called[-1]), names=called, is_brought=is_new)
        return found

    async def is_built(self, host: DockerHost, name: str, spec: BuildSpec) -> bool:
        return await host.image(tag(name, spec)) is not None

    def _found(self, application: str, name: str, spec: BuildSpec) -> tuple[Tree, dict[str, Listed]]:
        """Return the commit that has what a build sees, and its files. Raises Rejected (HF3224)."""
        for tree in self._commits.trees(application):
            listing = tree.listing(tidy(spec.context))
            files = context(spec, listing_of(listing)) if listing is not None else {}
            if files and files_digest(files) == spec.files:
                return tree, files
        raise Rejected(
            "HF3224",
            f"cannot build image {name}: the files that it was built from are of a commit that is not at hand",
            hint="commit again, or bring the image to the Docker host",
        )

    async def _build(
        self, host: DockerHost, name: str, built: str, spec: BuildSpec, tree: Tree, files: Mapping[str, Listed], progress: Progress
    ) -> None:
        doing = f"build image {name}"
        dockerfile = DOCKERFILE if spec.inline is not None else tidy(spec.dockerfile)
        query: dict[str, Any] = {
            "t": built,
            "dockerfile": dockerfile,
            "rm": True,
            "forcerm": True,
            "pull": spec.pull or None,
            "nocache": spec.no_cache or None,
            "target": spec.target,
            "platform": spec.platform,
            "networkmode": spec.network,
            "shmsize": spec.shm_size,
            "buildargs": dict(spec.args) or None,
            "labels": dict(spec.labels) or None,
            "cachefrom": [*spec.cache_from] or None,
            "extrahosts": tuple(each.replace("=", ":", 1) for each in spec.extra_hosts) or None,
        }
        asked: Query = {key: value for key, value in query.items() if value is not None}
        headers = {"Content-Type": "application/x-tar", **await self._who(tree, files, dockerfile, spec)}
        progress(f"building {name}")
        lines: deque[str] = deque(maxlen=LOG_LINES)
        step = ""
        data = self._archive(tree, files, spec)
        async with aclosing(host.api.messages("POST", doing, "/build", asked, data, headers=headers)) as messages:
            async for said in messages:
                if "error" in said:
                    raise _failed(name, step, said, tuple(lines))
                for line in str(said.get("stream") or "").splitlines():
                    if (text := plain(line)) and not text.startswith(_ASIDE):
                        lines.append(text)
                    if (at := _STEP.match(text)) is not None:
                        step = f"step {at[1]} of {at[2]}, {at[3]}"
                        progress(f"building {name}: {step}")

    async def _archive(self, tree: Tree, files: Mapping[str, Listed], spec: BuildSpec) -> AsyncIterator[bytes]:
        """Yield the context as a tar: modes as in Git, root's, of the time of the commit."""
        at = int(tree.revision.committed_at)
        if spec.inline is not None:
            yield _entry(DOCKERFILE, 0o644, spec.inline.encode(), at)
        for batch in _batches(files):
            blobs = await self._commits.read(tree.revision.repository, {each.id for each in batch.values()})
            for path, each in batch.items():
                yield _link(path, blobs[each.id], at) if each.mode == LINK else _entry(path, _mode(each), blobs[each.id], at)
        yield b"\0" * (2 * tarfile.BLOCKSIZE)

    async def _who(self, tree: Tree, files: Mapping[str, Listed], dockerfile: str, spec: BuildSpec) -> dict[str, str]:
        """Return who we are at the registries of the base images, as the engine passes it on (X-Registry-Config)."""
        text = spec.inline
        if text is None and dockerfile in files:
            id = files[dockerfile].id
            text = (await self._commits.read(tree.revision.repository, {id}))[id].decode(errors="replace")
        known: dict[str, Any] = {}
        for registry in _registries([*_FROM.findall(text or ""), *spec.cache_from]):
            if (user := await self._credentials.of(registry)) is not None:
                known[key_of(registry)] = authorization(user)
        return {"X-Registry-Config": base64.urlsafe_b64encode(json.dumps(known).encode()).decode()} if known else {}


def _failed(name: str, step: str, said: Mapping[str, Any], lines: tuple[str, ...]) -> EngineError:
    """Return why a build failed: what the engine could not do is told as such, else its step and its last lines."""
    words = plain(said["error"])
    error = said_no(f"build image {name}", words)
    if error.code in {"HF3201", "HF3210"} or (error.code in {"HF3206", "HF3207"} and (not step or ", FROM " in step)):
        return error  # the engine, its disk, or a base image
    at = f" at {step}" if step else ""
    last = next((line for line in reversed(lines) if not _STEP.match(line)), "")
    tail = f"; its last line: {last[:200]}" if last and last not in words else ""
    return Rejected("HF3223", f"cannot build image {name}: it fails{at}: {words}{tail}", log=lines, hint="mend the Dockerfile and commit")


def _registries(names: Iterable[str]) -> list[str]:
    """Return the registries of images; what is no name of one (a stage, `scratch`) is Docker Hub's at most."""
    found: dict[str, None] = {}
    for name in names:
        try:
            found[ImageReference.parse(name).registry] = None
        except ValueError:
            continue
    return [*found]


def _batches(files: Mapping[str, Listed]) -> Iterator[dict[str, Listed]]:
    batch: dict[str, Listed] = {}
    size = 0
    for path, each in files.items():
        if batch and size + each.size > BATCH:
            yield batch
            batch, size = {}, 0
        batch[path] = each
        size += each.size
    if batch:
        yield batch


def _mode(file: Listed) -> int:
    return 0o755 if file.mode == EXECUTABLE else 0o644


def _entry(path: str, mode: int, data: bytes, at: int) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.mtime = len(data), mode, at
    return entry.tobuf(tarfile.PAX_FORMAT) + data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)


def _link(path: str, target: bytes, at: int) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.type, entry.linkname, entry.mtime = tarfile.SYMTYPE, target.decode("utf-8", "surrogateescape"), at
    return entry.tobuf(tarfile.PAX_FORMAT)
