"""The edge in front of real nginx: what is written is what nginx reads."""

from __future__ import annotations

import http.client
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.edge.tree import Directive
from holdfast.edge.write import show

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

SEARCH_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
NGINX = shutil.which("nginx", path=SEARCH_PATH) or "nginx"
SEPARATOR = "␞"
DEADLINE_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bare_config(folder: Path, http: tuple[Directive, ...]) -> str:
    """Return a configuration around `http` that an ordinary user can run in `folder`."""
    temp = [Directive(f"{name}_temp_path", (str(folder / name),)) for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    main = (
        Directive("daemon", ("off",)),
        Directive("pid", (str(folder / "nginx.pid"),)),
        Directive("error_log", (str(folder / "error.log"), "warn")),
        Directive("events", (), ()),
        Directive("http", (), (*temp, Directive("access_log", ("off",)), *http)),
    )
    return show(main)


def write_config(folder: Path, text: str) -> list[str]:
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(text)
    return [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


@contextmanager
def running(folder: Path, text: str, port: int) -> Iterator[None]:
    """Run nginx in the foreground with this configuration until the block is left."""
    process = subprocess.Popen(write_config(folder, text), stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((folder / "error.log").read_text())
            time.sleep(0.01)  # the kernel tells nobody when a port begins to listen
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def literals(count: int) -> list[str]:
    """Return strings that try to get out of their word, the same on every run."""
    chooser = random.Random(5)
    alphabet = "{};#'\"\\$ ()~=aé€\u00a0|&<>/n t"
    return ["".join(chooser.choices(alphabet, k=chooser.randint(0, 18))) for _ in range(count)]


def test_real_nginx_reads_back_the_value_of_every_word(tmp_path: Path) -> None:
    values = literals(2_000)
    port = free_port()
    groups = [range(at, min(at + 100, len(values))) for at in range(0, len(values), 100)]
    geos = tuple(Directive("geo", (f"$v{at}",), (Directive("default", (value,)),)) for at, value in enumerate(values))
    answers = tuple(
        Directive("location", ("=", f"/{at}"), (Directive("return", ("200", SEPARATOR.join(f"${{v{each}}}" for each in group))),))
        for at, group in enumerate(groups)
    )
    server = Directive("server", (), (Directive("listen", (f"127.0.0.1:{port}",)), Directive("charset", ("utf-8",)), *answers))
    sizes = (Directive("variables_hash_max_size", ("8192",)), Directive("variables_hash_bucket_size", ("128",)))
    with running(tmp_path, bare_config(tmp_path, (*sizes, *geos, server)), port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        seen: list[str] = []
        for at in range(len(groups)):
            connection.request("GET", f"/{at}")
            seen += connection.getresponse().read().decode().split(SEPARATOR)
        connection.close()
    assert seen == values
