"""Discover: which files a build will read, so that they can be brought together and not one by one.

A walk over the kustomizations alone; what it cannot read it passes over, since the build says so with its place. Law: a build whose
discovery wants nothing more wants nothing but what configurations of plug-ins name.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.kit.path import within
from holdfast.kubernetes.kustomize.generate import file_source
from holdfast.kubernetes.kustomize.library import MOST_FILES, NAMES, Broken, Home, Library, Wanted, is_remote
from holdfast.kubernetes.kustomize.spec import Generator
from holdfast.kubernetes.kustomize.trouble import Trouble

_DEEPEST = 12


def wanted(library: Library, folder: str) -> tuple[str, ...]:
    """Return the paths that must be given before a build of `folder` can go on; empty where all are."""
    walk = _Walk(library)
    walk.folder(folder, 0)
    return tuple(walk.wanted)


class _Walk:
    def __init__(self, library: Library) -> None:
        self.library = library
        self.wanted: dict[str, None] = {}
        self.seen: set[str] = set()

    def has(self, path: str) -> bool | None:
        """Say whether a file is there; None, and it is wanted, while that is not known."""
        try:
            return self.library.content(path) is not None
        except Wanted as wanted_:
            self.wanted |= dict.fromkeys(wanted_.paths)
        except Trouble:
            return False
        return None

    def folder(self, folder: str, depth: int) -> None:
        if folder in self.seen or depth > _DEEPEST or len(self.seen) > MOST_FILES:
            return
        known = [self.has(f"{folder}/{name}" if folder else name) for name in NAMES]
        if None in known:
            return
        self.seen.add(folder)
        try:
            home = self.library.home(folder)
        except (Trouble, Broken):
            return
        if home is not None:
            for entry in _beside(home):
                if (path := _path(home, entry)) is not None:
                    self.has(path)
            for entry in _resources(home):
                if (path := _path(home, entry)) is not None:
                    self.entry(path, depth)

    def entry(self, path: str, depth: int) -> None:
        """Follow an entry that is a file or a folder."""
        is_file = self.has(path) if path else False
        if is_file is None:
            # Whether it is a folder is asked together with whether it is a file.
            for name in NAMES:
                self.has(f"{path}/{name}")
        elif not is_file:
            self.folder(path, depth + 1)


def _path(home: Home, entry: str) -> str | None:
    if is_remote(entry) or entry.startswith("/") or "\n" in entry:
        return None
    return within(home.folder, entry)


def _resources(home: Home) -> Iterator[str]:
    spec = home.spec
    yield from (*spec.resources, *spec.bases, *spec.components, *spec.generators, *spec.transformers)


def _beside(home: Home) -> Iterator[str]:
    """Yield the files that a kustomization names beside its resources."""
    spec = home.spec
    yield from (patch.path for patch in (*spec.patches, *spec.patches_json6902) if patch.path)
    yield from (replacement.path for replacement in spec.replacements if replacement.path)
    yield from spec.patches_strategic_merge
    yield from (*spec.configurations, *spec.crds)
    if "path" in spec.openapi:
        yield spec.openapi["path"]
    for generator in (*spec.config_map_generator, *spec.secret_generator):
        yield from _sources(generator)


def _sources(generator: Generator) -> Iterator[str]:
    yield from generator.envs
    if generator.env:
        yield generator.env
    for source in generator.files:
        try:
            yield file_source(source)[1]
        except Trouble:
            continue
