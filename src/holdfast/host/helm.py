"""Helm: a chart of Git rendered by `helm template`, which is a program of the user's host and runs users' templates.

It runs in a folder of its own that holds nothing but the chart and the files it is given, with an empty environment, as nobody where we
are root, within limits of the kernel, and is not asked to fetch anything. What it printed is kept by the digest of all that it was given,
in the state folder too: a template that draws a random value must not draw it anew whenever Git moves. The answer is JSON for
`kubernetes.helm.format`; what is not the chart's fault is a SourceError.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from holdfast.errors import SourceError
from holdfast.host.command import end_group
from holdfast.host.files import Root
from holdfast.host.kept import Kept
from holdfast.host.thread import in_thread
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import all_of
from holdfast.kubernetes.helm.call import Call, Chart, File, Placed, Wrong, call_of
from holdfast.model.source import LINK, Blob, Tree

TIMEOUT_S = 60.0
CPU_S = 60
MEMORY = 4 << 30
"""Of address space: Go reserves much more than it uses."""
LARGEST_ANSWER = 32 << 20
LARGEST_CHART = 64 << 20
MOST_FILES = 10_000
KEPT, KEPT_BYTES = 256, 256 << 20
"""Renderings that are kept, and what they may have together, in memory and in the state folder each."""
NOBODY = 65534
LAUNCH = """
import os, resource, sys
cpu, memory, size, nobody = map(int, sys.argv[1:5])
helm = os.open(sys.argv[5], os.O_RDONLY)
os.set_inheritable(helm, True)
for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, size)):
    resource.setrlimit(what, (most, most))
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(nobody, nobody, nobody)
    os.setresuid(nobody, nobody, nobody)
os.execve(helm, sys.argv[5:], dict(os.environ))
"""
"""Puts on what the kernel bounds, and becomes helm: as nobody, who may not come to where it lies, so it is opened before."""
_FAILED = b'{"failed"'
"""How an answer begins that is not kept: the next time there may be more time, or memory."""
_NAME = re.compile(rb"^name:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


class Blobs(Protocol):
    """The part of model.source.Git that reads blobs."""

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A chart to render."""

    chart: Chart
    options: Mapping[str, Json]
    """`spec.source.helm`, as it is written."""
    tree: Tree
    """The chart's folder."""
    repository: Tree
    """The whole repository, for files of values beside the chart."""
    others: Mapping[str, Tree]
    """Whole repositories of other sources, by their names."""


async def nothing_known(destination: str) -> tuple[str, tuple[str, ...]]:
    return "", ()


class Helm:
    """Constructor: where blobs are read, how helm is called and found, where renderings are kept (in memory alone without), and `served`:
    the version of the cluster at a destination and the API versions it serves, empty where that is not known."""

    def __init__(
        self,
        *,
        git: Blobs,
        program: str = "helm",
        search_path: str = os.defpath,
        kept: Path | None = None,
        served: Callable[[str], Awaitable[tuple[str, tuple[str, ...]]]] = nothing_known,
        timeout_s: float = TIMEOUT_S,
        cpu_s: int = CPU_S,
        memory: int = MEMORY,
    ) -> None:
        self._limits = (cpu_s, memory, LARGEST_ANSWER, NOBODY)
        self._git = git
        self._program = program
        self._search_path = search_path
        self._kept = Kept(kept, most=KEPT, most_bytes=KEPT_BYTES)
        self._served = served
        self._timeout_s = timeout_s

    async def template(self, request: Request, destination: str) -> bytes:
        """Return what the chart gives, or why it gives nothing, as JSON: {chart, output, files[], links[]}, {failed} or {wrong}.

        Raises SourceError: HF1723 where helm cannot be started, and what reading the blobs raises.
        """
        version, served = await self._served(destination)
        chart = replace(request.chart, kube_version=version, api_versions=served)
        try:
            call = call_of(request.options, chart, lambda file: _blob(request, file) is not None)
        except Wrong as wrong:
            path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in wrong.path).lstrip(".")
            return json.dumps({"wrong": {"path": path, "reason": wrong.reason, "hint": wrong.hint}}).encode()
        files = tuple(each for each in request.tree.blobs.values() if each.mode != LINK)
        if len(files) > MOST_FILES or sum(each.size for each in files) > LARGEST_CHART:
            return _because(f"the chart has more than {MOST_FILES:,} files or {LARGEST_CHART >> 20} MiB")
        helm = shutil.which(self._program, path=self._search_path)
        if helm is None:
            message = f"cannot render chart {request.tree.path or chart.application}: {self._program} is not on PATH {self._search_path}"
            raise SourceError("HF1723", message, hint="install helm 3, or put what `helm template` prints into Git")
        key = _digest(helm, call, files, request)
        answer = self._kept.get(key)
        if answer is None:
            answer = await self._rendered(helm, call, files, request)
            if not answer.startswith(_FAILED):
                self._kept.put(key, answer)
        return answer

    async def _rendered(self, helm: str, call: Call, files: Collection[Blob], request: Request) -> bytes:
        contents = await self._git.read(request.tree.revision.repository, [each.id for each in files])
        given = [await self._content(each, request) for each in call.files]
        with tempfile.TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True) as name:
            folder = await in_thread(_fill, name, {each.path: contents[each.id] for each in files}, given)
            words = [each if isinstance(each, str) else _placed(each, folder) for each in call.arguments]
            said, failed = await self._said(helm, ["template", *words], folder)
        if said is None:
            return _because(failed)
        links = sorted(each.path for each in request.tree.blobs.values() if each.mode == LINK)
        own = _NAME.search(contents[request.tree.blobs["Chart.yaml"].id])
        answer = {
            "chart": own[1].decode(errors="replace") if own else "",
            "output": said,
            "files": sorted(each.path for each in files),
            "links": links,
        }
        return json.dumps(answer).encode()

    async def _content(self, file: File, request: Request) -> bytes:
        if file.text is not None:
            return file.text.encode()
        blob = _blob(request, file)
        assert blob is not None, "the call names what is there"
        tree = request.others[file.source] if file.source else request.repository
        return (await self._git.read(tree.revision.repository, [blob.id]))[blob.id]

    async def _said(self, helm: str, words: list[str], folder: str) -> tuple[str | None, str]:
        """Return what helm prints, or None and why it failed; nothing of it outlives the call."""
        home = dict.fromkeys(("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "TMPDIR"), f"{folder}/home")
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", LAUNCH, *map(str, self._limits), helm, *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=folder,
                env={**home, "LC_ALL": "C.UTF-8", "TZ": "UTC", "GOMAXPROCS": "2"},
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError("HF1723", f"cannot run {helm}: {error.strerror or error}", hint="is helm installed?") from error
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                said, failed = await all_of(_bounded(process.stdout), _bounded(process.stderr))
                code = await process.wait()
        except TimeoutError:
            return None, f"helm ran longer than {self._timeout_s:g} s"
        finally:
            await end_group(process, 0)
        if said is None:
            return None, f"it gives more than {LARGEST_ANSWER >> 20} MiB"
        if code != 0:
            told = (failed or b"").decode(errors="replace").replace(f"{folder}/chart/", "").replace(f"{folder}/", "")
            return None, told.strip() or f"helm ended with {code}: it used more memory or time than it may"
        return said.decode(errors="replace"), ""


def _blob(request: Request, file: File) -> Blob | None:
    """Return the blob of a file that helm is given; a link is none."""
    if file.text is not None:
        return None
    tree = request.others.get(file.source) if file.source else request.repository
    blob = tree.blobs.get(file.path) if tree is not None else None
    return blob if blob is not None and blob.mode != LINK else None


def _digest(helm: str, call: Call, files: Collection[Blob], request: Request) -> str:
    """Return the digest of all that a rendering is made of: the program, the chart, what it is asked and the files it is given."""
    found = hashlib.sha256()
    status = os.stat(helm)
    lines: Iterator[str] = iter(
        [
            f"{helm} {status.st_size} {status.st_mtime_ns}",
            *map(repr, call.arguments),
            *(each.text if each.text is not None else _id(request, each) for each in call.files),
            *sorted(f"{each.mode:o} {each.id} {each.path}" for each in files),
        ]
    )
    for line in lines:
        found.update(f"{len(line)} {line}\n".encode())
    return found.hexdigest()


def _id(request: Request, file: File) -> str:
    blob = _blob(request, file)
    return blob.id if blob is not None else ""


def _because(reason: str) -> bytes:
    return json.dumps({"failed": reason}).encode()


def _placed(it: Placed, folder: str) -> str:
    return f"{it.prefix}{folder}/chart" if it.file is None else f"{it.prefix}{folder}/files/{it.file}"


def _fill(name: str, chart: Mapping[str, bytes], given: list[bytes]) -> str:
    """Write chart and files, readable by nobody too where that is whom helm runs as; return the folder without links."""
    folder = os.path.realpath(name)
    gid = NOBODY if os.geteuid() == 0 else -1
    os.chown(folder, -1, gid)
    os.chmod(folder, 0o750)
    with Root(folder) as root:
        files = {f"files/{at}": content for at, content in enumerate(given)}
        for path, content in {**{f"chart/{path}": each for path, each in chart.items()}, **files}.items():
            root.make_folders(os.path.dirname(path), mode=0o750, gid=gid)
            root.write(path, content, mode=0o640, gid=gid, sync=False)
    os.mkdir(f"{folder}/home", 0o770)
    os.chown(f"{folder}/home", -1, gid)
    os.chmod(f"{folder}/home", 0o770)
    return folder


async def _bounded(stream: asyncio.StreamReader) -> bytes | None:
    """Return all of a stream, None where that is too much: then the rest is read and forgotten, so that its writer ends."""
    said = bytearray()
    is_over = False
    while piece := await stream.read(1 << 16):
        if not is_over:
            said += piece
            is_over = len(said) > LARGEST_ANSWER
    return None if is_over else bytes(said)
