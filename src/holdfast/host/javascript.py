"""JavaScript: what an ecosystem file exports, found out by running it with Node. Only where the local configuration allows it.

The file runs in a folder of its own, holding nothing but the text files of its tree, with an empty environment, as nobody where we are
root, and, where Node can (from version 20), forbidden to read elsewhere, to write and to start programs. Its time, memory and answer are
bounded. The answer is JSON for `workload.pm2_script`, which also knows the form of a failure; what is not the file's fault is a
SourceError.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from holdfast.errors import SourceError
from holdfast.host.command import end_group
from holdfast.host.files import Root
from holdfast.model.source import LINK, Blob, Tree
from holdfast.workload.pm2_script import failure

TIMEOUT_S = 10.0
MEMORY_MB = 256
LARGEST_ANSWER = 1 << 20
LARGEST_FILE = 1 << 20
LARGEST_TREE = 16 << 20
MOST_FILES = 2_000
NOBODY = 65534
SUFFIXES = (".js", ".cjs", ".mjs", ".json", ".yaml", ".yml", ".env", ".txt")
"""What an ecosystem file may read beside itself: package.json, a settings module, .env."""

PROGRAM = r"""
const [path] = process.argv.slice(1);
const { writeSync } = require('node:fs');
const { pathToFileURL } = require('node:url');
Object.defineProperty(process, 'stdout', { get: () => process.stderr }); // what the file prints is not what it exports
const answer = (value) => {
  const bytes = Buffer.from(JSON.stringify(value));
  for (let at = 0; at < bytes.length; ) {
    try { at += writeSync(1, bytes, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
  }
  process.exit(0);
};
const failed = (error) => {
  const said = error instanceof Error ? `${error.name}: ${error.message}`.split('\n')[0] : `it threw ${String(error)}`;
  const stack = String(error?.stack ?? '');
  const at = stack.match(new RegExp(path.replace(/[^\w/]/g, '\\$&') + ':(\\d+)(?::(\\d+))?')) ?? [];
  const caret = stack.match(/\n( *)\^+\n/); // a syntax error has no column, only a caret below its line
  const column = at[2] ?? (caret ? caret[1].length + 1 : null);
  answer({ 'holdfast.dev/failed': said, line: Number(at[1]) || null, column: Number(column) || null });
};
const load = async () => {
  try { return require(path); } catch (error) {
    if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code)) throw error;
  }
  return import(pathToFileURL(path));
};
load().then((found) => {
  const isModule = found?.[Symbol.toStringTag] === 'Module' || found?.__esModule;
  const { __esModule, ...named } = isModule ? found : {};
  const value = isModule ? found.default ?? named : found;
  if (value === null || typeof value !== 'object') throw new TypeError(`it exports ${value === null ? 'null' : typeof value}, no object`);
  answer(value);
}).catch(failed);
"""
"""Written for Node 18 and later. `answer` ends the process, whatever timers and sockets the file left."""


class Blobs(Protocol):
    """The part of model.source.Git that reads blobs."""

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]: ...


class JavaScript:
    """Constructor: where blobs are read, how Node is called, and in which folder temporary ones are made (the system's without)."""

    def __init__(
        self, *, git: Blobs, program: str = "node", search_path: str = os.defpath, folder: Path | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._git = git
        self._program = program
        self._search_path = search_path
        self._folder = folder
        self._timeout_s = timeout_s
        self._fences: tuple[str, ...] | None = None

    async def exports(self, tree: Tree, path: str) -> bytes | None:
        """Return the JSON of what the file at `path` exports, or of why it does not; None where there is no such file.

        Raises SourceError: HF1135 where Node cannot be started, and what reading the blobs raises.
        """
        if path not in tree.blobs:
            return None
        blobs = tuple(needed(tree, path))
        contents = await self._git.read(tree.revision.repository, [blob.id for blob in blobs])
        return await self.run(path, {blob.path: contents[blob.id] for blob in blobs})

    async def run(self, path: str, files: Mapping[str, bytes]) -> bytes:
        """Return what `exports` does, of files that are at hand."""
        node = shutil.which(self._program, path=self._search_path)
        if node is None:
            raise SourceError(
                "HF1135",
                f"cannot read {path}: {self._program} is not on PATH {self._search_path}",
                hint="install Node, or write JSON or YAML",
            )
        if self._fences is None:
            self._fences = await _fences(node, self._timeout_s)
        with tempfile.TemporaryDirectory(prefix="holdfast-", dir=self._folder, ignore_cleanup_errors=True) as name:
            folder = _fill(name, files)
            fences = [fence.format(folder=folder) for fence in self._fences]
            command = (node, *fences, f"--max-old-space-size={MEMORY_MB}", "--no-warnings", "-e", PROGRAM, f"{folder}/{path}")
            return await _answer(command, folder, self._timeout_s)


def needed(tree: Tree, path: str) -> Iterator[Blob]:
    """Yield the blobs that the file at `path` may read: itself, and small text files of the tree, the nearest to its root first."""
    left, count = LARGEST_TREE, 0
    yield tree.blobs[path]
    for blob in sorted(tree.blobs.values(), key=lambda blob: (blob.path.count("/"), blob.path)):
        is_text = blob.path.endswith(SUFFIXES) and blob.mode != LINK and "node_modules" not in blob.path.split("/")
        if is_text and blob.path != path and blob.size <= min(left, LARGEST_FILE) and count < MOST_FILES:
            left -= blob.size
            count += 1
            yield blob


async def _fences(node: str, timeout_s: float) -> tuple[str, ...]:
    """Return the options by which this Node forbids what the file has no need of."""
    try:
        async with asyncio.timeout(timeout_s):
            said = await _said((node, "--version"), "/", 64)
    except TimeoutError as error:
        raise SourceError("HF1135", f"cannot run {node}: it did not tell its version in {timeout_s:g} s") from error
    found = re.match(rb"v(\d+)\.(\d+)", said or b"")
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < (20, 0):
        return ()
    # It left its experiment in 22.13 and 23.5 (nodejs/node doc/api/permissions.md).
    is_stable = version >= (23, 5) or (22, 13) <= version < (23, 0)
    return ("--permission" if is_stable else "--experimental-permission", "--allow-fs-read={folder}/*")


def _fill(name: str, files: Mapping[str, bytes]) -> str:
    """Write the files, readable by nobody too where that is whom Node runs as, and by no one else; return the folder without links."""
    folder = os.path.realpath(name)
    gid = NOBODY if os.geteuid() == 0 else -1
    os.chown(folder, -1, gid)
    os.chmod(folder, 0o750)
    with Root(folder) as root:
        for path, content in files.items():
            above = os.path.dirname(path)
            if above:
                root.make_folders(above, mode=0o750, gid=gid)
            root.write(path, content, mode=0o640, gid=gid, sync=False)
    return folder


async def _answer(command: tuple[str, ...], folder: str, timeout_s: float) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            said = await _said(command, folder, LARGEST_ANSWER)
    except TimeoutError:
        return failure(f"it ran longer than {timeout_s:g} s")
    if said is None:
        return failure(f"it exports more than {LARGEST_ANSWER:,} bytes")
    return said or failure("Node ended without an answer: out of memory, or ended by the file itself")


async def _said(command: tuple[str, ...], folder: str, limit: int) -> bytes | None:
    """Return what a command writes to its standard output, None where that is more than `limit`; nothing of it outlives the call."""
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            env={},
            start_new_session=True,
            **who,  # type: ignore[arg-type] # mypy sees one type for three keyword arguments
        )
    except OSError as error:
        raise SourceError("HF1135", f"cannot run {command[0]}: {error.strerror or error}", hint="is Node installed?") from error
    assert process.stdout is not None
    said = bytearray()
    try:
        while len(said) <= limit and (piece := await process.stdout.read(1 << 16)):
            said += piece
    finally:
        await end_group(process, 0)
    return bytes(said) if len(said) <= limit else None
