"""Ecosystem files in JavaScript are run by a real Node, fenced in; and a real Node cluster app shares the socket that it is handed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.errors import SourceError
from holdfast.host.javascript import JavaScript, needed
from holdfast.testing.rendering import Repository, as_bytes
from holdfast.workload.node_socket import sharing
from holdfast.workload.pm2 import Pm2
from holdfast.workload.pm2_script import FAILED
from holdfast.workload.process import ProcessKind

pytestmark = [pytest.mark.real, pytest.mark.needs("node")]

FILE = "ecosystem.config.js"
DEADLINE_S = 20.0


class Blobs:
    """Reads the blobs of files at hand."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        tree = Repository(files).tree()
        self._contents = {tree.blobs[path].id: as_bytes(content) for path, content in files.items()}

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        return {id: self._contents[id] for id in blob_ids}


def exports(files: Mapping[str, str | bytes], path: str = FILE, **more: Any) -> Any:
    node = JavaScript(git=Blobs(files), **more)
    answer = asyncio.run(node.exports(Repository(files).tree(), path))
    return None if answer is None else json.loads(answer)


EXPORTED: dict[str, tuple[dict[str, str | bytes], str]] = {
    "module.exports": ({FILE: "module.exports = { apps: [{ name: 'web' }] }"}, FILE),
    "exports.apps": ({FILE: "exports.apps = [{ name: 'web' }]; setInterval(() => {}, 1000)"}, FILE),
    "what it prints is not it": ({FILE: "console.log('{}'); module.exports = { apps: [{ name: 'web' }] }"}, FILE),
    "another file of the tree": ({FILE: "module.exports = require('./x/apps')", "x/apps.js": "exports.apps = [{ name: 'web' }]"}, FILE),
    "package.json": ({FILE: "exports.apps = [{ name: require('./package').name }]", "package.json": '{"name": "web"}'}, FILE),
    "export default": ({"ecosystem.config.mjs": "export default { apps: [{ name: 'web' }] }"}, "ecosystem.config.mjs"),
    "export const": ({"ecosystem.config.mjs": "export const apps = [{ name: 'web' }]"}, "ecosystem.config.mjs"),
    "a package of modules": ({FILE: "export default { apps: [{ name: 'web' }] }", "package.json": '{"type": "module"}'}, FILE),
    "later": ({"ecosystem.config.mjs": "export const apps = await Promise.resolve([{ name: 'web' }])"}, "ecosystem.config.mjs"),
}


@pytest.mark.parametrize("form", EXPORTED)
def test_what_a_file_exports_is_the_answer(form: str) -> None:
    assert exports(*EXPORTED[form]) == {"apps": [{"name": "web"}]}


def test_a_large_answer_is_whole() -> None:
    assert exports({FILE: "console.log(1); module.exports = { apps: 'x'.repeat(1e6) }"}) == {"apps": "x" * 1_000_000}


def test_a_file_that_is_not_there_has_no_answer() -> None:
    assert exports({"a.js": ""}) is None


FAILURES: dict[str, tuple[str, int | None]] = {
    "\n\nmodule.exports = { apps: [nowhere] }": ("ReferenceError: nowhere is not defined", 3),
    "\nmodule.exports = { apps: [ }": ("SyntaxError: Unexpected token '}'", 2),
    "\nrequire('express')": ("Error: Cannot find module 'express'", 2),
    "throw { code: 7 }": ("it threw [object Object]", None),
    "module.exports = () => ({})": ("TypeError: it exports function, no object", None),
    "module.exports = null": ("TypeError: it exports null, no object", None),
    "const a = {}; a.a = a; module.exports = a": ("TypeError: Converting circular structure to JSON", None),
    "process.exit(0)": ("Node ended without an answer", None),
    "module.exports = { apps: 'x'.repeat(2 ** 21) }": ("it exports more than 1,048,576 bytes", None),
    "for (;;);": ("it ran longer than 2 s", None),
}


@pytest.mark.parametrize("text", FAILURES)
def test_a_file_that_fails_says_why_and_where(text: str) -> None:
    words, line = FAILURES[text]
    answer = exports({FILE: text}, timeout_s=2.0 if "ran longer" in words else 60.0)
    assert answer[FAILED].startswith(words)
    assert answer["line"] == line


def test_nothing_is_inherited_and_nobody_runs_it() -> None:
    text = "exports.found = { env: process.env, uid: process.getuid(), groups: process.getgroups(), cwd: process.cwd() }"
    found = exports({FILE: text})["found"]
    assert found["env"] == {}
    assert not os.path.exists(found["cwd"])
    assert os.geteuid() != 0 or (found["uid"], found["groups"]) == (65534, [65534])


def fences() -> bool:
    """Say whether this Node knows its permission model."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.lstrip("v").split(".")[0]) >= 20


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = { a: require('fs').readFileSync('/etc/hostname', 'utf8') }",
        "require('fs').writeFileSync(__dirname + '/x', 'y')",
        "module.exports = { a: String(require('child_process').execFileSync('id')) }",
        "new (require('worker_threads').Worker)('1', { eval: true })",
    ],
)
def test_a_fenced_node_reads_nothing_else_writes_nothing_and_starts_nothing(text: str) -> None:
    if not fences():
        pytest.skip("this Node has no permission model")
    assert exports({FILE: text})[FAILED] == "Error: Access to this API has been restricted"


def test_only_text_files_near_the_root_go_along() -> None:
    files: dict[str, str | bytes] = {
        FILE: "",
        "b.json": "",
        "lib/a.js": "",
        "node_modules/x/a.js": "",
        "photo.png": "",
        "big.js": b"x" * ((1 << 20) + 1),
    }
    assert [blob.path for blob in needed(Repository(files).tree(), FILE)] == [FILE, "b.json", "lib/a.js"]


def test_a_node_that_is_not_there_is_no_fault_of_the_file() -> None:
    with pytest.raises(SourceError) as caught:
        exports({FILE: ""}, search_path="/nowhere")
    assert caught.value.code == "HF1135"


def test_an_ecosystem_renders_through_a_real_node() -> None:
    text = (
        "const { name } = require('./package.json');\nexports.apps = [{ name, script: 'server.js', instances: 2, env: { PORT: 3000 } }];\n"
    )
    files: dict[str, str | bytes] = {FILE: text, "package.json": '{"name": "web"}', "server.js": ""}
    answer = asyncio.run(JavaScript(git=Blobs(files)).exports(Repository(files).tree(), FILE))
    renderer = Renderer(Registry(kinds=(ProcessKind(),), formats=(Pm2(),)))
    desired = Repository(files, exported={FILE: answer}).render(renderer, allowed=frozenset({"javascript"}))
    assert [str(resource.id) for resource in desired] == ["Process/shop/web.0", "Process/shop/web.1"]


SERVER = """\
const http = require('http');
if (require.main !== module) throw new Error('it must be the main module');
const server = http.createServer((request, response) => response.end(String(process.pid)));
server.listen({ port: Number(process.env.PORT), host: '0.0.0.0' }, () => console.log('up'));
"""
HANDED = "import os, sys\nos.dup2(int(sys.argv[1]), 3)\nos.environ['LISTEN_PID'] = str(os.getpid())\nos.execvp(sys.argv[2], sys.argv[2:])"


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[tuple[int, list[subprocess.Popen[str]]]]:
    (tmp_path / "server.js").write_text(SERVER)
    held = socket.create_server(("127.0.0.1", 0))
    port = held.getsockname()[1]
    command = [sys.executable, "-c", HANDED, str(held.fileno()), *sharing(("node", "server.js"))]
    environment = {**os.environ, "PORT": str(port), "LISTEN_FDS": "1"}
    running = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, pass_fds=[held.fileno()], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        yield port, running
    finally:
        held.close()
        for each in running:
            each.kill()
            each.communicate()


def test_a_cluster_app_shares_the_socket_that_it_is_handed(replicas: tuple[int, list[subprocess.Popen[str]]]) -> None:
    port, running = replicas
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "up\n"
    pids: set[bytes] = set()
    deadline = time.monotonic() + DEADLINE_S
    while len(pids) < 2 and time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=DEADLINE_S) as answer:
            pids.add(answer.read())
    assert pids == {str(each.pid).encode() for each in running}
