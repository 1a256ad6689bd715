"""A Docker Engine of the tests' own: a real dockerd in a network of its own, and small images made without any registry.

Nothing of another Docker on the machine is touched: socket, data, run folders, pid files, bridges, rules and published ports are its own.
The network is a namespace, which a test enters (`inside`) so that it reaches what containers publish; what it starts there is in it too.
One dockerd serves a whole test session (the fixture `dockerd` of conftest); each test has names of its own and removes what it made.
"""

from __future__ import annotations

import ctypes
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

NEEDS = ("root", "dockerd", "containerd", "runc", "iptables", "ip", "nsenter", "busybox")
"""What a test that asks for the fixture is marked with: `pytest.mark.needs(*NEEDS)`."""
START_S = 60.0
SMALL = "holdfast-test/small:1"
"""Busybox and nothing else: sh, httpd, wget, nc, sleep."""
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Dockerd:
    """One dockerd. `start` and `stop` may be repeated: what containers and volumes there are outlives it."""

    def __init__(self, *, name: str | None = None, flags: Iterable[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hf-docker-"))
        self.name = name or f"hf-docker-{os.getpid()}-{self.folder.name[-4:]}"
        self.path = self.folder / "docker.sock"
        self.log = self.folder / "dockerd.log"
        self._flags = tuple(flags)
        self._process: subprocess.Popen[bytes] | None = None
        self._containerd: subprocess.Popen[bytes] | None = None
        self._containerd_address = str(self.folder / "containerd.sock")
        _run("ip", "netns", "add", self.name)
        _run("ip", "-n", self.name, "link", "set", "lo", "up")

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and return when it answers. Its containerd outlives it, as a service of its own does."""
        self._start_containerd()
        command = [
            "dockerd",
            f"--host={self.address}",
            f"--containerd={self._containerd_address}",
            f"--data-root={self.folder / 'data'}",
            f"--exec-root={self.folder / 'exec'}",
            f"--pidfile={self.folder / 'pid'}",
            "--bip=10.213.0.1/24",
            "--default-address-pool=base=10.214.0.0/16,size=24",
            "--containerd-namespace=holdfast-test",
            "--containerd-plugins-namespace=holdfast-test-plugins",
            "--log-level=warn",
            *self._flags,
        ]
        (self.folder / "pid").unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.name}", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"},
            )
        ends_at = time.monotonic() + START_S
        while time.monotonic() < ends_at:
            with suppress(OSError, http.client.HTTPException):
                self.ask("GET", "/_ping", is_json=False)
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"dockerd does not answer:\n{self.log.read_text()[-2000:]}")

    def _start_containerd(self) -> None:
        if self._containerd is not None:
            return
        folders = (f"--root={self.folder / 'containerd-data'}", f"--state={self.folder / 'containerd'}")
        with open(self.log, "ab") as log:
            self._containerd = subprocess.Popen(
                ["containerd", f"--address={self._containerd_address}", *folders, "--log-level=warn"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"},
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it; with SIGKILL as in a crash, where containers go on."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        """End everything and leave nothing: containers, mounts, processes, the network, the folder."""
        with suppress(Exception):
            for each in self.ask("GET", "/containers/json?all=1"):
                self.ask("DELETE", f"/containers/{each['Id']}?force=1&v=1")
        self.stop()
        if self._containerd is not None:
            self._containerd.terminate()
            self._containerd.wait(60)
        self._end_the_rest()
        for line in Path("/proc/self/mounts").read_text().splitlines():
            if line.split()[1].startswith(str(self.folder)):
                subprocess.run(["umount", "-l", line.split()[1]], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_the_rest(self) -> None:
        """End shims and the containerd that a killed dockerd left: whatever names our folder in its command line."""
        mark = str(self.folder).encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                    os.kill(int(folder.name), signal.SIGKILL)

    # Asking, without what is tested

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        is_json: bool = True,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask the engine. Raises AssertionError with its words where it refuses."""
        connection = _Connection(str(self.path))
        try:
            sent = data if data is not None else json.dumps(body).encode() if body is not None else None
            kind = {"Content-Type": "application/x-tar" if data is not None else "application/json"}
            connection.request(method, f"/v1.41{path}", body=sent, headers={**(kind if sent is not None else {}), **(headers or {})})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        assert answer.status < 400, f"{method} {path}: {answer.status} {said[:500]!r}"
        return json.loads(said) if is_json and said.strip() else said

    def image(self, tag: str, files: Mapping[str, str], changes: Iterable[str] = ()) -> str:
        """Make an image of paths in it → files of this host, or a text that begins with a newline; return its tag."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for folder in ("tmp", "run", "proc", "sys", "dev", "etc", "var", "var/tmp"):
                _folder(tar, folder, 0o1777 if folder.endswith("tmp") else 0o755)
            for path, source in sorted(files.items()):
                if source.startswith("\n"):
                    _text(tar, path, source[1:])
                else:
                    tar.add(os.path.realpath(source), arcname=path.lstrip("/"))
        self.take(tag, data.getvalue(), changes)
        return tag

    def busybox(self, tag: str = SMALL, changes: Iterable[str] = ('CMD ["sleep","1000000"]',)) -> str:
        """Make an image of busybox with all its names."""
        names = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for folder in ("tmp", "run", "proc", "sys", "dev", "etc", "var", "bin", "www", "root"):
                _folder(tar, folder, 0o1777 if folder == "tmp" else 0o755)
            _text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
            _text(tar, "etc/group", "root:x:0:\nnogroup:x:65534:\n")
            found = shutil.which("busybox", path=f"{os.environ.get('PATH', '')}:/bin:/usr/bin")
            assert found is not None
            tar.add(os.path.realpath(found), arcname="bin/busybox")
            for name in names:
                if name != "busybox":
                    link = tarfile.TarInfo(f"bin/{name}")
                    link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                    tar.addfile(link)
        self.take(tag, data.getvalue(), changes)
        return tag

    def take(self, tag: str, data: bytes, changes: Iterable[str]) -> None:
        """Make an image of the archive of a root file system."""
        name, _, version = tag.rpartition(":")
        query = [("fromSrc", "-"), ("repo", name), ("tag", version), *(("changes", each) for each in changes)]
        said = self.ask("POST", f"/images/create?{urlencode(query)}", data=data, is_json=False)
        assert b'"error"' not in said, said

    # The network

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in its network within the block, this thread and whatever it starts."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(before)
        finally:
            os.close(there)
            os.close(before)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _enter(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _text(tar: tarfile.TarFile, path: str, text: str) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(text.encode()), 0o755
    tar.addfile(entry, io.BytesIO(text.encode()))
