"""What Helm itself packs, indexes, pushes and logs in to is what the Git port reads."""

from __future__ import annotations

import asyncio
import http.server
import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.engines.registry_stage import PASSWORD, USER, basic, password_file, registry
from tests.real.helm_program import folder_of_helm

from holdfast.app.mirrors import mirrors
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Layer, Source, resolve
from holdfast.kit.canonical import Json
from holdfast.model.chart import ChartAddress
from holdfast.model.source import Revision

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "go", "htpasswd")]
VERSIONS = ("1.2.3", "1.3.0-rc.1+build.7")


class Helm:
    """A helm whose home is a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"PATH": f"{folder_of_helm()}:{os.environ['PATH']}", "HOME": str(folder)}

    def __call__(self, *words: str, stdin: str = "") -> None:
        done = subprocess.run(
            ["helm", *words], cwd=self.folder, env=self.environ, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"helm {' '.join(words)}:\n{done.stdout}\n{done.stderr}"

    def pack(self, into: str) -> None:
        """Make a chart as Helm makes them, and pack two versions of it."""
        self("create", "web")
        (self.folder / into).mkdir()
        for version in VERSIONS:
            self("package", "web", "--version", version, "--destination", into)

    def resolved(self, repository: str, revision: str) -> tuple[Revision, list[str]]:
        """Return a version as the port of a daemon of this home has it, and its files."""
        values: dict[str, Json] = {"charts.private": ["127.0.0.1"], "allow.http": True}
        config = resolve([Layer(source=Source.SYSTEM, name="test", values=values)])

        async def whole() -> tuple[Revision, list[str]]:
            git = mirrors(self.folder / "state", config, self.environ, is_local=lambda path: False, clock=RealClock(), random=RealRandom())
            try:
                found = await git.resolve(ChartAddress.of(repository, "web").text, revision)
                return found, sorted((await git.tree(found, "")).blobs)
            finally:
                await git.close()

        return asyncio.run(whole())

    @property
    def packed(self) -> list[str]:
        chart = self.folder / "web"
        files = (path.relative_to(chart).as_posix() for path in chart.rglob("*") if path.is_file())
        return sorted(files)


@contextmanager
def guarded(folder: Path) -> Iterator[str]:
    """Serve a folder to whoever has user and password."""
    wanted = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Guarded(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.headers.get("Authorization") == wanted:
                super().do_GET()
            else:
                self.send_error(401)

        def log_message(self, *what: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_repository_that_helm_indexed_is_read_with_what_helm_repo_add_keeps(tmp_path: Path) -> None:
    helm = Helm(tmp_path)
    helm.pack("served")
    helm("repo", "index", "served")
    with guarded(tmp_path / "served") as address:
        helm("repo", "add", "shop", address, "--username", USER, "--password-stdin", stdin=PASSWORD)
        found, files = helm.resolved(address, "1.x")
        assert (found.ref, files) == ("1.2.3", helm.packed)
        assert helm.resolved(address, ">=1.3.0-0")[0].ref == "1.3.0-rc.1+build.7"


def test_a_registry_that_helm_pushed_to_is_read_with_what_helm_registry_login_keeps(tmp_path: Path) -> None:
    helm = Helm(tmp_path)
    helm.pack("packed")
    with registry(auth=password_file(tmp_path)) as it:
        it.login(basic())
        helm("registry", "login", it.name, "--username", USER, "--password-stdin", "--plain-http", stdin=PASSWORD)
        for archive in sorted((tmp_path / "packed").iterdir()):
            helm("push", str(archive), f"oci://{it.name}/charts", "--plain-http")
        found, files = helm.resolved(f"{it.name}/charts", "1.x")
        assert (found.ref, files) == ("1.2.3", helm.packed)
        assert found.committed_at > 1_700_000_000
        assert helm.resolved(f"oci://{it.name}/charts", "1.3.0-rc.1+build.7")[0].ref == "1.3.0-rc.1+build.7"
