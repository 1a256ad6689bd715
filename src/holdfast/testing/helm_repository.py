"""A real Helm repository to test against: archives packed with tarfile, an index as `helm repo index` lays it out, and a server of both.

What is served can be moved by a test: versions come, go and change, the server forbids, redirects, breaks off or is away.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import yaml
from aiohttp import web

from holdfast.testing.simulated_git import Content, Files, as_entry

CREATED = 1_700_000_000
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def chart_files(name: str, version: str, more: Files | None = None) -> dict[str, Content]:
    """Return the files of a chart that renders one ConfigMap."""
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  greeting: {{ .Values.greeting }}\n"
    return {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        "values.yaml": "greeting: hello\n",
        "templates/greeting.yaml": template,
        **(more or {}),
    }


def packed(files: Files, folder: str, *, at: int = CREATED) -> bytes:
    """Return a .tgz of these files in a folder, as `helm package` writes it; the same files give the same bytes."""
    unzipped = io.BytesIO()
    with tarfile.open(fileobj=unzipped, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            _, data = as_entry(content)
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size, member.mtime = len(data), at
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(unzipped.getvalue(), mtime=0)


@dataclass(slots=True)
class HelmRepository:
    """What is served: archives by their name, and of each chart the entries of the index."""

    archives: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Path of each request, with the status that it got."""
    answer: Answer | None = None
    """What answers instead of the repository."""
    authorization: str | None = None
    """What each request must carry."""

    def release(self, name: str, version: str, more: Files | None = None, *, at: int = CREATED, archive: bytes | None = None) -> str:
        """Put a version of a chart into the index, in place of the same one; return the digest."""
        data = packed(chart_files(name, version, more), name) if archive is None else archive
        digest = hashlib.sha256(data).hexdigest()
        self.archives[f"{name}-{version}.tgz"] = data
        self.withdraw(name, version)
        entry: dict[str, object] = {"apiVersion": "v2", "name": name, "version": version, "description": "A chart"}
        entry |= {"created": datetime.fromtimestamp(at, UTC).isoformat(), "digest": digest, "urls": [f"{name}-{version}.tgz"]}
        self.entries.setdefault(name, []).insert(0, entry)
        return digest

    def withdraw(self, name: str, version: str) -> None:
        """Take a version out of the index; its archive stays."""
        self.entries[name] = [entry for entry in self.entries.get(name, []) if entry["version"] != version]

    @property
    def index(self) -> bytes:
        whole = {"apiVersion": "v1", "entries": self.entries, "generated": "2024-01-01T00:00:00Z"}
        return yaml.safe_dump(whole).encode()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request as a static server does, with an ETag."""
        response = await self._answered(request)
        self.asked.append(f"{request.path} {response.status}")
        return response

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        if self.answer is not None:
            return await self.answer(request)
        if self.authorization is not None and request.headers.get("Authorization") != self.authorization:
            return web.Response(status=401)
        name = request.path.rpartition("/")[2]
        data = self.index if name == "index.yaml" else self.archives.get(name)
        if data is None:
            return web.Response(status=404)
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=data, headers={"ETag": etag})


def entries_of(index: bytes) -> Mapping[str, list[Mapping[str, object]]]:
    """Return what an index names, read by PyYAML alone."""
    found: Mapping[str, list[Mapping[str, object]]] = yaml.safe_load(index)["entries"]
    return found
