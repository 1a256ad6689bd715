"""Images of Debian's own programs: PostgreSQL and Python with what they need, copied from this machine, without any registry."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.engines.docker_stage import Dockerd

LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
"""Debian's merged /usr."""
PASSWD = "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUP = "root:x:0:\npostgres:x:999:\nnogroup:x:65534:\n"
POSTGRES = "postgres:16"
WEB = "ghcr.io/your-org/web-app:1"
ENTRYPOINT = """#!/bin/sh
set -e
as_postgres() { setpriv --reuid=999 --regid=999 --clear-groups "$@"; }
data=/var/lib/postgresql/data
mkdir -p "$data" /run/postgresql
chown -R postgres:postgres "$data" /run/postgresql
chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
    cp "$POSTGRES_PASSWORD_FILE" /tmp/password
    chown postgres /tmp/password
    as_postgres initdb -D "$data" --username=postgres --pwfile=/tmp/password -A scram-sha-256 -E UTF8 --no-sync
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
fi
cat >> "$data/postgresql.auto.conf" <<'END'
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
fsync = off
max_connections = 200
END
exec setpriv --reuid=999 --regid=999 --clear-groups postgres -D "$data"
"""
"""What the official image does at its first start, as far as the example asks for it."""


class Image:
    """A root file system in the making."""

    def __init__(self) -> None:
        self._data = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._data, mode="w")
        self._had: set[str] = set()
        for folder in (
            "usr",
            "usr/bin",
            "usr/sbin",
            "usr/lib",
            "usr/lib64",
            "etc",
            "tmp",
            "run",
            "proc",
            "sys",
            "dev",
            "var",
            "var/lib",
            "root",
        ):
            self._folder(folder, 0o1777 if folder == "tmp" else 0o755)
        for name, target in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            self._tar.addfile(link)
        self.text("etc/passwd", PASSWD)
        self.text("etc/group", GROUP)

    def _folder(self, name: str, mode: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def text(self, path: str, text: str, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(text.encode()), mode
        self._tar.addfile(entry, io.BytesIO(text.encode()))

    def file(self, source: str, path: str | None = None) -> None:
        """Add a file of this machine, with the libraries that it is linked with."""
        target = _merged(path or source)
        if target in self._had:
            return
        self._had.add(target)
        self._tar.add(os.path.realpath(source), arcname=target)
        for library in linked(source):
            self.file(library)

    def tree(self, folder: str, keep: Callable[[str], bool] = lambda path: True) -> None:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and keep(str(path)):
                self.file(str(path))

    def into(self, dockerd: Dockerd, tag: str, changes: Iterable[str]) -> str:
        self._tar.close()
        dockerd.take(tag, self._data.getvalue(), changes)
        return tag


def _merged(path: str) -> str:
    plain = path.lstrip("/")
    head, _, rest = plain.partition("/")
    return f"{LINKS[head]}/{rest}" if head in LINKS else plain


def linked(path: str) -> Iterator[str]:
    """Yield the libraries of a program or library, and its loader."""
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    yield from re.findall(r"(?:=> |^\s*)(/\S+) \(0x", said, re.MULTILINE)


def postgres(dockerd: Dockerd, tag: str = POSTGRES) -> str:
    """Make an image that stands in for the official one: Debian's PostgreSQL, with its entrypoint's first start."""
    (version,) = sorted(Path("/usr/lib/postgresql").iterdir())[-1:]
    image = Image()
    for program in ("postgres", "initdb", "pg_isready", "psql"):
        image.file(str(version / "bin" / program))
    image.tree(str(version / "lib"), lambda path: path.endswith(("plpgsql.so", "dict_snowball.so", "euc2004_sjis2004.so")))
    image.tree(f"/usr/share/postgresql/{version.name}", lambda path: "/man/" not in path and "/locale/" not in path)
    image.tree("/usr/share/zoneinfo", lambda path: path.endswith(("/UTC", "/GMT")))
    for program in ("sh", "mkdir", "chown", "chmod", "cp", "rm", "cat", "setpriv", "env"):
        image.file(f"/usr/bin/{program}")
    image.text("entrypoint.sh", ENTRYPOINT, 0o755)
    path = f"PATH=/usr/lib/postgresql/{version.name}/bin:/usr/bin"
    return image.into(dockerd, tag, ('ENTRYPOINT ["/entrypoint.sh"]', f"ENV {path}", "EXPOSE 5432"))


def web(dockerd: Dockerd, program: Path, tag: str = WEB) -> str:
    """Make the image of a Python program that asks PostgreSQL: Debian's Python and psycopg2."""
    image = Image()
    image.file("/usr/bin/python3", "/usr/bin/python3")
    python = os.path.basename(os.path.realpath("/usr/bin/python3"))
    image.tree(f"/usr/lib/{python}", lambda path: "__pycache__" not in path and "/test" not in path and "/config-" not in path)
    image.tree("/usr/lib/python3/dist-packages/psycopg2", lambda path: "__pycache__" not in path and "/tests/" not in path)
    image.text("app/web.py", program.read_text())
    return image.into(dockerd, tag, ('CMD ["python3","/app/web.py"]', "ENV PATH=/usr/bin", "EXPOSE 8080"))


def node(dockerd: Dockerd, tag: str, *, pm2: Path | None = None) -> str:
    """Make an image that stands in for the official one of Node, with its Python; with PM2 where its node_modules are given."""
    image = Image()
    image.file(str(shutil.which("node")), "/usr/bin/node")
    image.file("/usr/bin/python3", "/usr/bin/python3")
    python = os.path.basename(os.path.realpath("/usr/bin/python3"))
    image.tree(f"/usr/lib/{python}", lambda path: "__pycache__" not in path and "/test" not in path and "/config-" not in path)
    for program in ("sh", "env"):
        image.file(f"/usr/bin/{program}")
    if pm2 is not None:
        for path in sorted(pm2.rglob("*")):
            if path.is_file() and ".bin" not in path.parts:
                image.file(str(path), f"/opt/node_modules/{path.relative_to(pm2)}")
        image.text("usr/bin/pm2-runtime", '#!/bin/sh\nexec node /opt/node_modules/pm2/bin/pm2-runtime "$@"\n', 0o755)
    return image.into(dockerd, tag, ('CMD ["node"]', "ENV PATH=/usr/bin"))
