"""Rendering: a repository as a mapping of paths to text, rendered the way a controller drives it.

For tests of kinds and formats: `Repository({"Procfile": "web: node server.js"}).render(renderer)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.declare.render import Renderer
from holdfast.declare.request import Asks, RenderRequest
from holdfast.errors import DeclarationError
from holdfast.model.declaration import Ask
from holdfast.model.resource import Desired
from holdfast.model.source import FILE, Blob, Revision, Tree


def as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def blob_id(content: bytes) -> str:
    """Return the object id that Git gives to a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(slots=True, kw_only=True)
class Reads:
    """What a render had to be given."""

    blobs: list[str] = field(default_factory=list)
    """Paths that it wanted."""
    asks: list[Ask] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Repository:
    """Files of one revision, below the Application's path."""

    files: Mapping[str, str | bytes]
    commit: str = "c" * 40
    path: str = ""
    around: Mapping[str, str | bytes] = field(default_factory=dict)
    """Files of the repository outside of that path, by their whole path."""
    exported: Mapping[str, bytes | None] = field(default_factory=dict)
    """Path of a JavaScript file → the JSON that it exports."""

    def tree(self) -> Tree:
        return self._tree(self.files, self.path)

    def repository(self) -> Tree:
        """Return the whole repository."""
        return self._tree({f"{self.path}/{path}": content for path, content in self.files.items()} | dict(self.around), "")

    def _tree(self, files: Mapping[str, str | bytes], at: str) -> Tree:
        blobs = {}
        for path, content in files.items():
            data = as_bytes(content)
            blobs[path] = Blob(path=path, mode=FILE, id=blob_id(data), size=len(data))
        revision = Revision(repository="/srv/shop.git", ref="main", commit=self.commit, committed_at=0.0, author="ada", subject="work")
        return Tree(revision=revision, path=at, blobs=blobs)

    def request(self, **more: Any) -> RenderRequest:
        return RenderRequest(**{"application": "shop", "namespace": "shop", "destination": "host", "tree": self.tree(), **more})

    def render(self, renderer: Renderer, reads: Reads | None = None, **more: Any) -> Desired:
        """Return the Desired; raises DeclarationError."""
        reads = reads if reads is not None else Reads()
        request = self.request(**more)
        if renderer.reaches(request):
            request = replace(request, repository=self.repository())
        wanted = renderer.wants(request)
        reads.blobs += [blob.path for blob in wanted]
        blobs = {blob.id: as_bytes(self.files[blob.path]) for blob in wanted}
        answers: dict[Ask, bytes | None] = {}
        while isinstance(answer := renderer.render(request, blobs, answers), Asks):
            reads.asks += answer.asks
            answers |= {ask: self.answer(ask, request) for ask in answer.asks}
        return answer

    def answer(self, ask: Ask, request: RenderRequest) -> bytes | None:
        if ask.what == "javascript":
            return self.exported.get(ask.path)
        contents = (as_bytes(content) for content in (*self.files.values(), *self.around.values()))
        blob = request.blob(ask.path)
        return next(content for content in contents if blob_id(content) == blob.id) if blob is not None else None

    def errors(self, renderer: Renderer, **more: Any) -> list[str]:
        """Return `code place: message | hint` of every error of a render that must fail."""
        try:
            self.render(renderer, **more)
        except DeclarationError as error:
            return [told(each) for each in error.errors or (error,)]
        raise AssertionError("it rendered without an error")


def told(error: Any) -> str:
    places = " ".join(map(str, error.where))
    return f"{error.code} {places}: {error.message}" + (f" | {error.hint}" if error.hint else "")
